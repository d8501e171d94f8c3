"""Settings of evaluations, and of the seeds of all that is drawn."""

import dataclasses

from tf_bert.config.setting import COMPUTING, Rows, setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class EvaluationSettings:
    """The group "Evaluation"."""

    eval_batch_size: int = setting(
        64,
        "Examples; does not change results.",
        at_least=1,
        modes=COMPUTING,
    )

    num_evaluations: int | None = setting(
        10,
        "Evenly spread over the training; the state is saved at each.",
        at_least=1,
        is_restarted=True,
    )

    evaluate_every_steps: int | None = setting(
        None,
        "Instead: the updates between two of them.",
        at_least=1,
        instead_of="num_evaluations",
        is_restarted=True,
    )

    evaluate_every_epochs: float | None = setting(
        None,
        "Instead: the passes over the data between two of them.",
        above=0,
        at_most=1e6,
        instead_of="num_evaluations",
        is_restarted=True,
    )

    checkpoint_to_use: str = setting(
        "best",
        "best on validation, or last.",
        choices=("best", "last"),
        is_restarted=True,
    )

    early_stopping_patience: int = setting(
        0,
        "Stops after this many evaluations without a gain. 0: never.",
        at_least=0,
        is_restarted=True,
    )

    record_updates: bool = setting(
        False,
        "Stores how far each step moves each block (updates.npz), for "
        "--mode=report. Of the word embeddings, the trained rows.",
    )

    compare_baselines: bool = setting(
        True,
        "Compares BERT with the majority class and TF-IDF + linear SVM "
        "(regression: the mean and ridge regression).",
        is_swept=False,
        is_restarted=True,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class SeedSettings:
    """The group "Seeds"."""

    seed: int = setting(
        0,
        "Default of the next three.",
        at_least=0,
        at_most=2**63 - 1,
        is_swept=False,
        is_restarted=True,
    )

    head_seed: int | None = setting(
        None,
        "Freshly drawn weights.",
        at_least=0,
        at_most=2**63 - 1,
        is_swept=False,
        follows="seed",
        is_restarted=True,
    )

    data_seed: int | None = setting(
        None,
        "Order of the examples.",
        at_least=0,
        at_most=2**63 - 1,
        is_swept=False,
        follows="seed",
        is_restarted=True,
    )

    dropout_seed: int | None = setting(
        None,
        "Dropout masks.",
        at_least=0,
        at_most=2**63 - 1,
        is_swept=False,
        follows="seed",
        is_restarted=True,
    )

    split_seed: int = setting(
        0,
        "Held-out rows. Does not follow --seed: every trial is scored on the "
        "same split.",
        at_least=0,
        at_most=2**63 - 1,
        identifies=Rows.ALL,
        is_shown=True,
    )
