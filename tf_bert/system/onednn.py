"""Whether TensorFlow computes on the CPU with oneDNN's kernels.

They train BERT up to twice as fast, on any x86 processor; left to itself
TensorFlow takes them on those with instructions for neural networks alone
(AVX512_VNNI, AVX_VNNI, AVX512_BF16, AMX), so not on AMD's up to Zen 3 and on
many laptops. It decides once, while it is loaded, by TF_ENABLE_ONEDNN_OPTS:
so importing `tf_bert` sets that. Plain Python: it is imported before anything
else, on machines where nothing is installed yet too.
"""

import os
import pathlib
import platform
import sys

VARIABLE = "TF_ENABLE_ONEDNN_OPTS"
# Holds the value that this package gave to the variable: so a process that
# was started by such a one, and has both, knows that the user gave none.
_OWN_VALUE = "TF_BERT_ONEDNN_OPTS"

# As the Linux kernel calls what TensorFlow looks for.
_INSTRUCTIONS = {
    *("avx512_vnni", "avx512_bf16", "avx_vnni"),
    *("amx_tile", "amx_int8", "amx_bf16"),
}


def turn_on() -> None:
    """Turns oneDNN on, unless the user has set `VARIABLE`, to anything.

    Where TensorFlow is loaded already nothing can be changed: if it left
    oneDNN off by itself, one line is logged.
    """
    if not is_loaded():
        use(True)
    elif VARIABLE not in os.environ and is_available() and not is_on():
        from absl import logging

        logging.warning(
            "TensorFlow was loaded before tf_bert, and has left oneDNN off: on "
            "this processor training may take twice as long. Import tf_bert "
            "first, or set %s=1 (0 says that it is meant to be off).",
            VARIABLE,
        )


def use(value: bool | None) -> None:
    """Turns oneDNN on or off; to be called before TensorFlow is loaded.

    Args:
        value: None leaves it to TensorFlow. What the user has set stays,
            whatever it is.
    """
    if is_set_by_user():
        return
    if value is None:
        os.environ.pop(VARIABLE, None)
        os.environ.pop(_OWN_VALUE, None)
    else:
        force(value)


def force(value: bool) -> None:
    """Turns oneDNN on or off in a process that another has started.

    The variable of the user is that of the process that asks.
    """
    os.environ[VARIABLE] = os.environ[_OWN_VALUE] = str(int(value))


def is_set_by_user() -> bool:
    """Whether the variable has a value that is not of this package."""
    value = os.environ.get(VARIABLE)
    return value is not None and value != os.environ.get(_OWN_VALUE)


def is_loaded() -> bool:
    """Whether TensorFlow is, so that nothing can be changed any more."""
    return "tensorflow" in sys.modules


def is_on() -> bool:
    """Whether TensorFlow, which this loads, computes with oneDNN."""
    # A private name; a test says if it goes.
    from tensorflow.python.util import _pywrap_util_port

    return _pywrap_util_port.IsMklEnabled()


def is_available() -> bool:
    """Whether TensorFlow is built with oneDNN for this system."""
    return platform.system() != "Darwin"


def is_on_by_itself() -> bool:
    """Whether TensorFlow turns oneDNN on where nobody has set the variable."""
    if platform.system() != "Linux":
        return is_available()
    return bool(_INSTRUCTIONS & processor_flags())


def processor_flags() -> set[str]:
    """Returns the instruction sets of the processor, as Linux calls them.

    Empty on other systems, and on processors that are not x86.
    """
    path = pathlib.Path("/proc/cpuinfo")
    if not path.exists():
        return set()
    for line in path.read_text(encoding="utf-8").splitlines():
        name, _, flags = line.partition(":")
        if name.strip() == "flags":
            return set(flags.split())
    return set()
