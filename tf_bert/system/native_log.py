"""Keeps what TensorFlow's C++ prints while it loads off the terminal.

Before its logging is set up it ignores TF_CPP_MIN_LOG_LEVEL, and greets
everybody without a GPU with lines that look like errors.
"""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator

from absl import logging


@contextlib.contextmanager
def quieted() -> Iterator[None]:
    """Holds back what is written to standard error by native code.

    With `-v=1` it is logged afterwards; if anything but Ctrl-C is raised
    inside, it is printed, for it may hold the reason.
    """
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
            text = held.read().decode(errors="replace").rstrip()
            if failed and text:
                print(text, file=sys.stderr)
            elif text:
                logging.debug("%s", text)
