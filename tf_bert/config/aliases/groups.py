"""Names of other programs that mean something only together.

Each function gets the values of the names of its group that were given, and
those of our own flags, and returns what they are here.
"""

from collections.abc import Callable, Iterable, Mapping

from tf_bert.config.aliases.table import Settings

Values = Mapping[str, str]

_SCHEDULES = {
    "linear": "linear",
    "cosine": "cosine",
    "constant_with_warmup": "constant",
    "constant": "constant",
}
_STRATEGIES = ("no", "epoch", "steps")


def mode(values: Values, ours: Values) -> Settings:
    """`--do_train`, `--do_eval`, `--do_predict`: what the run does.

    Training evaluates, and predicts if there is a file for it; so the other
    two matter only without it.

    Example:
        >>> mode({"do_eval": "true"}, {})
        {'mode': 'evaluate'}
    """
    on = [name for name in values if values[name] == "true"]
    modes = {"do_eval": "evaluate", "do_predict": "predict"}
    if "do_train" in on:
        result = "train"
    elif len(on) == 1:
        result = modes[on[0]]
    else:
        raise ValueError(
            "One of `do_train`, `do_eval` and `do_predict` must be on, or "
            f"`do_train` with others. Received: {_shown(values)}. Evaluating "
            "and predicting with a finished run are two commands: pass "
            "--mode=evaluate, then --mode=predict."
        )
    if ours.get("mode", result) != result:
        raise ValueError(
            "`mode` contradicts `do_train`, `do_eval` or `do_predict`. "
            f"Received: --mode={ours['mode']}, {_shown(values)}. Leave out the "
            "others and pass --mode."
        )
    if result == "train" and "do_predict" in on and "predict_file" not in ours:
        raise ValueError(
            "`predict_file` must be given with `do_predict`. Received: "
            f"{_shown(values)}. Pass --predict_file; a --test_file has labels "
            "here and gives the final score."
        )
    return {"mode": result}


def warmup(values: Values, ours: Values) -> Settings:
    """`--lr_scheduler_type`, `--warmup_steps` and `--warmup_ratio`.

    As in transformers, steps above 0 win over the ratio, steps below 1 are a
    ratio, and `constant` is without warm-up.

    Example:
        >>> warmup({"warmup_steps": "0", "warmup_ratio": "0.06"}, {})
        {'warmup_proportion': '0.06'}
    """
    scheduler = values.get("lr_scheduler_type")
    settings = {}
    if scheduler is not None:
        _check_choice("lr_scheduler_type", scheduler, _SCHEDULES, "lr_schedule")
        settings["lr_schedule"] = _SCHEDULES[scheduler]
    steps, ratio = values.get("warmup_steps"), values.get("warmup_ratio")
    if steps is not None and (ratio is None or _number(values, "warmup_steps")):
        below_1 = 0 < _number(values, "warmup_steps") < 1
        name = "warmup_proportion" if below_1 else "num_warmup_steps"
        settings[name] = steps
    elif ratio is not None:
        settings["warmup_proportion"] = ratio
    if scheduler == "constant":
        _check_no_warmup({**ours, **settings})
        settings["warmup_proportion"] = "0"
        settings.pop("num_warmup_steps", None)
    return settings


def _check_no_warmup(values: Values) -> None:
    names = ("warmup_proportion", "num_warmup_steps")
    given = {name: values[name] for name in names if name in values}
    if any(_number(given, name) for name in given):
        raise ValueError(
            "--lr_scheduler_type=constant is without a warm-up. Received: "
            f"{_shown(given)}. Pass --lr_scheduler_type=constant_with_warmup, "
            "or leave out the warm-up."
        )


def evaluation(values: Values, ours: Values) -> Settings:
    """`--eval_strategy`, `--eval_steps`; `--save_...` must go with them.

    Example:
        >>> evaluation({"eval_strategy": "steps", "eval_steps": "50"}, {})
        {'evaluate_every_steps': '50'}
    """
    del ours
    names = ("eval_strategy", "evaluation_strategy")
    given = {values[name] for name in names if name in values}
    steps = values.get("eval_steps")
    strategy = given.pop() if given else "steps" if steps else None
    if given or (steps is None) == (strategy == "steps"):
        raise ValueError(
            "`eval_strategy` must be no, epoch, or steps with `eval_steps`. "
            f"Received: {_shown(values)}. Pass --eval_strategy once, and "
            "--eval_steps with steps alone."
        )
    if strategy is not None:
        _check_choice("eval_strategy", strategy, _STRATEGIES, "num_evaluations")
    is_saved_alike = values.get("save_strategy", "no") in ("no", strategy)
    if not is_saved_alike or values.get("save_steps", "0") not in ("0", steps):
        raise ValueError(
            "`save_strategy` and `save_steps` must be those of evaluation: "
            f"the state is saved at every one. Received: {_shown(values)}. "
            "Leave out --save_strategy and --save_steps, or pass the same as "
            "--eval_strategy and --eval_steps."
        )
    lengths: dict[str | None, Settings] = {
        None: {},
        "no": {"num_evaluations": "1"},
        "epoch": {"evaluate_every_epochs": "1"},
        "steps": {"evaluate_every_steps": steps},
    }
    return lengths[strategy]


def adam(values: Values, ours: Values) -> Settings:
    """`--use_bertadam`, over which `--use_torch_adamw` wins.

    Example:
        >>> adam({"use_bertadam": "true"}, {})
        {'bias_correction': 'false'}
    """
    del ours
    is_uncorrected = (
        values.get("use_bertadam") == "true"
        and values.get("use_torch_adamw") != "true"
    )
    return {"bias_correction": "false" if is_uncorrected else "true"}


def prior(values: Values, ours: Values) -> Settings:
    """`--prior_weight_decay`: decay is towards the pretrained weights.

    The strength is that of `--weight_decay`, wherever it stands; its default
    differs (0.01 here, 0 there), so that it must be given.

    Example:
        >>> prior({"prior_weight_decay": "true"}, {"weight_decay": "1e-3"})
        {'pretrained_weight_decay': '1e-3', 'weight_decay': '0'}
    """
    if values["prior_weight_decay"] != "true":
        return {}
    if "weight_decay" not in ours:
        raise ValueError(
            "`weight_decay` must be given with `prior_weight_decay`, whose "
            f"strength it is. Received: {_shown(values)}. Pass "
            "--weight_decay=1e-3, or --pretrained_weight_decay=1e-3 instead "
            "of both."
        )
    return {
        "pretrained_weight_decay": ours["weight_decay"],
        "weight_decay": "0",
    }


SETTINGS: dict[str, Callable[[Values, Values], Settings]] = {
    "mode": mode,
    "warmup": warmup,
    "evaluation": evaluation,
    "adam": adam,
    "prior": prior,
}
# Group -> flags of ours that set something else beside it.
TAKEN_OVER: dict[str, tuple[str, ...]] = {"prior": ("weight_decay",)}


def _shown(values: Values) -> str:
    return ", ".join(f"--{name}={value}" for name, value in values.items())


def _check_choice(
    name: str, value: str, choices: Iterable[str], ours: str
) -> None:
    if value not in choices:
        raise ValueError(
            f"`{name}` must be one of {', '.join(choices)}. Received: "
            f"{name}={value!r}. Pass one of them, or --{ours}."
        )


def _number(values: Values, name: str) -> float:
    try:
        return float(values[name])
    except ValueError as error:
        raise ValueError(
            f"`{name}` must be a number. Received: {name}={values[name]!r}. "
            f"Correct --{name}."
        ) from error
