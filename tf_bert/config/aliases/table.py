"""The names that other programs give to flags, and what they are here.

A name that is ours too, with the same meaning, has no row. A name of several
programs stands with the first.
"""

import dataclasses
from collections.abc import Mapping

# Flag of ours -> its value; None: as if the flag had not been given.
Settings = Mapping[str, str | None]


@dataclasses.dataclass(frozen=True)
class OtherName:
    """One flag of another program.

    Args:
        ours: our flag, which takes the same values; the same name where only
            the note matters. Empty: only the values of `values` are taken.
        note: what differs; without `ours`, why other values are refused and
            what to do instead.
        values: value -> what it is here; numbers and switches in their plain
            spelling (`-1`, `true`).
        is_switch: takes no value, or `=true` and `=false`.
        group: names of one group mean something only together, which
            `groups.py` decides; `ours` is then for readers.
    """

    name: str
    ours: str = ""
    note: str = ""
    values: Mapping[str, Settings] = dataclasses.field(default_factory=dict)
    is_switch: bool = False
    group: str = ""


def _switch(name: str, *, on: Settings, off: Settings) -> OtherName:
    """A row for a switch that is taken in both positions."""
    return OtherName(name, values={"true": on, "false": off}, is_switch=True)


def _refused(name: str, note: str, neutral: str = "") -> OtherName:
    """A row for a flag of which one value at most, `neutral`, is taken."""
    values = {neutral: {}} if neutral else {}
    return OtherName(
        name, note=note, values=values, is_switch=neutral == "false"
    )


# Why a flag of transformers and one of the paper's code are refused.
_NO_GPU = (
    "GPUs are used if there are any: leave the flag out, and set the "
    "environment variable CUDA_VISIBLE_DEVICES=-1 to hide them."
)
_ONE_FOLDER = (
    "Configuration, vocabulary and weights are those of one folder: pass "
    "--init_checkpoint."
)
_METRICS = {
    **{name: name for name in ("accuracy", "f1", "pearson", "macro_f1")},
    "matthews_correlation": "matthews",
    "spearmanr": "spearman",
}
_TWO_WARMUPS = (
    "Of the two, --warmup_ratio counts only if --warmup_steps is 0 or left out."
)


_HUGGING_FACE = (
    OtherName("do_train", "mode", is_switch=True, group="mode"),
    OtherName(
        "do_eval",
        "mode",
        "--mode=train evaluates in any case.",
        is_switch=True,
        group="mode",
    ),
    OtherName(
        "do_predict",
        "mode",
        "Predicts --predict_file, as --mode=train does in any case.",
        is_switch=True,
        group="mode",
    ),
    OtherName(
        "test_file",
        "test_file",
        "With labels, for the final score. Rows to predict: --predict_file.",
    ),
    OtherName("text_column_name", "text_column"),
    OtherName(
        "text_column_names",
        "text_column",
        "One name; the second of a pair is --text_pair_column.",
    ),
    OtherName("label_column_name", "label_column"),
    OtherName("max_length", "max_seq_length"),
    OtherName("model_name_or_path", "init_checkpoint"),
    OtherName(
        "per_device_eval_batch_size",
        "eval_batch_size",
        "Examples of all devices together; it does not change results.",
    ),
    OtherName(
        "max_steps",
        "num_train_steps",
        "0 or less: the length is that in epochs. Of this and "
        "--num_train_epochs the later counts; there, this one.",
        values={
            "-1": {"num_train_steps": None},
            "0": {"num_train_steps": None},
        },
    ),
    OtherName(
        "warmup_steps",
        "num_warmup_steps",
        f"Below 1, a proportion. {_TWO_WARMUPS}",
        group="warmup",
    ),
    OtherName(
        "warmup_ratio", "warmup_proportion", _TWO_WARMUPS, group="warmup"
    ),
    OtherName(
        "lr_scheduler_type",
        "lr_schedule",
        "linear, cosine, constant_with_warmup (our constant), or constant "
        "(our constant, with --warmup_proportion=0).",
        group="warmup",
    ),
    OtherName("adam_beta1", "adam_beta_1"),
    OtherName("adam_beta2", "adam_beta_2"),
    _switch(
        "bf16", on={"precision": "mixed_bfloat16"}, off={"precision": "float32"}
    ),
    _refused(
        "fp16",
        "float16 needs loss scaling, which is not there. Pass "
        "--precision=mixed_bfloat16, which needs none.",
        "false",
    ),
    OtherName(
        "eval_strategy",
        "evaluate_every_epochs",
        "epoch: 1. steps: --evaluate_every_steps of --eval_steps. no: "
        "--num_evaluations=1, for there is always one at the end.",
        group="evaluation",
    ),
    OtherName(
        "evaluation_strategy",
        "evaluate_every_epochs",
        "The older name of --eval_strategy.",
        group="evaluation",
    ),
    OtherName(
        "eval_steps",
        "evaluate_every_steps",
        "Alone, or with --eval_strategy=steps.",
        group="evaluation",
    ),
    OtherName(
        "save_strategy",
        "evaluate_every_epochs",
        "Must be that of evaluation, when the state is saved; or no.",
        group="evaluation",
    ),
    OtherName(
        "save_steps",
        "evaluate_every_steps",
        "Must be --eval_steps, when the state is saved; or 0.",
        group="evaluation",
    ),
    _switch(
        "load_best_model_at_end",
        on={"checkpoint_to_use": "best"},
        off={"checkpoint_to_use": "last"},
    ),
    OtherName(
        "metric_for_best_model",
        note="accuracy, f1, matthews_correlation, pearson or spearmanr, with "
        "or without eval_ before it; of these the highest is best. Pass "
        "--metric.",
        values={
            prefix + name: {"metric": metric}
            for prefix in ("", "eval_")
            for name, metric in _METRICS.items()
        },
    ),
    OtherName(
        "report_to",
        note="Scalars go to TensorBoard, or nowhere: pass --tensorboard or "
        "--notensorboard.",
        values={
            "tensorboard": {"tensorboard": "true"},
            "none": {"tensorboard": "false"},
        },
    ),
    _refused(
        "resume_from_checkpoint",
        "A run continues from its own --output_dir: pass --resume=must, or "
        "nothing.",
    ),
    _refused(
        "validation_split_percentage",
        "Pass --validation_proportion, which is a share: 0.05 for 5.",
    ),
    OtherName(
        "max_train_samples",
        "max_train_examples",
        "As many of each class, drawn by --split_seed; theirs takes the first.",
    ),
    _refused(
        "dataset_name",
        "Data sets of the hub are not read: write the examples to files, and "
        "pass --train_file.",
    ),
    _refused(
        "logging_steps",
        "The training loss is written at every evaluation: pass "
        "--num_evaluations, --evaluate_every_steps or --evaluate_every_epochs.",
        "0",
    ),
    _refused(
        "push_to_hub",
        "Nothing is sent anywhere. The folder model/ in --output_dir is ready "
        "for `hf upload`: leave the flag out.",
        "false",
    ),
    OtherName(
        "label_smoothing_factor",
        "label_smoothing_factor",
        "Of the training loss alone; there, of that of evaluations too.",
    ),
    _refused(
        "auto_find_batch_size",
        "To save memory, pass --gradient_accumulation_steps, or --remat.",
        "false",
    ),
    _switch("gradient_checkpointing", on={"remat": "true"}, off={}),
    _switch("full_determinism", on={"deterministic": "true"}, off={}),
    _refused("use_cpu", _NO_GPU, "false"),
)

# Zhang et al., 2021, https://github.com/asappresearch/revisit-bert-finetuning
_PAPER_CODE = (
    _refused("model_type", "Only BERT is there: leave the flag out.", "bert"),
    OtherName(
        "train_batch_size",
        "train_batch_size",
        "Here all examples of one update; there those of one part. Multiply "
        "it by --gradient_accumulation_steps.",
    ),
    OtherName("per_gpu_train_batch_size", "per_device_train_batch_size"),
    OtherName(
        "per_gpu_eval_batch_size",
        "eval_batch_size",
        "Examples of all devices together; it does not change results.",
    ),
    OtherName(
        "use_torch_adamw",
        "bias_correction",
        "Wins over --use_bertadam.",
        is_switch=True,
        group="adam",
    ),
    OtherName(
        "use_bertadam",
        "bias_correction",
        "Is --nobias_correction.",
        is_switch=True,
        group="adam",
    ),
    OtherName(
        "num_loggings",
        "num_evaluations",
        "0: as if left out.",
        values={"0": {"num_evaluations": None}},
    ),
    _switch("save_best", on={"checkpoint_to_use": "best"}, off={}),
    _switch("save_last", on={"checkpoint_to_use": "last"}, off={}),
    OtherName(
        "reinit_pooler",
        "reinit_pooler",
        "Implied by --reinit_layers here; there it must be given beside it.",
        is_switch=True,
    ),
    OtherName(
        "mixout",
        "mixout",
        "Their gradient is that of --mixout_gradient=reference.",
    ),
    OtherName(
        "layerwise_learning_rate_decay",
        "layerwise_lr_decay",
        "There, below 1, it exempts pooler and head from weight decay too.",
    ),
    OtherName(
        "weight_decay",
        "weight_decay",
        "There it does nothing by itself: it is set to 0 without a word. Pass "
        "--weight_decay=0 for the same.",
    ),
    OtherName(
        "prior_weight_decay",
        "pretrained_weight_decay",
        "Its strength is that of --weight_decay, which is then 0. There a "
        "new head is pulled to its start too.",
        is_switch=True,
        group="prior",
    ),
    OtherName(
        "downsample_trainset",
        "max_train_examples",
        "The dev set is left as it is; theirs cut that of STS-B too.",
        {"-1": {"max_train_examples": "0"}},
    ),
    OtherName(
        "test_val_split",
        "split_dev_in_half",
        "The rule is the same, the examples drawn are others.",
        is_switch=True,
    ),
    _refused(
        "resplit_val",
        "Pass --split_seed, which draws the examples that are held out.",
        "0",
    ),
    _refused("no_cuda", _NO_GPU, "false"),
)

# https://github.com/google-research/bert
_GOOGLE_BERT = (
    OtherName(
        "init_checkpoint",
        "init_checkpoint",
        "May also be the folder that holds bert_model.ckpt.",
    ),
    OtherName(
        "do_lower_case",
        "do_lower_case",
        "Its default is what the checkpoint says; there, on.",
    ),
    _refused("bert_config_file", _ONE_FOLDER),
    _refused("vocab_file", _ONE_FOLDER),
    OtherName("predict_batch_size", "eval_batch_size"),
    _refused(
        "save_checkpoints_steps",
        "The state is saved at every evaluation, and in between by time: pass "
        "--save_every_seconds.",
    ),
    OtherName("iterations_per_loop", "steps_per_loop"),
    _switch("use_tpu", on={"distribution": "tpu"}, off={}),
)

PROGRAMS: dict[str, tuple[OtherName, ...]] = {
    "transformers (`TrainingArguments` and its examples)": _HUGGING_FACE,
    "The paper's code (Zhang et al., 2021)": _PAPER_CODE,
    "Google's BERT (`run_classifier.py`)": _GOOGLE_BERT,
}
# Without the names that are ours too, whose rows are for readers.
ROWS = {
    row.name: row
    for rows in PROGRAMS.values()
    for row in rows
    if row.name != row.ours
}
