"""Settings of evaluations, and of the seeds of all that is drawn."""

import dataclasses
import functools

from tf_bert.config.setting import COMPUTING, Rows, setting

_restarted = functools.partial(setting, is_restarted=True)
_seed = functools.partial(setting, at_least=0, at_most=2**63 - 1)
_seed_of_trials = functools.partial(_seed, is_swept=False, is_restarted=True)


@dataclasses.dataclass(frozen=True, kw_only=True)
class EvaluationSettings:
    """The group "Evaluation"."""

    eval_batch_size: int = setting(
        64,
        "Examples that are scored or predicted at a time; does not change "
        "results.",
        at_least=1,
        modes=COMPUTING,
        with_less_memory=lambda number: max(number // 2, 1),
    )

    num_evaluations: int | None = _restarted(
        10,
        "Evaluations, evenly spread over the training; the state is saved at "
        "each.",
        at_least=1,
    )

    evaluate_every_steps: int | None = _restarted(
        None,
        "Updates between two evaluations, instead of --num_evaluations.",
        at_least=1,
        instead_of="num_evaluations",
    )

    evaluate_every_epochs: float | None = _restarted(
        None,
        "Passes over the data between two evaluations, instead of "
        "--num_evaluations.",
        above=0,
        at_most=1e6,
        instead_of="num_evaluations",
    )

    checkpoint_to_use: str = _restarted(
        "best",
        "Weights that are scored and saved: those of the evaluation that was "
        "best on validation, or the last ones.",
        choices=("best", "last"),
    )

    early_stopping_patience: int = _restarted(
        0,
        "Stops the training after this many evaluations without a gain on "
        "validation. 0: never.",
        at_least=0,
    )

    record_updates: bool = setting(
        False,
        "Stores how far each step moves each block (updates.npz), for "
        "--mode=report. Of the word embeddings, the trained rows.",
    )

    compare_baselines: bool = _restarted(
        True,
        "Compares BERT with the majority class and TF-IDF + linear SVM "
        "(regression: the mean and ridge regression).",
        is_swept=False,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class SeedSettings:
    """The group "Seeds"."""

    seed: int = _seed_of_trials(
        0, "Seed of the head, the data order and dropout, where not given."
    )

    head_seed: int | None = _seed_of_trials(
        None,
        "Seed of the weights that are drawn: the head and what --reinit_layers "
        "replaces. Default: --seed.",
        follows="seed",
    )

    data_seed: int | None = _seed_of_trials(
        None, "Seed of the order of examples. Default: --seed.", follows="seed"
    )

    dropout_seed: int | None = _seed_of_trials(
        None,
        "Seed of the masks of dropout and Mixout. Default: --seed.",
        follows="seed",
    )

    split_seed: int = _seed(
        0,
        "Seed of which examples are held out. Does not follow --seed: every "
        "trial is scored on the same split.",
        identifies=Rows.ALL,
        is_shown=True,
    )
