"""`--quick`: a benchmark in a tiny form, so that tests can run every one.

It shows that a script still runs; its numbers mean nothing. Where a benchmark
trains MiniLM-L6 for minutes, its quick form trains a BERT with 2 layers of
width 64 for some steps, on the same data or a part of it.
"""

import argparse
import functools
import pathlib
import tempfile

HELP = "a tiny form, which shows that the script runs; no numbers to use"
# Behind the flags of a benchmark, of which these win.
_FLAGS = (
    "--max_seq_length=32",
    "--num_train_steps=2",
    "--num_evaluations=1",
    "--notensorboard",
)


def add_flag(parser: argparse.ArgumentParser) -> None:
    """Gives a script the flag `--quick`."""
    parser.add_argument("--quick", action="store_true", help=HELP)


@functools.cache
def _folder() -> tempfile.TemporaryDirectory:
    return tempfile.TemporaryDirectory(prefix="tf_bert_quick_")


def folder() -> pathlib.Path:
    """Returns a folder that is removed at the end of this process."""
    return pathlib.Path(_folder().name)


def checkpoint() -> str:
    """Returns the folder of the tiny checkpoint; makes it if need be."""
    import reliability_lab

    path = folder() / "checkpoint"
    if not path.exists():
        reliability_lab.make_checkpoint(path)
    return str(path)


def flags() -> list[str]:
    """Returns the flags of a training of seconds."""
    return [f"--init_checkpoint={checkpoint()}", *_FLAGS]
