"""What `golden.py` keeps of a run: small, to be read, and compared exactly.

A record is a JSON file: a digest of each weight, metrics, predictions.
"""

import hashlib
import json
import pathlib
from typing import Any

import numpy as np
import safetensors.numpy

WEIGHTS = "model/model.safetensors"
_RECORDS = "records"
_JSON = ("all_results.json", "evaluation.json", "splits.json")
_JSON_LINES = ("history.jsonl", "trials.jsonl")
_PREDICTIONS = "predictions.tsv"
# What a clock, or the machine, decides.
_RUNTIME = "runtime"


def read(run: pathlib.Path) -> dict[str, Any]:
    """Returns what is there of a finished run, or of a sweep.

    Args:
        run: its folder.

    Returns:
        `tensors`: name -> digest, of the weights; `metrics`: file -> content,
        without `runtime`; `predictions`: the lines of predictions.tsv.
    """
    tables = sorted(run.glob("trials/*/scored_rows.tsv"))
    tables += [run / "scored_rows.tsv", run / "eval_results.txt"]
    metrics = {
        **{name: _json(run / name) for name in _JSON},
        **{name: _json_lines(run / name) for name in _JSON_LINES},
        **{str(path.relative_to(run)): _lines(path) for path in tables},
        "updates.npz": _digests_of_updates(run / "updates.npz"),
    }
    return {
        "tensors": digests(weights(run)),
        "metrics": {k: v for k, v in metrics.items() if v is not None},
        "predictions": _lines(run / _PREDICTIONS) or [],
    }


def weights(run: pathlib.Path) -> dict[str, np.ndarray]:
    """Returns the weights of a run by their names."""
    return safetensors.numpy.load_file(run / WEIGHTS)


def digests(arrays: dict[str, np.ndarray]) -> dict[str, str]:
    """Returns, for each array, digits that tell type, shape and content."""
    return {
        name: hashlib.sha256(
            f"{array.dtype.str} {array.shape} ".encode() + array.tobytes()
        ).hexdigest()[:24]
        for name, array in sorted(arrays.items())
    }


def _digests_of_updates(path: pathlib.Path) -> dict[str, str] | None:
    if not path.exists():
        return None
    with np.load(path) as arrays:
        return digests(dict(arrays))


def _lines(path: pathlib.Path) -> list[str] | None:
    return path.read_text("utf-8").splitlines() if path.exists() else None


def _json(path: pathlib.Path) -> Any:
    if not path.exists():
        return None
    return _timeless(json.loads(path.read_text("utf-8")))


def _json_lines(path: pathlib.Path) -> list | None:
    lines = _lines(path)
    return None if lines is None else [_timeless(json.loads(x)) for x in lines]


def _timeless(content: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in content.items() if k != _RUNTIME}


def write(folder: pathlib.Path, name: str, record: dict[str, Any]) -> None:
    """Writes the record of a case.

    Args:
        folder: of all records.
        name: of the case, and the number of devices.
        record: of `read`, and what belongs to it.
    """
    path = folder / _RECORDS / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    text = json.dumps(record, indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def read_all(folder: pathlib.Path) -> dict[str, dict[str, Any]]:
    """Returns all records of a folder by their names, in order of writing.

    Raises:
        FileNotFoundError: if it has none.
    """
    paths = list((folder / _RECORDS).glob("*.json"))
    if not paths:
        raise FileNotFoundError(
            f"There are no records. Received: folder={folder}. Make some: "
            f"python benchmarks/golden.py record --output={folder}"
        )
    paths.sort(key=lambda path: path.stat().st_mtime_ns)
    return {path.stem: json.loads(path.read_text("utf-8")) for path in paths}
