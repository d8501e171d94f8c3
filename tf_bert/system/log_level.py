"""How much is logged, for a while."""

import contextlib
from collections.abc import Iterator

from absl import logging


@contextlib.contextmanager
def warnings_alone() -> Iterator[None]:
    """A time without messages of level INFO; a user's other level stays."""
    level = logging.get_verbosity()
    if level == logging.INFO:
        logging.set_verbosity(logging.WARNING)
    try:
        yield
    finally:
        logging.set_verbosity(level)
