"""Which machine a notebook runs on. No TensorFlow: it may not be there yet."""

import glob
import os
import platform
from collections.abc import Mapping

TPU, GPU, CPU = "TPU", "GPU", "CPU"

# Set on Colab's TPU runtimes and on TPU VMs.
_TPU_VARIABLES = ("COLAB_TPU_ADDR", "TPU_ACCELERATOR_TYPE", "TPU_NAME")
# Chips of TPU v2 to v4; later ones are handed over by VFIO, as a virtual
# machine may hand over other devices: these count only without a GPU.
_TPU_DEVICES = "dev/accel[0-9]*"
_TPU_DEVICES_BY_VFIO = "dev/vfio/[0-9]*"
# The second is how Windows' Linux sees it.
_GPU_DEVICES = ("dev/nvidia[0-9]*", "dev/dxg")


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
    if _exists(root, _TPU_DEVICES):
        return TPU
    if any(_exists(root, pattern) for pattern in _GPU_DEVICES):
        return GPU
    return TPU if _exists(root, _TPU_DEVICES_BY_VFIO) else CPU


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


def _exists(root: str, pattern: str) -> bool:
    return bool(glob.glob(os.path.join(glob.escape(root), pattern)))
