"""Settings of the data: which rows, and how they are read."""

import dataclasses

from tf_bert.config.setting import (
    COMPUTING,
    EVALUATING,
    PREDICTING,
    Changes,
    Form,
    Rows,
    setting,
)

_TFDS_NAME = Form(
    # name, name/config or name/config:version.
    r"\w+(/[\w.+-]+)?(:[\d.*]+)?",
    must_be="a dataset of tensorflow-datasets, such as imdb_reviews or "
    "glue/rte",
    advice="Correct --tfds_name",
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataSettings:
    """The group "Data"."""

    task_name: str | None = setting(
        None,
        "A known task (product_reviews, rte, mrpc, cola, sts-b, sst-2, qqp, "
        "qnli, mnli). Leave out for your own files.",
        identifies=Rows.ALL,
    )

    data_dir: str | None = setting(
        None,
        "Folder of the task's files, or of all GLUE. Default: GLUE's tasks as "
        "tensorflow-datasets has them.",
        modes=EVALUATING,
        identifies=Rows.ALL,
        is_input=True,
    )

    train_file: str | None = setting(
        None,
        "File with labels: .csv, .tsv, .txt, .jsonl, each also .gz, or "
        ".parquet; or a pattern: 'data/part-*.csv'.",
        modes=EVALUATING,
        identifies=Rows.ALL,
        is_input=True,
    )

    validation_file: str | None = setting(
        None,
        "The same; chooses the checkpoint.",
        modes=EVALUATING,
        identifies=Rows.ALL,
        is_input=True,
    )

    test_file: str | None = setting(
        None,
        "The same; for the final score alone.",
        modes=EVALUATING,
        identifies=Rows.ALL,
        is_input=True,
    )

    predict_file: str | None = setting(
        None,
        "Rows to predict; labels are not needed. -: texts from standard "
        "input, one on a line (with --mode=predict).",
        changes=Changes.PLACES,
        modes=PREDICTING,
        is_input=True,
    )

    encoding: str | None = setting(
        None,
        "Of your text files, such as cp1252. Default: as a byte order mark "
        "says, else UTF-8.",
        modes=COMPUTING,
        identifies=Rows.ALL,
        is_of_files=True,
    )

    delimiter: str | None = setting(
        None,
        "Of your text files: comma, semicolon, tab, pipe, or a character. "
        "Default: tab for .tsv and .txt, detected for .csv.",
        modes=COMPUTING,
        identifies=Rows.ALL,
        is_of_files=True,
    )

    tfds_name: str | None = setting(
        None,
        "Any text task of tensorflow-datasets, as name/config; --text_column "
        "and --label_column name its features, where there is a choice.",
        form=_TFDS_NAME,
        identifies=Rows.ALL,
    )

    tfds_data_dir: str | None = setting(
        None,
        "Where tensorflow-datasets keeps its data. Default: its own, "
        "~/tensorflow_datasets.",
        modes=EVALUATING,
        identifies=Rows.ALL,
    )

    text_column: str = setting(
        "text",
        "Name in the header row; or its number, counted from 1, for files "
        "without a header row.",
        modes=COMPUTING,
        identifies=Rows.ALL,
        is_decided_by_task=True,
        is_column=True,
    )

    text_pair_column: str | None = setting(
        None,
        "The second text's, for pairs.",
        modes=COMPUTING,
        identifies=Rows.ALL,
        is_decided_by_task=True,
        is_column=True,
    )

    label_column: str = setting(
        "label",
        "The label's, likewise.",
        modes=EVALUATING,
        identifies=Rows.ALL,
        is_decided_by_task=True,
        is_column=True,
    )

    label_names: tuple[str, ...] | None = setting(
        None,
        "Labels in the order of their ids, with commas. Default: those in the "
        "training data, sorted.",
        identifies=Rows.ALL,
        is_decided_by_task=True,
    )

    group_column: str | None = setting(
        None,
        "Whose rows belong together (a patient, a document): rows with the "
        "same value stay in one split where rows are held out, or the "
        "validation split is cut in half. Copies of a text always do.",
        identifies=Rows.ALL,
    )

    task_type: str = setting(
        "classification",
        "regression: labels are numbers on a scale.",
        choices=("classification", "regression"),
        identifies=Rows.ALL,
        is_decided_by_task=True,
    )

    metric: str | None = setting(
        None,
        "Chooses the best checkpoint: accuracy, f1, macro_f1, matthews; "
        "spearman, pearson for regression. Default: the task's.",
        identifies=Rows.ALL,
    )

    positive_label: str | None = setting(
        None,
        "Of two labels, the one whose F1 and average precision are meant. "
        "Default: the benchmark's of a known task; 1 of 0 and 1, yes, true, "
        "positive or spam; else the rarer one of the training data.",
        is_found=True,
    )

    validation_proportion: float = setting(
        0.1,
        "Share of the training rows held out, by class, if there is no "
        "validation file. 0: no validation, the last weights are used.",
        at_least=0,
        at_most=0.999,
        identifies=Rows.ALL,
    )

    test_proportion: float = setting(
        0.0,
        "The same for test. 0: no test split.",
        at_least=0,
        at_most=0.999,
        identifies=Rows.ALL,
    )

    split_dev_in_half: bool = setting(
        False,
        "Of each class of the validation split, half is validation and half "
        "is test (Zhang et al., 2021). Rows are drawn by --split_seed, so "
        "they are others than theirs; scores are one class. Off: it is left "
        "whole.",
        identifies=Rows.ALL,
    )

    max_train_examples: int = setting(
        0,
        "Trains on so many rows, as many of each class; a class that has "
        "fewer gives all. No other split is ever sampled. 0: all rows.",
        at_least=0,
        identifies=Rows.TRAINED,
    )

    max_seq_length: int = setting(
        128,
        "Tokens that a text, or a pair, is cut to; at most the model's "
        "positions (mostly 512).",
        at_least=3,
        modes=COMPUTING,
        is_shown=True,
    )
