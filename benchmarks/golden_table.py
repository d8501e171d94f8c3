"""What differs between two folders of `golden.py`, case by case."""

import math
import pathlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

import golden_records
import numpy as np

# Of probabilities. They are written with six significant digits: what is the
# last one of both may differ by that much, and floats by a little more.
_TOLERANCE = 1e-6 * (1 + 1e-3)
# Of differences of one kind, so many are printed.
_SHOWN = 3
_ABSENT = object()


def compare(before: pathlib.Path, after: pathlib.Path) -> bool:
    """Prints a table row for each case; returns whether all are equal.

    Cases that one folder alone has are differences.
    """
    records = [golden_records.read_all(folder) for folder in (before, after)]
    _print_origin(before, records[0])
    _print_origin(after, records[1])
    names = list(records[0] | records[1])
    width = max(len(title(name)) for name in names)
    print(f"\n{'case'.ljust(width)}  weights  metrics  predictions", flush=True)
    num_different = 0
    for name in names:
        found = _differences(before, after, *(r.get(name) for r in records))
        num_different += any(found.values())
        cells = ["differ" if lines else "equal" for lines in found.values()]
        if not all(name in folder for folder in records):
            cells = ["absent"] * len(cells)
        print(
            f"{title(name).ljust(width)}  {cells[0]:7}  {cells[1]:7}  "
            f"{cells[2]}"
        )
        for line in _shortened(found):
            print(f"    {line}")
    for line in _new_settings(*records):
        print(line)
    print(f"\n{num_different} of {len(names)} cases are not equal.", flush=True)
    return not num_different


def title(name: str) -> str:
    """Returns a record's name in words.

    Example:
        >>> title("mixout_2")
        'mixout, two devices'
    """
    case, _, num_devices = name.rpartition("_")
    return f"{case}, {'one device' if num_devices == '1' else 'two devices'}"


def _print_origin(folder: pathlib.Path, records: Mapping[str, Any]) -> None:
    codes = sorted({record["code"] for record in records.values()})
    threads = sorted({record["num_threads"] for record in records.values()})
    print(
        f"{folder}: commit {', '.join(codes)}; "
        f"{', '.join(map(str, threads))} threads"
    )


def _differences(
    before: pathlib.Path,
    after: pathlib.Path,
    first: dict[str, Any] | None,
    second: dict[str, Any] | None,
) -> dict[str, list[str]]:
    """What differs in a case, in words, for each column of the table."""
    if first is None or second is None:
        line = f"not recorded in {before if first is None else after}"
        return {"weights": [line], "metrics": [line], "predictions": [line]}
    names = _different_names(first["tensors"], second["tensors"])
    metrics = tree_differences(first["metrics"], second["metrics"])
    return {
        "weights": weight_differences(
            before / first["run"], after / second["run"], names
        ),
        "metrics": [line for line in metrics if not _is_new_setting(line)],
        "predictions": [
            *line_differences(first["predictions"], second["predictions"]),
            *tree_differences(
                first.get("served"), second.get("served"), tolerance=_TOLERANCE
            ),
        ],
    }


def _different_names(
    first: Mapping[str, str], second: Mapping[str, str]
) -> list[str]:
    return sorted(
        name
        for name in first.keys() | second.keys()
        if first.get(name) != second.get(name)
    )


def weight_differences(
    first: pathlib.Path, second: pathlib.Path, names: list[str]
) -> list[str]:
    """Says by how much weights differ.

    Args:
        first: a run's folder.
        second: likewise.
        names: of the weights whose digests differ.
    """
    if not names:
        return []
    folders = (first, second)
    if not all((x / golden_records.WEIGHTS).exists() for x in folders):
        return [f"{name} differs" for name in names]
    arrays = [golden_records.weights(x) for x in folders]
    sizes = {name: _distance(*(a.get(name) for a in arrays)) for name in names}
    names = sorted(names, key=lambda name: -sizes[name])
    return [f"{name} differs by at most {sizes[name]:.2g}" for name in names]


def _distance(first: np.ndarray | None, second: np.ndarray | None) -> float:
    """Infinity where there is nothing to subtract."""
    if first is None or second is None or first.shape != second.shape:
        return math.inf
    if not first.size:
        return 0.0
    return float(np.abs(np.float64(first) - np.float64(second)).max())


def tree_differences(
    first: Any, second: Any, *, path: str = "", tolerance: float = 0.0
) -> list[str]:
    """Says where what JSON holds differs.

    Args:
        first: what was there before.
        second: what is there after.
        path: to both.
        tolerance: of numbers.
    """
    if isinstance(first, dict) and isinstance(second, dict):
        pairs = {
            key: (first.get(key, _ABSENT), second.get(key, _ABSENT))
            for key in [*first, *(k for k in second if k not in first)]
        }
    elif isinstance(first, list) and isinstance(second, list):
        longest = max(len(first), len(second))
        padded = [x + [_ABSENT] * (longest - len(x)) for x in (first, second)]
        pairs = dict(enumerate(zip(*padded, strict=True)))
    elif _is_same(first, second, tolerance):
        return []
    else:
        return [f"{path}: {_show(first)}, then {_show(second)}"]
    return [
        line
        for key, (a, b) in pairs.items()
        for line in tree_differences(
            a, b, path=f"{path} > {key}" if path else key, tolerance=tolerance
        )
    ]


def _is_same(first: Any, second: Any, tolerance: float) -> bool:
    if isinstance(first, float) and isinstance(second, float):
        if math.isnan(first) or math.isnan(second):
            return math.isnan(first) and math.isnan(second)
        # Of scores over 1, six significant digits have larger last ones.
        scale = 10.0 ** len(str(int(abs(first)))) if abs(first) >= 1 else 1.0
        return first == second or abs(first - second) <= tolerance * scale
    if isinstance(first, str) and isinstance(second, str):
        return _in_checkout(first) == _in_checkout(second)
    return type(first) is type(second) and first == second


def _in_checkout(text: str) -> str:
    """Returns a path of bundled data without the place of the checkout."""
    return re.sub(r"^\S*/(?=tf_bert/data/)", "", text)


def _show(value: Any) -> str:
    if value is _ABSENT:
        return "absent"
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def line_differences(first: list[str], second: list[str]) -> list[str]:
    """Says where predictions.tsv differs, numbers with the tolerance."""
    rows = [[_cells(line) for line in lines] for lines in (first, second)]
    return tree_differences(*rows, path="predictions", tolerance=_TOLERANCE)


def _cells(line: str) -> list[str | float]:
    return [_cell(text) for text in line.split("\t")]


def _cell(text: str) -> str | float:
    try:
        return float(text)
    except ValueError:
        return text


def _is_new_setting(line: str) -> bool:
    path, _, values = line.partition(": ")
    is_setting = path.startswith("trials.jsonl > ") and " > config > " in path
    return is_setting and values.startswith("absent, then ")


def _new_settings(
    first: Mapping[str, Any], second: Mapping[str, Any]
) -> Iterator[str]:
    """Names the settings that came later, in the records of trials."""
    found = {
        line.rpartition(" > ")[2].replace("absent, then ", "")
        for name in first.keys() & second.keys()
        for line in tree_differences(
            first[name]["metrics"], second[name]["metrics"]
        )
        if _is_new_setting(line)
    }
    for line in sorted(found):
        yield f"New setting, in the records of trials: {line}"


def _shortened(found: Mapping[str, list[str]]) -> Iterator[str]:
    for lines in dict.fromkeys(map(tuple, found.values())):
        yield from lines[:_SHOWN]
        if len(lines) > _SHOWN:
            yield f"and {len(lines) - _SHOWN} more"
