"""What is shown below a cell: the package's own messages, and no noise."""

import logging as python_logging
import sys
import warnings

from absl import logging

from tf_bert.system import native_log


def show() -> None:
    """Shows what the package decides, and imports TensorFlow quietly.

    For the whole process, as notebooks have it: the messages of Python's
    logging go where `print` goes, for what stands in the error stream looks
    like an error there. Native code speaks of real errors alone.
    """
    native_log.set_level()
    python_logging.basicConfig(
        format="%(message)s", stream=sys.stdout, force=True
    )
    logging.set_verbosity(logging.INFO)
    # Its bars are drawn with characters then, which is as well.
    warnings.filterwarnings("ignore", message="IProgress not found")
    with native_log.quieted():
        import tensorflow  # noqa: F401
