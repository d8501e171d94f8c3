"""How TensorFlow's client reads from ``gs://``.

Plain Python: it is imported before anything else, see `onednn.py`.
"""

import os

VARIABLE = "GCS_READ_CACHE_BLOCK_SIZE_MB"
_MEGABYTES = 8


def read_small_blocks() -> None:
    """Makes the client read blocks of 8 MB, unless the user has set the size.

    It fetches as much at a time, and clears a block of memory for it however
    small an object is: with its 64 MB that took most of the time. TensorFlow
    reads the variable when it is loaded.
    """
    os.environ.setdefault(VARIABLE, str(_MEGABYTES))
