"""Loads TensorFlow and transformers without what nobody here uses of them."""

import contextlib
import gc
import importlib
import sys
from collections.abc import Iterator

# Keras 3.15 imports the first three if they are there, for its editor of files,
# its galleries of pictures and its scikit-learn wrappers, and TensorFlow 2.21
# scipy for its old Keras: a third of the time that both take. transformers 5
# imports PyTorch, more than a second, for a configuration. Where one is missing
# they do without.
_NOT_NEEDED = ("IPython", "matplotlib", "sklearn", "scipy", "torch")
_LOADED = ("tensorflow", "keras", "transformers.models.bert.configuration_bert")


def load(*names: str) -> None:
    """Imports TensorFlow, Keras and transformers; for the command line.

    Afterwards these libraries are imported as ever by whoever needs them;
    what was loaded here does without them for the rest of the process.

    Args:
        *names: modules to import instead of the three.
    """
    hidden = [name for name in _NOT_NEEDED if name not in sys.modules]
    # What Python takes for a module that cannot be imported.
    sys.modules.update(dict.fromkeys(hidden))
    try:
        for name in names or _LOADED:
            importlib.import_module(name)
    finally:
        for name in hidden:
            del sys.modules[name]


@contextlib.contextmanager
def without_garbage_collection() -> Iterator[None]:
    """Imports what lasts: for the command line, around the first imports.

    Python would look through the 400,000 objects of these libraries again and
    again, for some that nobody needs any more: a third of the time that their
    imports take, and much of a graph's tracing.
    """
    is_first = "tensorflow" not in sys.modules
    gc.disable()
    try:
        yield
    finally:
        if is_first:
            gc.freeze()
        gc.enable()
