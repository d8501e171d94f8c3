"""Which kind of machine this is. No TensorFlow: it may not be there yet."""

import os
import platform
from collections.abc import Mapping

from tf_bert.system import device_files

TPU, GPU, CPU = "TPU", "GPU", "CPU"

# Set on Colab's TPU runtimes and on TPU VMs.
_TPU_VARIABLES = ("COLAB_TPU_ADDR", "TPU_ACCELERATOR_TYPE", "TPU_NAME")


def find_kind(
    environment: Mapping[str, str] = os.environ, root: str = "/"
) -> str:
    """Returns `TPU`, `GPU` or `CPU`: what TensorFlow has to be installed for.

    Example:
        >>> find_kind({"TPU_ACCELERATOR_TYPE": "v5litepod-1"})
        'TPU'
    """
    if any(environment.get(name) for name in _TPU_VARIABLES):
        return TPU
    gpus = device_files.gpus(root)
    if device_files.tpu_chips(root, has_gpus=bool(gpus)):
        return TPU
    return GPU if gpus else CPU


def is_colab(environment: Mapping[str, str] = os.environ) -> bool:
    """Returns whether this is one of Google Colab's machines.

    Example:
        >>> is_colab({"COLAB_RELEASE_TAG": "release-colab_20260801"})
        True
    """
    return bool(environment.get("COLAB_RELEASE_TAG"))


def describe(kind: str, environment: Mapping[str, str] = os.environ) -> str:
    """Returns a sentence about the machine, for whoever runs the notebook."""
    place = "a Colab runtime" if is_colab(environment) else "a machine"
    device = {
        TPU: "with a TPU",
        GPU: "with an NVIDIA GPU",
        CPU: "with CPUs alone",
    }[kind]
    return f"This is {place} {device}, Python {platform.python_version()}."
