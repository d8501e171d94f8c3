"""Settings of the data: which rows, and how they are read."""

import dataclasses
import functools

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

_setting = functools.partial(setting, identifies=Rows.ALL)
_input = functools.partial(_setting, modes=EVALUATING, is_input=True)
_file_format = functools.partial(_setting, modes=COMPUTING, is_of_files=True)
_column = functools.partial(_setting, is_decided_by_task=True, is_column=True)


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataSettings:
    """The group "Data"."""

    task_name: str | None = _setting(
        None,
        "A known task (product_reviews, rte, mrpc, cola, sts-b, sst-2, qqp, "
        "qnli, mnli). Leave out for your own files.",
    )

    data_dir: str | None = _input(
        None,
        "Folder of the task's files, or of all GLUE. Default: GLUE's tasks as "
        "tensorflow-datasets has them.",
    )

    train_file: str | None = _input(
        None,
        "File of labelled texts to train on: .csv, .tsv, .txt, .jsonl, each "
        "also .gz, or .parquet; or a pattern: 'data/part-*.csv'.",
    )

    validation_file: str | None = _input(
        None,
        "File of labelled texts that choose the best checkpoint, in a format "
        "of --train_file.",
    )

    test_file: str | None = _input(
        None,
        "File of labelled texts for the final score alone, in a format of "
        "--train_file.",
    )

    predict_file: str | None = setting(
        None,
        "File of texts to predict; labels are not needed. -: texts from "
        "standard input, one on a line (with --mode=predict).",
        changes=Changes.PLACES,
        modes=PREDICTING,
        is_input=True,
    )

    encoding: str | None = _file_format(
        None,
        "Encoding of your text files, such as cp1252. Default: as a byte "
        "order mark says, else UTF-8.",
    )

    delimiter: str | None = _file_format(
        None,
        "What divides the columns of your text files: comma, semicolon, tab, "
        "pipe, or a character. Default: tab for .tsv and .txt, detected for "
        ".csv.",
    )

    tfds_name: str | None = _setting(
        None,
        "Any text task of tensorflow-datasets, as name/config; --text_column "
        "and --label_column name its features, where there is a choice.",
        form=_TFDS_NAME,
    )

    tfds_data_dir: str | None = _input(
        None,
        "Where tensorflow-datasets keeps its data. Default: its own, "
        "~/tensorflow_datasets.",
    )

    text_column: str = _column(
        "text",
        "Column of the text: its name in the header row; or its number, "
        "counted from 1, for files without a header row.",
        modes=COMPUTING,
    )

    text_pair_column: str | None = _column(
        None,
        "Column of the second text, for pairs of texts: a name or a number.",
        modes=COMPUTING,
    )

    label_column: str = _column(
        "label", "Column of the label: a name or a number.", modes=EVALUATING
    )

    label_names: tuple[str, ...] | None = _setting(
        None,
        "Labels in the order of their ids, with commas. Default: those in the "
        "training data, sorted.",
        is_decided_by_task=True,
    )

    group_column: str | None = _setting(
        None,
        "Column that says what belongs together (a patient, a document): "
        "examples with one value stay in one split where examples are held "
        "out, or the validation split is cut in half. Copies of a text always "
        "do.",
    )

    task_type: str = _setting(
        "classification",
        "What labels are: classes, or with regression numbers on a scale.",
        choices=("classification", "regression"),
        is_decided_by_task=True,
    )

    metric: str | None = _setting(
        None,
        "Score that chooses the best checkpoint: accuracy, f1, macro_f1, "
        "matthews; spearman, pearson for regression. Default: the task's.",
    )

    positive_label: str | None = setting(
        None,
        "Of two labels, the one whose F1 and average precision are meant. "
        "Default: the benchmark's of a known task; 1 of 0 and 1, yes, true, "
        "positive or spam; else the rarer one of the training data.",
        is_found=True,
    )

    validation_proportion: float = _setting(
        0.1,
        "Share of the training examples held out for validation, by class, if "
        "there is no validation file. 0: no validation, the last weights are "
        "used.",
        at_least=0,
        at_most=0.999,
    )

    test_proportion: float = _setting(
        0.0,
        "Share of the training examples held out for the test split, by "
        "class, if there is no test file. 0: no test split.",
        at_least=0,
        at_most=0.999,
    )

    split_dev_in_half: bool = _setting(
        False,
        "Half of each class of the validation split becomes the test split "
        "(Zhang et al., 2021). --split_seed draws which, so they are other "
        "examples than theirs. Off: the validation split is left whole.",
    )

    max_train_examples: int = setting(
        0,
        "Examples to train on, as many of each class; a class that has fewer "
        "gives all. No other split is ever sampled. 0: all examples.",
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
        # Of still shorter texts little is left.
        with_less_memory=lambda number: min(max(number // 2, 32), number),
    )
