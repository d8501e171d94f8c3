"""Golden results: what this program's commands came to, before and after.

    python benchmarks/golden.py record --output=before
    python benchmarks/golden.py record --output=after
    python benchmarks/golden.py compare before after

`record` runs a fixed list of commands, each in a process of its own, on one
device and on two (two halves of the CPU): the quickstart; evaluate, predict
and export of its run; every recipe for 40 steps; a regression; a training with
all else that changes weights; a sweep of 2 recipes x 2 seeds. `compare` prints
a row for each, and returns 1 if results differ. Weights and metrics must be
the same bit for bit, all that a clock decides (`runtime`) aside; predicted
probabilities, and what the exported model says, within 1e-6 with the same
classes. A setting that one of two records of trials does not have is no
difference if it came later: it is named.

The code is that of `--checkout`, by default the tf_bert that Python finds: that
of PYTHONPATH, else the installed one. So one script records both:

    PYTHONPATH=../old python benchmarks/golden.py record --output=before

`repeat` records twice and compares: whether code agrees with itself. The same
machine and number of threads must do both. Needs the MiniLM weights, and 0.1
GB of disk for each training, for the weights stay in the folder, so that
`compare` can say how much they differ. `--quick` takes a tiny checkpoint.
"""

import argparse
import dataclasses
import importlib.util
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence

import golden_data
import golden_records
import golden_table
import quick

# Logical devices are made before TensorFlow starts, so in the program's
# process. tf_bert is first, for it decides how TensorFlow is loaded.
_TWO_DEVICES = """
import runpy, tf_bert
import tensorflow as tf
cpu, = tf.config.list_physical_devices("CPU")
half = tf.config.LogicalDeviceConfiguration()
tf.config.set_logical_device_configuration(cpu, [half, half])
runpy.run_module("tf_bert.run", run_name="__main__", alter_sys=True)
"""
# Needs nothing of this package, as whoever serves the model.
_SERVE = """
import json, sys
import tensorflow as tf, tensorflow_text
served = tf.saved_model.load(sys.argv[1]).signatures["serving_default"]
said = served(text=tf.constant(json.load(sys.stdin)))
print(json.dumps({
    "classes": [x.decode() for x in said["label"].numpy()],
    "probabilities": said["probabilities"].numpy().tolist(),
}))
"""
_RECIPES = (
    "devlin",
    "llrd",
    "mixout",
    "mosbach",
    "pretrained_wd",
    "zhang",
    "zhang_longer",
    "zhang_reinit",
)
_REVIEWS = "--task_name=product_reviews"
_SHORT = (
    "--init_checkpoint=minilm-l6",
    "--max_seq_length=48",
    "--train_batch_size=8",
    "--num_train_steps=40",
    "--num_evaluations=4",
    "--learning_rate=1e-4",
    "--nocompare_baselines",
    "--notensorboard",
)


@dataclasses.dataclass(frozen=True)
class Case:
    """A command, and what is kept of it.

    Attributes:
        flags: without `--output_dir`.
        of: the case whose finished run the command takes; None: its own.
        serves: whether ten texts are given to the SavedModel that it wrote.
    """

    flags: tuple[str, ...]
    of: str | None = None
    serves: bool = False


CASES = {
    "quickstart": Case(("--flagfile=flags/quickstart.flags",)),
    "evaluate": Case(("--mode=evaluate",), of="quickstart"),
    "predict": Case(
        ("--mode=predict", f"--predict_file={golden_data.NEW}"),
        of="quickstart",
    ),
    "export": Case(("--mode=export",), of="quickstart", serves=True),
    **{
        name: Case(
            (f"--flagfile=flags/recipes/{name}.flags", _REVIEWS, *_SHORT)
        )
        for name in _RECIPES
    },
    "regression": Case(
        (
            *_SHORT,
            "--task_type=regression",
            f"--train_file={golden_data.SCORES}",
            "--text_pair_column=product",
            "--label_column=score",
            "--test_proportion=0.2",
            f"--predict_file={golden_data.SCORES}",
            "--compare_baselines",
        )
    ),
    # What no recipe has.
    "others": Case(
        (
            _REVIEWS,
            *_SHORT,
            "--ema_decay=0.9",
            "--freeze=lower_1",
            "--cache_frozen_features",
            "--record_updates",
            "--max_train_examples=200",
            "--lr_schedule=cosine",
            "--early_stopping_patience=2",
        )
    ),
    "sweep": Case(
        (
            "--mode=trials",
            _REVIEWS,
            *_SHORT,
            "--num_train_steps=10",
            "--num_evaluations=2",
            "--num_trials=2",
            "--sweep=recipe:zhang,mixout",
        )
    ),
}


@dataclasses.dataclass(frozen=True)
class Recorder:
    """Runs cases in a folder.

    Attributes:
        checkout: whose `tf_bert` and `flags` are used.
        folder: of the record; the commands' working folder, so that no path
            in a result depends on it.
        more_flags: behind those of each training, of which they win.
    """

    checkout: pathlib.Path
    folder: pathlib.Path
    more_flags: tuple[str, ...] = ()

    def record(self, name: str, num_devices: int) -> None:
        """Runs a case and writes its record.

        Raises:
            RuntimeError: if its command ends badly.
        """
        case = CASES[name]
        run = f"{case.of or name}_{num_devices}"
        flags = [*case.flags, f"--output_dir={run}"]
        if case.of is None:
            shutil.rmtree(self.folder / run, ignore_errors=True)
            kind = "one_device" if num_devices == 1 else "mirrored"
            flags += [f"--distribution={kind}", *self.more_flags]
        self._run(program(num_devices) + flags)
        record = golden_records.read(self.folder / run)
        if case.serves:
            code = (sys.executable, "-c", _SERVE, f"{run}/saved_model")
            texts = json.dumps(golden_data.served_texts())
            record["served"] = json.loads(self._run(code, texts))
            # As large as the weights, and of no more use.
            shutil.rmtree(self.folder / run / "saved_model")
        record["code"] = _commit(self.checkout)
        record["num_threads"] = os.cpu_count()
        record["run"] = run
        golden_records.write(self.folder, f"{name}_{num_devices}", record)

    def _run(self, command: Sequence[str], said: str | None = None) -> str:
        done = subprocess.run(
            command,
            input=said,
            cwd=self.folder,
            # TensorFlow tells how it is built as if that were an error.
            env={
                **os.environ,
                "PYTHONPATH": str(self.checkout),
                "TF_CPP_MIN_LOG_LEVEL": "3",
            },
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(
                f"A command ended with exit status {done.returncode}. "
                f"Received: {list(command)}, which wrote:\n{done.stderr}"
            )
        return done.stdout


def program(num_devices: int) -> list[str]:
    """Returns the command line of tf_bert, without flags.

    Args:
        num_devices: 1, or 2 parts of the CPU.
    """
    code = ["-m", "tf_bert.run"] if num_devices == 1 else ["-c", _TWO_DEVICES]
    return [sys.executable, *code]


def _commit(checkout: pathlib.Path) -> str:
    command = ("git", "describe", "--always", "--dirty", "--abbrev=12")
    done = subprocess.run(
        command, cwd=checkout, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def _found_checkout() -> pathlib.Path:
    """The folder of the tf_bert that Python finds."""
    spec = importlib.util.find_spec("tf_bert")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(
            "There is no tf_bert. Received: PYTHONPATH="
            f"{os.environ.get('PYTHONPATH')}. Pass --checkout."
        )
    return pathlib.Path(spec.origin).parents[1]


def with_needed(names: Sequence[str]) -> list[str]:
    """Returns cases and those whose runs they take, in the table's order."""
    needed = {*names, *(CASES[name].of for name in names)}
    return [name for name in CASES if name in needed]


def _record(options: argparse.Namespace, folder: pathlib.Path) -> None:
    checkout = options.checkout.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    flags = folder / "flags"
    flags.unlink(missing_ok=True)
    flags.symlink_to(checkout / "flags")
    golden_data.write(folder)
    more = tuple(quick.flags()) if options.quick else ()
    recorder = Recorder(checkout, folder.resolve(), more)
    print(f"{folder}: {checkout}, commit {_commit(checkout)}", flush=True)
    for name in with_needed(options.cases):
        for num_devices in options.devices:
            start = time.monotonic()
            recorder.record(name, num_devices)
            seconds = time.monotonic() - start
            case = golden_table.title(f"{name}_{num_devices}")
            print(f"{case}: {seconds:.0f} s", flush=True)


def _choices(known: Sequence) -> type:
    kind = type(known[0])

    def parse(text: str) -> list:
        chosen = [kind(part) for part in text.split(",")]
        if unknown := [x for x in chosen if x not in known]:
            raise argparse.ArgumentTypeError(
                f"There is no {unknown[0]!r}. Choose from "
                f"{', '.join(map(str, known))}."
            )
        return chosen

    return parse


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("record", "repeat"):
        command = commands.add_parser(name)
        command.add_argument("--output", type=pathlib.Path, required=True)
        command.add_argument(
            "--cases",
            type=_choices(list(CASES)),
            default=list(CASES),
            help=f"some of {', '.join(CASES)}, with commas",
        )
        command.add_argument(
            "--devices", type=_choices([1, 2]), default=[1, 2], help="1 or 2"
        )
        command.add_argument(
            "--checkout", type=pathlib.Path, default=_found_checkout()
        )
        quick.add_flag(command)
    command = commands.add_parser("compare")
    command.add_argument("before", type=pathlib.Path)
    command.add_argument("after", type=pathlib.Path)
    return parser.parse_args()


def _folders(options: argparse.Namespace) -> Iterator[pathlib.Path]:
    """The two to compare, the second once it has been recorded."""
    if options.command == "compare":
        yield from (options.before, options.after)
        return
    for name in ("first", "second"):
        _record(options, options.output / name)
        yield options.output / name


def main() -> int:
    """Does what the command line says; returns 1 if results differ."""
    options = _parse()
    if options.command == "record":
        _record(options, options.output)
        return 0
    return 0 if golden_table.compare(*_folders(options)) else 1


if __name__ == "__main__":
    sys.exit(main())
