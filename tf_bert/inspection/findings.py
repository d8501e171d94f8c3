"""What an inspection means, and what to do about it, as a flag.

One function for each rule: it takes an `Inspection` and yields its findings.
"""

import dataclasses
import functools
import math
from collections.abc import Iterable, Sequence

from tf_bert.inspection.contents import Inspection
from tf_bert.inspection.duplicates import Overlap
from tf_bert.system import plurals

# What the rules call many, few or uncertain.
_TRUNCATED_SHARE = 0.05
_UNKNOWN_SHARE = 0.01
_MAJORITY_SHARE = 0.75
_ROWS_PER_CLASS = 10
_HALF_WIDTH = 0.05
_TYPICAL_SCORE = 0.8

# Standard errors to the end of a 95 % interval.
_Z = 1.96
# Zhang et al., 2021, Section 6, tune lengths from 200 steps on.
_FEW_STEPS = 200
# Mosbach et al., 2021, Section 6.
_MOST_EPOCHS = 20
_LONG_SECONDS = 3600
_SMALL_HIDDEN_SIZE = 384
_MEMORY_SHARE = 0.8

_LISTED = 5  # Rows, classes or words, at most.

# Files have many thousands of rows.
counted = functools.partial(plurals.counted, separator=",")


@dataclasses.dataclass(frozen=True)
class Finding:
    """Something to know before training.

    Attributes:
        severity: "error": a training stops at it. "warning": its result, or
            its score, is worse or wrong. "note": good to know.
    """

    severity: str
    subject: str
    message: str
    action: str


def findings_of(inspection: Inspection) -> list[Finding]:
    """Returns what follows from data, flags and checkpoint, worst first."""
    return worst_first(x for rule in _RULES for x in rule(inspection))


def machine_findings_of(inspection: Inspection) -> list[Finding]:
    """Returns what follows from this machine."""
    return [*_memory(inspection), *_long_time(inspection)]


def worst_first(found: Iterable[Finding]) -> list[Finding]:
    """Returns findings by severity; equally severe ones keep their order."""
    severities = ("error", "warning", "note")
    return sorted(found, key=lambda x: severities.index(x.severity))


def _listed(rows: Sequence[int]) -> str:
    """Returns "row 3", or "rows 1, 2, 3, 4, 5, ..."."""
    first = ", ".join(map(str, rows[:_LISTED]))
    more = ", ..." if len(rows) > _LISTED else ""
    return f"row{'s' if len(rows) > 1 else ''} {first}{more}"


def _empty_texts(inspection: Inspection) -> Iterable[Finding]:
    for split, contents in inspection.splits.items():
        rows = contents.texts.empty_rows
        if rows:
            yield Finding(
                "error",
                "empty_texts",
                f"{counted(len(rows), 'row')} of {split} without a text "
                f"({_listed(rows)} of {contents.file}).",
                "Fill in the texts or delete the rows: a training refuses "
                "them. If another column holds the text, pass --text_column.",
            )


def _contradictions(inspection: Inspection) -> Iterable[Finding]:
    texts = inspection.contradictions
    if texts:
        split, row, label = texts[0].rows[0]
        other = next(r for r in texts[0].rows if r[2] != label)
        yield Finding(
            "warning",
            "contradicting_labels",
            f"{counted(len(texts), 'text')} with different labels, such as "
            f"{split} row {row} ({label}) and {other[0]} row {other[1]} "
            f"({other[2]}).",
            "Correct or delete the rows: no model can be right on them.",
        )


def _copies(inspection: Inspection) -> Iterable[Finding]:
    """Rows of another split: the model has seen them, or they chose it."""
    for overlap in inspection.overlaps:
        if not overlap.exact:
            continue
        repeated = _repeated(inspection, overlap)
        rows = _listed([row for row, _ in overlap.exact])
        if overlap.split == overlap.earlier:
            yield Finding(
                "note",
                "duplicates",
                f"{repeated} earlier ones ({rows}).",
                "Delete them unless they are meant to count twice. Where rows "
                "are held out, copies stay in one split.",
            )
        else:
            yield Finding(
                "warning",
                "leak",
                f"{repeated} rows of {overlap.earlier} ({rows}).",
                "The score is too good by them: delete them, or pass another "
                f"--{overlap.split}_file.",
            )


def _near_repeats(inspection: Inspection) -> Iterable[Finding]:
    counts = []
    for overlap in inspection.overlaps:
        if overlap.near:
            is_same = overlap.split == overlap.earlier
            where = "" if is_same else f" (in {overlap.earlier})"
            counts.append(f"{len(overlap.near):,} of {overlap.split}{where}")
    if counts:
        yield Finding(
            "note",
            "near_duplicates",
            f"Some rows nearly repeat others: {', '.join(counts)}.",
            "Look at some of them: --output_dir lists their numbers in "
            "inspect.json. Copies with small changes make a score too good; "
            "texts that differ on purpose are as they should be.",
        )


def _imbalance(inspection: Inspection) -> Iterable[Finding]:
    labels = inspection.splits["train"].labels
    task = inspection.task
    if task.is_regression or task.metric != "accuracy":
        return
    largest = max(labels, key=labels.get)
    share = labels[largest] / sum(labels.values())
    if share >= _MAJORITY_SHARE:
        choice = "--metric=macro_f1"
        if len(labels) == 2:
            choice += " or --metric=matthews"
        yield Finding(
            "warning",
            "imbalance",
            f"{100 * share:.0f} % of the training examples are {largest!r}: a "
            f"model that always says so has an accuracy of {share:.2f}.",
            f"Choose the checkpoint by another metric: {choice}.",
        )


def _few_rows_of_a_class(inspection: Inspection) -> Iterable[Finding]:
    if inspection.task.is_regression:
        return
    labels = inspection.splits["train"].labels
    rare = {name: n for name, n in labels.items() if n < _ROWS_PER_CLASS}
    if rare:
        names_listed = ", ".join(
            f"{name}: {n}" for name, n in list(rare.items())[:_LISTED]
        )
        more = ", ..." if len(rare) > _LISTED else ""
        yield Finding(
            "warning",
            "rare_classes",
            f"{counted(len(rare), 'class', 'classes')} with fewer than "
            f"{_ROWS_PER_CLASS} training examples ({names_listed}{more}).",
            "Add rows or merge classes in the file; --metric=macro_f1 shows "
            "how well rare classes do.",
        )


def _looks_like_scores(inspection: Inspection) -> Iterable[Finding]:
    task = inspection.task
    if task.is_regression or task.name != "custom":
        return
    names = task.label_names
    if len(names) < 4 or not all(name.isdigit() for name in names):
        return
    numbers = sorted(map(int, names))
    if numbers == list(range(numbers[0], numbers[0] + len(numbers))):
        yield Finding(
            "note",
            "labels_look_like_grades",
            f"The labels are the numbers {numbers[0]} to {numbers[-1]}.",
            "If they are grades, whose order means something, pass "
            "--task_type=regression.",
        )


def _truncation(inspection: Inspection) -> Iterable[Finding]:
    limit = inspection.config.max_seq_length
    cut = {
        split: contents.texts
        for split, contents in inspection.splits.items()
        if contents.texts.truncated_share > _TRUNCATED_SHARE
    }
    if not cut:
        return
    longest = max(texts.length_quantiles["p99"] for texts in cut.values())
    fitting = max(longest, limit + 1)
    length = min(-(-fitting // 8) * 8, inspection.max_positions)
    if length > limit:
        action = f"Pass --max_seq_length={length}."
        if length < fitting:
            action += " Longer texts can be divided into several rows."
    else:
        action = (
            "The model reads no more: divide long texts into several rows, or "
            "move what matters to their beginning."
        )
    shares = ", ".join(
        f"{100 * texts.truncated_share:.1f} % of the {split} examples"
        for split, texts in cut.items()
    )
    yield Finding(
        "warning",
        "truncation",
        f"{shares} are longer than --max_seq_length={limit} tokens and lose "
        "their end.",
        action,
    )


def _unknown_words(inspection: Inspection) -> Iterable[Finding]:
    texts = inspection.splits["train"].texts
    if texts.unknown_share > _UNKNOWN_SHARE:
        words = ", ".join(word for word, _ in texts.unknown_words[:_LISTED])
        yield Finding(
            "warning",
            "unknown_words",
            f"{100 * texts.unknown_share:.1f} % of the tokens are unknown to "
            f"the vocabulary ({words}).",
            "Pass the --init_checkpoint of a model for this language and "
            "script, such as google-bert/bert-base-multilingual-cased.",
        )


def _missing_splits(inspection: Inspection) -> Iterable[Finding]:
    if "validation" not in inspection.splits:
        yield Finding(
            "note",
            "no_validation",
            "There is no validation split: the last weights are used, and "
            "nothing shows when a training goes wrong.",
            "Pass --validation_file or --validation_proportion=0.1.",
        )
    if "test" not in inspection.splits:
        yield Finding(
            "note",
            "no_test",
            "There is no test split: every score is on examples that had a "
            "part in the training or in the choice of the checkpoint.",
            "Pass --test_file or --test_proportion=0.2.",
        )


def _small_splits(inspection: Inspection) -> Iterable[Finding]:
    is_regression = inspection.task.is_regression
    what = "A correlation" if is_regression else "An accuracy"
    for split in ("validation", "test"):
        if split not in inspection.splits:
            continue
        size = inspection.splits[split].texts.num_rows
        half = _half_width(size, is_regression)
        if half > _HALF_WIDTH:
            yield Finding(
                "note",
                f"small_{split}",
                f"{what} of {_TYPICAL_SCORE} on {size} {split} examples is "
                f"uncertain by +-{half:.2f} (95 %).",
                f"Take smaller differences for noise; a --{split}_file with "
                f"more rows or a larger --{split}_proportion makes it surer.",
            )


def _half_width(num_rows: int, is_regression: bool) -> float:
    """Half of a typical score's 95 % interval; normal, or Fisher's z."""
    spread = math.sqrt(_TYPICAL_SCORE * (1 - _TYPICAL_SCORE) / num_rows)
    if is_regression:
        spread = (1 - _TYPICAL_SCORE**2) / math.sqrt(max(num_rows - 3, 1))
    return _Z * spread


def _repeated(inspection: Inspection, overlap: Overlap) -> str:
    """Returns "4 rows (2.0 %) of test are the same as"."""
    size = inspection.splits[overlap.split].texts.num_rows
    count = len(overlap.exact)
    return (
        f"{counted(count, 'row')} ({100 * count / size:.1f} %) of "
        f"{overlap.split} {'is' if count == 1 else 'are'} the same as"
    )


def _few_steps(inspection: Inspection) -> Iterable[Finding]:
    training = inspection.training
    if training.num_steps >= _FEW_STEPS or training.num_epochs >= _MOST_EPOCHS:
        return
    epochs = math.ceil(_FEW_STEPS / training.steps_per_epoch)
    yield Finding(
        "warning",
        "few_steps",
        f"{training.num_steps} steps ({training.num_epochs:.1f} epochs) are "
        "few: on small data a longer training is better (Zhang et al., 2021; "
        "Mosbach et al., 2021, take 20 epochs).",
        f"Pass --num_train_epochs={min(epochs, _MOST_EPOCHS)}.",
    )


def _large_batch(inspection: Inspection) -> Iterable[Finding]:
    rows = inspection.splits["train"].texts.num_rows
    batch_size = inspection.config.train_batch_size
    if batch_size > rows:
        yield Finding(
            "warning",
            "large_batch",
            f"A batch of {batch_size} is more than {rows} training examples.",
            f"Pass --train_batch_size={2 ** int(math.log2(max(rows // 4, 1)))}"
            " or so.",
        )


def _memory(inspection: Inspection) -> Iterable[Finding]:
    available, needed = inspection.physical_memory, inspection.memory.total
    is_enough = available is None or needed <= _MEMORY_SHARE * available
    if is_enough and inspection.measurement is not None:
        return
    config = inspection.config
    parts = 2 * config.gradient_accumulation_steps
    if inspection.memory.activations < needed / 2:
        action = "Pass a smaller model, such as --init_checkpoint=minilm-l6."
    elif config.train_batch_size % parts == 0:
        action = (
            f"Pass --gradient_accumulation_steps={parts}; the result is the "
            "same but for rounding and dropout's masks."
        )
    else:
        action = (
            "Pass a smaller --train_batch_size, or a smaller model, such as "
            "--init_checkpoint=minilm-l6."
        )
    yield Finding(
        "warning",
        "memory",
        f"A step needs about {needed / 1e9:.1f} GB, which is more than this "
        "machine has to spare.",
        action,
    )


def _long_time(inspection: Inspection) -> Iterable[Finding]:
    measured = inspection.measurement
    if measured is None or measured.total_seconds < _LONG_SECONDS:
        return
    action = "Train on a machine with a GPU"
    if inspection.hidden_size > _SMALL_HIDDEN_SIZE:
        action += ", or pass --init_checkpoint=minilm-l6, a small model"
    elif inspection.training.num_epochs > 3:
        action += ", or pass a smaller --num_train_epochs"
    yield Finding(
        "warning",
        "long_time",
        f"The training takes about {measured.total_seconds / 3600:.1f} hours "
        f"on {measured.device}.",
        action + ".",
    )


_RULES = (
    _empty_texts,
    _contradictions,
    _copies,
    _near_repeats,
    _imbalance,
    _few_rows_of_a_class,
    _looks_like_scores,
    _truncation,
    _unknown_words,
    _missing_splits,
    _small_splits,
    _few_steps,
    _large_batch,
)
