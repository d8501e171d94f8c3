"""Every flag: its name, its kind and its help; defaults are in `config.py`.

The only module that knows `absl.flags`. Flags live in an object of their own,
so importing this has no side effect, and nothing reads a global.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

from absl import flags, logging

from tf_bert import config, flag_files
from tf_bert.flag_aliases import translation


@dataclasses.dataclass(frozen=True)
class _Flag:
    """One flag; `kind` is a type, or a tuple of choices."""

    name: str
    kind: Any
    help: str


GROUPS: dict[str, tuple[_Flag, ...]] = {
    "What to do": (
        _Flag(
            "mode",
            config.MODES,
            "train: fine-tune, evaluate, compare, save. inspect: look at data, "
            "model, memory and time without training. The others use the "
            "finished run in --output_dir, and refuse flags that would mean "
            "nothing there. export: writes saved_model/, which "
            "takes raw texts and needs only TensorFlow and tensorflow-text.",
        ),
        _Flag(
            "output_dir",
            str,
            "Folder of the run. Given again, an interrupted run continues. "
            "--mode=inspect needs none, and writes inspect.json into one.",
        ),
        _Flag(
            "resume",
            config.RESUME,
            "auto: continue a run of the same configuration, or start one. "
            "never: only start. must: only continue.",
        ),
        _Flag(
            "overwrite_output_dir",
            bool,
            "Replaces the files of a run that --output_dir holds.",
        ),
        _Flag("tensorboard", bool, "Writes scalars for TensorBoard."),
    ),
    "Data": (
        _Flag(
            "task_name",
            str,
            "A known task (product_reviews, rte, mrpc, cola, sts-b, sst-2, "
            "qqp, qnli, mnli). Leave out for your own files.",
        ),
        _Flag(
            "data_dir",
            str,
            "Folder of the task's files, or of all GLUE. Default: GLUE's tasks "
            "as tensorflow-datasets has them.",
        ),
        _Flag(
            "train_file",
            str,
            "File with labels: .csv, .tsv, .txt, .jsonl, each also .gz, or "
            ".parquet; or a pattern: 'data/part-*.csv'.",
        ),
        _Flag("validation_file", str, "The same; chooses the checkpoint."),
        _Flag("test_file", str, "The same; for the final score alone."),
        _Flag(
            "predict_file",
            str,
            "Rows to predict; labels are not needed. -: texts from standard "
            "input, one on a line (with --mode=predict).",
        ),
        _Flag(
            "encoding",
            str,
            "Of your text files, such as cp1252. Default: as a byte order mark "
            "says, else UTF-8.",
        ),
        _Flag(
            "delimiter",
            str,
            "Of your text files: comma, semicolon, tab, pipe, or a character. "
            "Default: tab for .tsv and .txt, detected for .csv.",
        ),
        _Flag(
            "tfds_name",
            str,
            "Any text task of tensorflow-datasets, as name/config; "
            "--text_column and --label_column name its features, where there "
            "is a choice.",
        ),
        _Flag(
            "tfds_data_dir",
            str,
            "Where tensorflow-datasets keeps its data. Default: its own, "
            "~/tensorflow_datasets.",
        ),
        _Flag(
            "text_column",
            str,
            "Name in the header row; or its number, counted from 1, for files "
            "without a header row.",
        ),
        _Flag("text_pair_column", str, "The second text's, for pairs."),
        _Flag("label_column", str, "The label's, likewise."),
        _Flag(
            "label_names",
            list,
            "Labels in the order of their ids, with commas. Default: those in "
            "the training data, sorted.",
        ),
        _Flag(
            "task_type",
            config.TASK_TYPES,
            "regression: labels are numbers on a scale.",
        ),
        _Flag(
            "metric",
            str,
            "Chooses the best checkpoint: accuracy, f1, macro_f1, matthews; "
            "spearman, pearson for regression. Default: the task's.",
        ),
        _Flag(
            "validation_proportion",
            float,
            "Share of the training rows held out, by class, if there is no "
            "validation file. 0: no validation, the last weights are used.",
        ),
        _Flag(
            "test_proportion",
            float,
            "The same for test. 0: no test split.",
        ),
        _Flag(
            "split_dev_in_half",
            bool,
            "Of each class of the validation split, half is validation and "
            "half is test (Zhang et al., 2021). Rows are drawn by "
            "--split_seed, so they are others than theirs; scores are one "
            "class. Off: it is left whole.",
        ),
        _Flag(
            "max_train_examples",
            int,
            "Trains on so many rows, as many of each class; a class that has "
            "fewer gives all. No other split is ever sampled. 0: all rows.",
        ),
        _Flag(
            "max_seq_length",
            int,
            "Tokens that a text, or a pair, is cut to; at most the model's "
            "positions (mostly 512).",
        ),
    ),
    "Model": (
        _Flag(
            "init_checkpoint",
            str,
            "minilm-l6, a folder (Hugging Face's or Google's TF1), or a hub id "
            "such as google-bert/bert-base-uncased.",
        ),
        _Flag(
            "do_lower_case",
            bool,
            "Default: as the checkpoint says.",
        ),
        _Flag(
            "dropout",
            float,
            "Probability of every dropout. 0 turns it off. Default: as the "
            "checkpoint says, mostly 0.1.",
        ),
        _Flag(
            "precision",
            config.PRECISIONS,
            "mixed_bfloat16 computes in bfloat16 and keeps float32 weights: "
            "faster on TPUs and recent GPUs.",
        ),
    ),
    "Optimisation": (
        _Flag("train_batch_size", int, "Examples of one update, in all."),
        _Flag(
            "per_device_train_batch_size",
            int,
            "Instead: examples that one device computes at a time. Times the "
            "devices and --gradient_accumulation_steps it is the batch size.",
        ),
        _Flag(
            "gradient_accumulation_steps",
            int,
            "Parts that a batch is computed in, to save memory. The result is "
            "the same. 1 turns it off.",
        ),
        _Flag(
            "num_train_epochs",
            float,
            "Length in passes over the data.",
        ),
        _Flag("num_train_steps", int, "Instead: length in updates."),
        _Flag("learning_rate", float, "Peak learning rate."),
        _Flag(
            "lr_schedule",
            config.SCHEDULES,
            "After warm-up: linear or cosine to 0, or constant.",
        ),
        _Flag(
            "warmup_proportion",
            float,
            "Share of the updates in which the rate rises from 0. 0: none.",
        ),
        _Flag("num_warmup_steps", int, "Instead: the number of them."),
        _Flag(
            "weight_decay",
            float,
            "Decoupled, not on biases and LayerNorm. 0 turns it off.",
        ),
        _Flag("adam_beta_1", float, "Decay rate of the first moment."),
        _Flag("adam_beta_2", float, "Decay rate of the second moment."),
        _Flag("adam_epsilon", float, "Added after bias correction."),
        _Flag(
            "bias_correction",
            bool,
            "--nobias_correction is BERTAdam, which is unstable on small data "
            "(Zhang et al., 2021).",
        ),
        _Flag(
            "max_grad_norm",
            float,
            "Clips the gradient to this global norm. 0 turns it off.",
        ),
    ),
    "Evaluation": (
        _Flag("eval_batch_size", int, "Examples; does not change results."),
        _Flag(
            "num_evaluations",
            int,
            "Evenly spread over the training; the state is saved at each.",
        ),
        _Flag(
            "evaluate_every_steps",
            int,
            "Instead: the updates between two of them.",
        ),
        _Flag(
            "evaluate_every_epochs",
            float,
            "Instead: the passes over the data between two of them.",
        ),
        _Flag(
            "checkpoint_to_use",
            config.CHECKPOINTS,
            "best on validation, or last.",
        ),
        _Flag(
            "early_stopping_patience",
            int,
            "Stops after this many evaluations without a gain. 0: never.",
        ),
        _Flag(
            "compare_baselines",
            bool,
            "Compares BERT with the majority class and TF-IDF + linear SVM "
            "(regression: the mean and ridge regression).",
        ),
    ),
    "Seeds": (
        _Flag("seed", int, "Default of the next three."),
        _Flag("head_seed", int, "Freshly drawn weights."),
        _Flag("data_seed", int, "Order of the examples."),
        _Flag("dropout_seed", int, "Dropout masks."),
        _Flag(
            "split_seed",
            int,
            "Held-out rows. Does not follow --seed: every trial is scored on "
            "the same split.",
        ),
    ),
}

_DEFINE = {
    bool: flags.DEFINE_boolean,
    int: flags.DEFINE_integer,
    float: flags.DEFINE_float,
    str: flags.DEFINE_string,
    list: flags.DEFINE_list,
}


def parse(arguments: Sequence[str]) -> dict[str, Any]:
    """Parses the command line.

    Args:
        arguments: without the program.

    Returns:
        The flags that were given, alone: name -> value. Of alternatives, such
        as two lengths, the last is kept and the others are None.

    Raises:
        ValueError: if a flag is unknown, refused or has a wrong value, or
            there are arguments left over.
        FileNotFoundError: if a flag file is not there.
    """
    values = _flag_values()
    settings = translation.translate(
        flag_files.expand(arguments),
        names=set(values),
        switches={name for name in values if values[name].boolean},
    )
    try:
        values(["tf_bert", *(f"--{n}={v}" for n, v in settings.items())])
    except flags.Error as error:
        raise ValueError(
            f"A flag is wrong. Received: {error}. See --help for all flags."
        ) from error
    given = {
        flag.name: values[flag.name].value
        for group in GROUPS.values()
        for flag in group
        if values[flag.name].present
    }
    if "label_names" in given:
        given["label_names"] = tuple(given["label_names"])
    _keep_last_alternatives(given, settings)
    config.check_output_dir(
        given.get("output_dir"), mode=given.get("mode", "train")
    )
    return given


def _flag_values() -> flags.FlagValues:
    values = flags.FlagValues()
    for group in GROUPS.values():
        for flag in group:
            if isinstance(flag.kind, tuple):
                flags.DEFINE_enum(
                    flag.name, None, flag.kind, flag.help, flag_values=values
                )
            else:
                _DEFINE[flag.kind](
                    flag.name, None, flag.help, flag_values=values
                )
    return values


def _keep_last_alternatives(
    given: dict[str, Any], settings: dict[str, str]
) -> None:
    """Of fields that say one thing in different units, keeps the last."""
    for names in config.ALTERNATIVES:
        order = [name for name in settings if name in names]
        # "No epochs" beside a number of steps asks for nothing.
        if len(order) > 1 and given.get("num_train_epochs") == 0:
            order = [name for name in order if name != "num_train_epochs"]
        if not order:
            continue
        given |= {name: None for name in names if name != order[-1]}
        if len(order) > 1:
            logging.info(
                "%s are alternatives: the last one counts.",
                " and ".join(f"--{name}={settings[name]}" for name in order),
            )
