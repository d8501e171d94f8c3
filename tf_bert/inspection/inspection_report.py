"""An inspection as text for people, 80 columns wide, and as JSON."""

import dataclasses
import textwrap
from collections.abc import Sequence
from typing import Any

from tf_bert.inspection import findings
from tf_bert.inspection.contents import Inspection
from tf_bert.inspection.duplicates import NEAR_DUPLICATE
from tf_bert.inspection.findings import counted, worst_first
from tf_bert.runs.cost import MemoryEstimate, size_text
from tf_bert.system import text_tables

_LINE_WIDTH = 80
_MAX_CLASSES = 12
_INDENT = " " * 13


def render(inspection: Inspection) -> str:
    """Returns the inspection as plain text, what to do at the end."""
    sections = {
        "Data": _data_lines,
        "Texts": _text_lines,
        "Duplicates": _duplicate_lines,
        "Model": _model_lines,
        "Training": _training_lines,
        "What to do": _finding_lines,
    }
    return "\n\n".join(
        "\n".join([title, "-" * len(title), *lines_of(inspection)])
        for title, lines_of in sections.items()
    )


def as_json(inspection: Inspection) -> dict[str, Any]:
    """Returns the inspection as what JSON can hold.

    All but `runtime`, which this machine decides, is the same whenever the
    same command is given.
    """
    content = dataclasses.asdict(inspection)
    measured = inspection.measurement
    return {
        "config": inspection.config.as_dict(),
        **{
            name: content[name]
            for name in ("splits", "overlaps", "contradictions", "training")
        },
        "model": {
            "num_parameters": inspection.num_parameters,
            "num_trainable": inspection.num_trainable,
            "num_updated": inspection.num_updated,
            "max_positions": inspection.max_positions,
        },
        "memory": content["memory"] | {"total": inspection.memory.total},
        "findings": [
            dataclasses.asdict(x) for x in findings.findings_of(inspection)
        ],
        "runtime": {
            "physical_memory": inspection.physical_memory,
            "measurement": measured
            and content["measurement"]
            | {"total_seconds": measured.total_seconds},
            "findings": [
                dataclasses.asdict(x)
                for x in findings.machine_findings_of(inspection)
            ],
        },
    }


def _data_lines(inspection: Inspection) -> list[str]:
    splits = inspection.splits
    lines = [f"{name}: {split.file}" for name, split in splits.items()]
    labelled = {n: s for n, s in splits.items() if s.labels is not None}
    names = list(splits["train"].labels)
    shown, kind = names, "score, "
    if not inspection.task.is_regression:
        # Of many classes the largest and the smallest tell the most.
        names.sort(key=lambda name: -splits["train"].labels[name])
        if len(names) > _MAX_CLASSES:
            half = _MAX_CLASSES // 2
            shown = [*names[:half], *names[-half:]]
        kind = "label "
    columns = [["", "rows", *(f"{kind}{name}" for name in shown)]]
    for name, split in labelled.items():
        values = [split.labels[name] for name in shown]
        cells = [f"{value:.2f}" for value in values]
        if not inspection.task.is_regression:
            total = sum(split.labels.values())
            cells = [_with_share(value, total) for value in values]
        columns.append([name, f"{split.texts.num_rows:,}", *cells])
    lines += ["", *_table(columns)]
    label = inspection.task.positive_label
    if label is not None:
        lines += _fill(
            f"F1 and average precision are those of {label!r} "
            "(--positive_label)."
        )
    if len(shown) < len(names):
        lines += [f"{len(names) - len(shown)} classes between these left out."]
    return lines


def _text_lines(inspection: Inspection) -> list[str]:
    splits = {name: s.texts for name, s in inspection.splits.items()}
    columns = [
        [
            "",
            *(f"tokens, {x}" for x in splits["train"].length_quantiles),
            f"examples cut to {inspection.config.max_seq_length} tokens",
            "empty texts",
            "unknown tokens",
            "examples with unknown tokens",
        ]
    ]
    for name, texts in splits.items():
        columns.append(
            [
                name,
                *map(str, texts.length_quantiles.values()),
                _with_share(texts.num_truncated, texts.num_rows),
                f"{len(texts.empty_rows):,}",
                f"{100 * texts.unknown_share:.2f} %",
                _with_share(texts.num_rows_with_unknown, texts.num_rows),
            ]
        )
    lines = _table(columns)
    words = splits["train"].unknown_words
    if words:
        listed = ", ".join(f"{word} ({count})" for word, count in words)
        lines += ["", *_fill(f"Unknown words of train: {listed}")]
    return lines


def _duplicate_lines(inspection: Inspection) -> list[str]:
    rows = [["rows that repeat", "exactly", "nearly"]]
    for overlap in inspection.overlaps:
        where = f"{overlap.split}, in {overlap.earlier}"
        if overlap.split == overlap.earlier:
            where = f"{overlap.split}, an earlier row"
        rows.append(
            [where, f"{len(overlap.exact):,}", f"{len(overlap.near):,}"]
        )
    return [
        *text_tables.align(rows, has_rule=True),
        "",
        *_fill(
            "Nearly: the two have at least "
            f"{_percent(NEAR_DUPLICATE)} of their word pieces in common "
            "(Jaccard similarity), whatever their order."
        ),
        f"Texts with labels that contradict each other: "
        f"{len(inspection.contradictions):,}",
    ]


def _model_lines(inspection: Inspection) -> list[str]:
    return [
        *_item("checkpoint", inspection.config.init_checkpoint),
        *_item(
            "parameters",
            f"{inspection.num_parameters:,}, of which "
            f"{inspection.num_trainable:,} are trained; "
            f"{inspection.num_updated:,} get gradients, for words that the "
            "training texts do not hold get none",
        ),
        *_item("positions", f"{inspection.max_positions:,} tokens at most"),
    ]


def _training_lines(inspection: Inspection) -> list[str]:
    training, memory = inspection.training, inspection.memory
    return [
        *_item(
            "steps",
            f"{training.num_steps:,} ({training.num_epochs:.1f} epochs of "
            f"{training.steps_per_epoch:,}), "
            f"{counted(training.num_evaluations, 'evaluation')}",
        ),
        *_item(
            "real tokens",
            f"{_percent(training.packing_fill)} of those computed; padded to "
            "the longest of a batch it would be "
            f"{_percent(training.fill_padded_to_batch)}, padded to "
            f"--max_seq_length {_percent(training.fill_padded_to_limit)}",
        ),
        *_item(
            "memory",
            f"{size_text(memory.total)} estimated: weights "
            f"{size_text(memory.weights)}, gradients "
            f"{size_text(memory.gradients)}, "
            f"Adam's moments {size_text(memory.moments)}, "
            f"{_priors(memory)}activations "
            f"{size_text(memory.activations)} ({training.largest_rows} rows of "
            f"{training.largest_width} tokens); the program itself takes "
            f"about 1 GB more{_available(inspection)}",
        ),
        *_measured_lines(inspection),
    ]


def _available(inspection: Inspection) -> str:
    available = inspection.physical_memory
    if available is None:
        return ""
    return f"; this machine, or its container, has {size_text(available)}"


def _priors(memory: MemoryEstimate) -> str:
    if not memory.priors:
        return ""
    return f"weights to be pulled to {size_text(memory.priors)}, "


def _measured_lines(inspection: Inspection) -> list[str]:
    measured = inspection.measurement
    if measured is None:
        return _item("time", "not measured: a step needs more than there is")
    without_cache = ""
    if inspection.config.cache_frozen_features:
        without_cache = ", frozen layers run in each; with their cache: less"
    lines = _item(
        "time",
        f"{_duration(measured.total_seconds)} estimated: training "
        f"{_duration(measured.training_seconds)}, evaluation "
        f"{_duration(measured.evaluation_seconds)}, saving and baselines not "
        f"counted; from {measured.timed_steps} steps run on "
        f"{measured.device} ({counted(measured.num_cpus, 'processor')}), "
        f"{measured.tokens_per_second:,.0f} tokens a second"
        f"{without_cache}",
    )
    if measured.peak_bytes is not None:
        lines += _item(
            "measured",
            f"{size_text(measured.peak_bytes)} of memory at the highest; the "
            "largest step of the training is among those that ran",
        )
    return lines


def _finding_lines(inspection: Inspection) -> list[str]:
    found = worst_first(
        [
            *findings.findings_of(inspection),
            *findings.machine_findings_of(inspection),
        ]
    )
    lines = []
    for finding in found:
        text = f"{finding.severity}: {finding.message}"
        lines += _fill(text, subsequent_indent="  ")
        lines += _fill(
            f"-> {finding.action}",
            initial_indent="  ",
            subsequent_indent="     ",
        )
    return lines or ["Nothing: go ahead."]


def _table(columns: Sequence[Sequence[str]]) -> list[str]:
    rows = list(zip(*columns, strict=True))
    return text_tables.align(rows, has_rule=True)


def _with_share(count: int, total: int) -> str:
    return f"{count:,} ({100 * count / total:.1f} %)"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def _item(name: str, text: str) -> list[str]:
    """Lays out a name and what is to be said of it, behind each other."""
    return _fill(name.ljust(len(_INDENT)) + text, subsequent_indent=_INDENT)


def _fill(text: str, **indents: str) -> list[str]:
    return textwrap.wrap(
        text,
        _LINE_WIDTH,
        break_on_hyphens=False,
        break_long_words=False,
        **indents,
    )
