"""Keeps what TensorFlow's C++ prints while it loads off the terminal.

Before its logging is set up it ignores TF_CPP_MIN_LOG_LEVEL, and greets
everybody without a GPU with lines that look like errors. The command line and
notebooks hold these back, and so does `tf_bert` in a Python program, where the
first name that needs TensorFlow loads it. Who imports TensorFlow before, or
sets TF_CPP_MIN_LOG_LEVEL=0, sees what it has to say.
"""

import contextlib
import importlib
import os
import re
import sys
import tempfile
import types
from collections.abc import Iterator

from absl import logging

from tf_bert.system import onednn

_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
_ANYTHING = re.compile("")
# The beginnings of what TensorFlow and transformers print when they load.
_GREETING = re.compile(
    r"WARNING: All log messages before absl::|[IWE]\d{4} \d\d:|"
    r"\d{4}-\d\d-\d\d \S+ [IWE] |To enable the following instructions: |"
    r"\[transformers\] "
)


def set_level(*, is_verbose: bool = False) -> None:
    """Leaves the terminal to this package, unless the user has said otherwise.

    Native code calls it an error that a machine has no GPU. What really goes
    wrong there is raised in Python too.
    """
    os.environ.setdefault(_LEVEL, "0" if is_verbose else "3")
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")


def import_quietly(name: str) -> types.ModuleType:
    """Imports a module for a program of the user's.

    Nothing is held back once TensorFlow is loaded, or where the user has set
    TF_CPP_MIN_LOG_LEVEL.
    """
    if onednn.is_loaded() or _LEVEL in os.environ:
        return importlib.import_module(name)
    set_level()
    with quieted(_GREETING):
        return importlib.import_module(name)


@contextlib.contextmanager
def quieted(lines: re.Pattern[str] = _ANYTHING) -> Iterator[None]:
    """Holds back lines that begin so on standard error, of native code too.

    Other lines follow afterwards. With `-v=1` all are logged; if anything but
    Ctrl-C is raised inside, all are printed, for they may hold the reason.
    """
    if sys.stderr is None:  # A program without a terminal.
        yield
        return
    sys.stderr.flush()
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        failed = True
        try:
            yield
            failed = False
        except KeyboardInterrupt:
            failed = False  # The reason is the user.
            raise
        finally:
            sys.stderr.flush()
            os.dup2(terminal, 2)
            os.close(terminal)
            held.seek(0)
            for line in held.read().decode(errors="replace").splitlines():
                if failed or not lines.match(line):
                    print(line, file=sys.stderr)
                else:
                    logging.debug("%s", line)
