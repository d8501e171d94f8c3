"""A trial that pauses, as bytes: what it goes on from in another process."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import safetensors.numpy

from tf_bert.runs import build
from tf_bert.runs.state import checkpointing
from tf_bert.runs.state.progress import Progress
from tf_bert.runs.state.run_checkpoints import MemoryCheckpoints
from tf_bert.training.evaluate import Evaluation

# Kinds of arrays, in front of their names.
_VARIABLES, _BEST_WEIGHTS = "variable:", "best_weights:"
_LAST, _BEST = "last:", "best:"
_UPDATES = "updates"

_ARRAYS = ("labels", "predictions", "probabilities")


def pack(run: build.Run, state: MemoryCheckpoints) -> bytes:
    """Returns everything that a trial goes on from.

    Args:
        run: of the trial, with a validation split, after the evaluation at
            `state.progress.step`.
        state: that it was trained with.
    """
    arrays = {
        **_with_prefix(_VARIABLES, checkpointing.snapshot(run.state())),
        **_with_prefix(_BEST_WEIGHTS, state.best_weights),
        **_arrays_of(_LAST, state.last),
        **_arrays_of(_BEST, state.best),
    }
    if run.recorder is not None:
        log = run.recorder.log.to_bytes()
        arrays[_UPDATES] = np.frombuffer(log, np.uint8)
    header = {
        "progress": dataclasses.asdict(state.progress),
        "last": state.last.metrics,
        "best": state.best.metrics,
    }
    # A variable without an axis is no array in a snapshot.
    arrays = {name: np.asarray(x) for name, x in arrays.items()}
    return safetensors.numpy.save(arrays, {"header": json.dumps(header)})


def unpack(run: build.Run, data: bytes) -> MemoryCheckpoints:
    """Brings a run to where another one of the same trial has paused.

    Args:
        run: of the trial, at its start.
        data: of `pack`.

    Returns:
        What the other was trained with.

    Raises:
        ValueError: if it was another model's.
    """
    arrays = safetensors.numpy.load(data)
    length = int.from_bytes(data[:8], "little")
    metadata = json.loads(data[8 : 8 + length])["__metadata__"]
    header = json.loads(metadata["header"])
    variables = _without_prefix(_VARIABLES, arrays)
    checkpointing.assign(run.state(), variables, path="its state")
    state = MemoryCheckpoints(Progress(**header["progress"]))
    if run.recorder is not None:
        run.recorder.log.restore(
            arrays[_UPDATES].tobytes(), state.progress.step, path="its state"
        )
    state.last = _evaluation(_LAST, arrays, header["last"])
    state.best = _evaluation(_BEST, arrays, header["best"])
    state.best_weights = _without_prefix(_BEST_WEIGHTS, arrays)
    return state


def _with_prefix(
    prefix: str, arrays: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    return {f"{prefix}{name}": array for name, array in arrays.items()}


def _without_prefix(
    prefix: str, arrays: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }


def _arrays_of(prefix: str, evaluation: Evaluation) -> dict[str, np.ndarray]:
    arrays = {name: getattr(evaluation, name) for name in _ARRAYS}
    known = {name: x for name, x in arrays.items() if x is not None}
    return _with_prefix(prefix, known)


def _evaluation(
    prefix: str, arrays: Mapping[str, np.ndarray], metrics: dict[str, Any]
) -> Evaluation:
    return Evaluation(**_without_prefix(prefix, arrays), metrics=metrics)
