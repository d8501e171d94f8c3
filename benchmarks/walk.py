"""How far one sentence, and the configuration, walk through the code.

Run it as `python benchmarks/walk.py`; `--checkout=PATH` measures the code that
lies there, another version of this repository. It trains a tiny BERT on a CSV
file of 20 rows, predicts a file with the run, watches every call of a
function of the package while it does, and prints:

- The *files of a sentence*: those of the package that somebody opens who
  follows one sentence. A function has the sentence if an argument or what it
  returns or yields is it, or holds it directly (an item, a value, a field of
  an object): as text, as its token ids, or as a tensor without a value, which
  stands for all sentences while TensorFlow traces a graph. Counted are the
  files of these functions and of the functions that wait for them, their
  callers. In a training the way ends at the first gradient, in a prediction
  at the end, when predictions.tsv is written.
- The *climbs of the configuration*: it goes through the files that have a
  function which gets a `Config`, or an object that holds one directly. Of all
  calls of functions in these files, one after the other, a climb is a call in
  a file of a higher level than the call before it; levels are the rows of
  LEVELS (or ROOMS) in tests/architecture_test.py of that checkout. A *move* is
  a call in another file than the call before it, and it is a *return* if that
  file had a call earlier: neither of them depends on levels.

All numbers are counts: they do not change from one time to the next.
"""

import argparse
import contextlib
import csv
import dataclasses
import importlib.util
import io
import pathlib
import sys
import tempfile
import textwrap
import threading
import types
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

ROOT = pathlib.Path(__file__).parents[1]
_OTHERS = [
    (f"The {thing} is {word}.", label)
    for thing in ("kettle", "lamp", "tent", "mug", "desk")
    for word, label in (
        ("good", "good"),
        ("fine", "good"),
        ("bad", "bad"),
        ("poor", "bad"),
    )
]
_MOST = 64  # Of the items of a container are looked at.


def main() -> None:
    """Prints both ways, of a training and of a prediction."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkout", type=pathlib.Path, default=ROOT)
    parser.add_argument("--quick", action="store_true", help="as it always is")
    checkout = parser.parse_args().checkout.resolve()
    sys.path[:0] = [str(checkout / "benchmarks"), str(checkout)]
    levels = read_levels(checkout / "tests" / "architecture_test.py")
    with tempfile.TemporaryDirectory(prefix="tf_bert_walk_") as name:
        training, prediction = _run_both(checkout, pathlib.Path(name))
    to_gradient = training[: _first_gradient(training)]
    print("One sentence, from the CSV file to the gradient:")
    print(_files_line(files_of_sentence(to_gradient)))
    print("The configuration, through this training:")
    print(_walk_line(training, levels))
    print("\nOne row of --predict_file, to predictions.tsv:")
    print(_files_line(files_of_sentence(prediction)))
    print("The configuration, through this prediction:")
    print(_walk_line(prediction, levels))


@dataclasses.dataclass(frozen=True)
class Event:
    """A function of the package that is entered, or left.

    Attributes:
        file: "data/tables", of the function; "" is TensorFlow's gradient.
        callers: files of the functions of the package that wait for it, the
            direct caller first.
        is_call: whether it is entered.
        has_sentence: whether the sentence is in an argument or in the result.
        has_config: whether a configuration is in an argument.
        is_main: whether it happens in the main thread.
    """

    file: str
    callers: tuple[str, ...]
    is_call: bool
    has_sentence: bool
    has_config: bool
    is_main: bool


class Watch:
    """Notes the calls of a package's functions while it is `on`.

    Args:
        package: folder of the package.
        sentence: that is followed.
        ids: int `[n]`, its token ids.
    """

    def __init__(
        self, package: pathlib.Path, sentence: str, ids: Sequence[int]
    ):
        self._package = f"{package}/"
        self._sentence = sentence
        self._ids = np.asarray(ids)
        self._events: list[Event] = []

    @contextlib.contextmanager
    def on(self) -> Iterator[list[Event]]:
        """The time in which calls are noted, in all threads; the notes."""
        import tensorflow  # noqa: F401  Not while every call is noted.

        self._events = []
        before = sys.getprofile(), threading.getprofile()
        threading.setprofile(self._note)
        sys.setprofile(self._note)
        try:
            yield self._events
        finally:
            sys.setprofile(before[0])
            threading.setprofile(before[1])

    def _note(self, frame: types.FrameType, event: str, result: Any) -> None:
        if event not in ("call", "return"):
            return
        code, is_call = frame.f_code, event == "call"
        if not code.co_filename.startswith(self._package):
            if is_call and code.co_qualname == "GradientTape.gradient":
                self._events.append(Event("", (), True, False, False, True))
            return
        files = self._files(frame)
        if files is None:
            return
        values = _arguments(frame) if is_call else [result]
        self._events.append(
            Event(
                files[0],
                tuple(files[1:]),
                is_call,
                has_sentence=any(self._holds(x, depth=1) for x in values),
                has_config=is_call and any(map(_holds_config, values)),
                is_main=threading.current_thread() is threading.main_thread(),
            )
        )

    def _files(self, frame: types.FrameType | None) -> list[str] | None:
        """Files of the package on the stack; None while it is imported."""
        files = []
        while frame is not None:
            name = frame.f_code.co_filename
            if name.startswith(self._package):
                if frame.f_code.co_name == "<module>":
                    return None
                file = name.removeprefix(self._package).removesuffix(".py")
                files.append(file)
            frame = frame.f_back
        return files

    def _holds(self, value: Any, depth: int) -> bool:
        """Whether a value is the sentence, or holds it this deep."""
        import tensorflow as tf

        if isinstance(value, str):
            return self._sentence in value
        if isinstance(value, bytes):
            return self._sentence.encode() in value
        if isinstance(value, tf.RaggedTensor):
            value = value.flat_values
        if isinstance(value, tf.Tensor):
            if value.dtype in (tf.resource, tf.variant):
                return False
            if tf.is_symbolic_tensor(value):
                return True
            value = value.numpy()
            if isinstance(value, bytes):  # Of a scalar.
                return self._holds(value, depth)
        if isinstance(value, np.ndarray):
            return self._is_in(value)
        return depth > 0 and any(
            self._holds(item, depth - 1) for item in _items(value)
        )

    def _is_in(self, array: np.ndarray) -> bool:
        if array.dtype.kind in "OSU":
            return any(self._holds(x, depth=0) for x in array.flat)
        if array.dtype.kind != "i" or array.size < len(self._ids):
            return False
        windows = np.lib.stride_tricks.sliding_window_view(
            array.reshape(-1), len(self._ids)
        )
        return bool((windows == self._ids).all(axis=1).any())


def files_of_sentence(events: Sequence[Event]) -> list[str]:
    """Returns the files that the sentence goes through, by first mention."""
    return list(
        dict.fromkeys(
            file
            for event in events
            if event.has_sentence
            for file in (*reversed(event.callers), event.file)
        )
    )


def walk_of_config(events: Sequence[Event]) -> list[str]:
    """Returns the file of each call in the files that the config goes through.

    Of the main thread alone: others have an order of their own.
    """
    own = {event.file for event in events if event.has_config}
    return [e.file for e in events if e.is_call and e.is_main and e.file in own]


def read_levels(test: pathlib.Path) -> dict[str, int]:
    """Returns name of a module or folder -> level, 0 the lowest.

    Args:
        test: path of a checkout's tests/architecture_test.py.
    """
    spec = importlib.util.spec_from_file_location("levels_of_walk", test)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    rows = module.ROOMS if hasattr(module, "ROOMS") else module.LEVELS
    return {
        name.strip("/").replace(".", "/"): level
        for level, row in enumerate(rows)
        for name in ([row] if isinstance(row, str) else row)
    }


def level_of(file: str, levels: dict[str, int]) -> int:
    """Returns the level of "data/tables", by the longest name that has one.

    Raises:
        ValueError: if none has.
    """
    parts = file.split("/")
    for count in range(len(parts), 0, -1):
        if "/".join(parts[:count]) in levels:
            return levels["/".join(parts[:count])]
    raise ValueError(
        "Every module must have a level in tests/architecture_test.py. "
        f"Received: {file}."
    )


def count(walk: Sequence[str], levels: dict[str, int]) -> dict[str, int]:
    """Returns how many files, moves, climbs and returns a walk has.

    Example:
        >>> count(["run", "data", "run", "run"], {"data": 0, "run": 1})
        {'files': 2, 'moves': 2, 'climbs': 1, 'returns': 1}
    """
    seen = set(walk[:1])
    counts = dict.fromkeys(("files", "moves", "climbs", "returns"), 0)
    for before, after in zip(walk, walk[1:], strict=False):
        if before == after:
            continue
        counts["moves"] += 1
        counts["climbs"] += level_of(after, levels) > level_of(before, levels)
        counts["returns"] += after in seen
        seen.add(after)
    return {**counts, "files": len(seen)}


def _run_both(
    checkout: pathlib.Path, folder: pathlib.Path
) -> tuple[list[Event], list[Event]]:
    """Trains and predicts; returns what was noted of each."""
    import quick

    import tf_bert
    from tf_bert import run

    package = pathlib.Path(tf_bert.__file__).parent.resolve()
    if package != checkout / "tf_bert":
        raise ValueError(
            "The package must be that of the checkout. Received: "
            f"checkout={checkout}, with a package imported from {package}."
        )
    flags = quick.flags()
    vocabulary = pathlib.Path(quick.checkpoint()) / "vocab.txt"
    sentence, ids = _sentence(vocabulary.read_text("utf-8").splitlines())
    watch = Watch(package, sentence, ids)
    rows = [(sentence, "bad"), *_OTHERS]
    _write_csv(folder / "train.csv", [("text", "label"), *rows])
    _write_csv(folder / "new.csv", [("text",), *(row[:1] for row in rows)])
    training = _watched(
        watch,
        run.main,
        *flags,
        f"--train_file={folder / 'train.csv'}",
        f"--output_dir={folder / 'run'}",
        "--train_batch_size=8",
        "--steps_per_loop=1",  # Else a clock decides how many to a call.
        "--nocompare_baselines",
    )
    prediction = _watched(
        watch,
        run.main,
        "--mode=predict",
        f"--output_dir={folder / 'run'}",
        f"--predict_file={folder / 'new.csv'}",
    )
    return training, prediction


def _watched(
    watch: Watch, main: Callable[[list[str]], int], *arguments: str
) -> list[Event]:
    said = io.StringIO()
    with contextlib.redirect_stdout(said), watch.on() as events:
        status = main(list(arguments))
    if status != 0:
        raise RuntimeError(f"Status {status} of {' '.join(arguments)}")
    return events


def _sentence(vocabulary: Sequence[str]) -> tuple[str, list[int]]:
    """Returns five long words, which no other row has, and their ids."""
    words = [x for x in vocabulary if len(x) > 8 and x.isalpha()][:5]
    return " ".join(words), [vocabulary.index(word) for word in words]


def _write_csv(path: pathlib.Path, rows: Sequence[Sequence[str]]) -> None:
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


def _arguments(frame: types.FrameType) -> list[Any]:
    code = frame.f_code
    num = code.co_argcount + code.co_kwonlyargcount
    num += bool(code.co_flags & 0x04) + bool(code.co_flags & 0x08)  # *, **
    values = frame.f_locals
    return [values[x] for x in code.co_varnames[:num] if x in values]


def _items(value: Any) -> list[Any]:
    """What a container, or an object of the package, holds directly."""
    if isinstance(value, dict):
        return list(value.values())[:_MOST]
    if isinstance(value, (list, tuple)):
        return list(value[:_MOST])
    if type(value).__module__.startswith("tf_bert"):
        names = getattr(type(value), "__slots__", ())
        slots = [getattr(value, x) for x in names if hasattr(value, x)]
        return [*slots, *getattr(value, "__dict__", {}).values()]
    return []


def _holds_config(value: Any) -> bool:
    return any(type(x).__name__ == "Config" for x in [value, *_items(value)])


def _first_gradient(events: Sequence[Event]) -> int:
    return [event.file for event in events].index("")


def _files_line(files: Sequence[str]) -> str:
    listed = textwrap.fill(
        ", ".join(files), 78, initial_indent="  ", subsequent_indent="  "
    )
    return f"{len(files)} files\n{listed}"


def _walk_line(events: Sequence[Event], levels: dict[str, int]) -> str:
    counts = count(walk_of_config(events), levels)
    return ", ".join(f"{value} {name}" for name, value in counts.items())


if __name__ == "__main__":
    main()
