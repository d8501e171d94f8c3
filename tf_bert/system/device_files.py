"""Where a machine shows its accelerators: below /dev. Plain Python."""

import glob
import os

# The chips of a TPU: up to v4, and since. (Intel's and others' accelerators
# are in a folder, /dev/accel/.) By VFIO a virtual machine may be handed other
# devices too: these count only without a GPU.
_TPU_CHIPS = "dev/accel[0-9]*"
_TPU_CHIPS_BY_VFIO = "dev/vfio/[0-9]*"
# The second is how Windows' Linux sees it.
_GPUS = ("dev/nvidia[0-9]*", "dev/dxg")
# Where Google's platforms name a TPU that is not in this machine.
_NAMES = ("TPU_NAME", "KUBE_GOOGLE_CLOUD_TPU_ENDPOINTS")


def tpu_chips(root: str = "/", *, has_gpus: bool = False) -> list[str]:
    """Returns the paths of the chips of a TPU.

    Args:
        root: of the folder `dev` that is read.
        has_gpus: whether there is a GPU, to which VFIO may belong.
    """
    chips = _find(root, _TPU_CHIPS)
    return chips if chips or has_gpus else _find(root, _TPU_CHIPS_BY_VFIO)


def name_of_remote_tpu() -> str | None:
    """Returns the name of a TPU that is not in this machine; None: no TPU."""
    names = (os.environ.get(variable) for variable in _NAMES)
    return next(filter(None, names), None)


def gpus(root: str = "/") -> list[str]:
    """Returns the paths of NVIDIA's GPUs."""
    return [path for pattern in _GPUS for path in _find(root, pattern)]


def _find(root: str, pattern: str) -> list[str]:
    return sorted(glob.glob(os.path.join(glob.escape(root), pattern)))
