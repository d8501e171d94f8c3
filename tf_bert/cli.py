"""Every flag: its name, its kind and its help; defaults are in `config.py`.

The only module that knows `absl.flags`. Flags live in an object of their own,
so importing this has no side effect, and nothing reads a global.
"""

import dataclasses
import textwrap
from collections.abc import Sequence
from typing import Any

from absl import flags

from tf_bert import config, flag_files

_EXAMPLE = """\
Fine-tunes BERT on small labelled text. For example, on a CSV file with the
columns "text" and "label":

  python -m tf_bert.run --train_file=reviews.csv --test_proportion=0.2 \\
      --output_dir=runs/reviews
"""


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
            "train: fine-tune, evaluate, compare, save. evaluate, predict: use "
            "the finished run in --output_dir.",
        ),
        _Flag(
            "output_dir",
            str,
            "Folder of the run. Given again, an interrupted run continues.",
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
            "A known task (product_reviews, rte, mrpc, cola, sts-b, sst-2). "
            "Leave out for your own files.",
        ),
        _Flag("data_dir", str, "Folder of the task's files, or of all GLUE."),
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
            "gradient_accumulation_steps",
            int,
            "Parts that a batch is computed in, to save memory. The result is "
            "the same. 1 turns it off.",
        ),
        _Flag(
            "num_train_epochs",
            float,
            "Length in passes over the data. Of this and --num_train_steps "
            "the later on the command line counts.",
        ),
        _Flag("num_train_steps", int, "Length in updates."),
        _Flag("learning_rate", float, "Peak learning rate."),
        _Flag(
            "lr_schedule",
            config.SCHEDULES,
            "After warm-up: linear to 0, or constant.",
        ),
        _Flag(
            "warmup_proportion",
            float,
            "Share of the updates in which the rate rises from 0. 0: none.",
        ),
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
        The flags that were given, alone: name -> value. Of two lengths, the
        later is kept and the other is None.

    Raises:
        ValueError: if a flag is unknown or has a wrong value, or there are
            arguments left over.
        FileNotFoundError: if a flag file is not there.
    """
    expanded = flag_files.expand(arguments)
    values = _flag_values()
    try:
        leftover = values(["tf_bert", *expanded])[1:]
    except flags.Error as error:
        raise ValueError(
            f"A flag is wrong. Received: {error}. See --help for all flags."
        ) from error
    if leftover:
        raise ValueError(
            "Every argument must be a flag, --name=value. Received: "
            f"{' '.join(map(repr, leftover))}. A switch is turned off by "
            "--noname, not by a word behind it; a value with spaces needs "
            "quotes."
        )
    given = {
        flag.name: values[flag.name].value
        for group in GROUPS.values()
        for flag in group
        if values[flag.name].present
    }
    if "label_names" in given:
        given["label_names"] = tuple(given["label_names"])
    _keep_later_length(given, expanded)
    if not given.get("output_dir"):
        raise ValueError(
            "`output_dir` must be given: a run keeps everything there. "
            "Received: output_dir=None. Pass --output_dir=runs/my_first_run."
        )
    return given


def help_text() -> str:
    """Returns the page of `--help`: an example, then all flags by subject."""
    defaults = {
        field.name: field.default for field in dataclasses.fields(config.Config)
    }
    lines = [_EXAMPLE]
    for title, group in GROUPS.items():
        lines += [f"{title}:"]
        for flag in group:
            lines += [_usage(flag, defaults[flag.name])]
            lines += textwrap.wrap(
                flag.help, 76, initial_indent="    ", subsequent_indent="    "
            )
        lines += [""]
    lines += [
        "Flags from a file, one on a line: --flagfile=flags/quickstart.flags.",
        "Later flags win. -v=1 shows the traceback of an error, and what "
        "TensorFlow says.",
    ]
    return "\n".join(lines)


def _usage(flag: _Flag, default: Any) -> str:
    if flag.kind is bool:
        usage = f"--[no]{flag.name}"
        default = {True: "on", False: "off"}.get(default)
    elif isinstance(flag.kind, tuple):
        usage = f"--{flag.name}={'|'.join(flag.kind)}"
    else:
        unit = {int: "N", float: "X", str: "TEXT", list: "A,B,..."}[flag.kind]
        usage = f"--{flag.name}={unit}"
    if default is None or default is dataclasses.MISSING:
        return f"  {usage}"
    return f"  {usage}  (default: {default})"


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


def _keep_later_length(given: dict[str, Any], expanded: list[str]) -> None:
    """Of epochs and steps, keeps the one that came later."""
    lengths = ("num_train_epochs", "num_train_steps")
    order = [
        name
        for argument in expanded
        if (name := argument.lstrip("-").partition("=")[0]) in lengths
    ]
    if order:
        other = lengths[1 - lengths.index(order[-1])]
        given[other] = None
