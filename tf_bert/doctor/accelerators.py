"""Whether TPU and GPUs are there, free, and known to TensorFlow."""

import os
import pathlib
from collections.abc import Iterable, Iterator

from tf_bert.config import Config
from tf_bert.doctor.check_result import ERROR, WARNING, Check, Finding
from tf_bert.doctor.tensorflow_check import TensorFlow
from tf_bert.system import device_files, limits
from tf_bert.system.plurals import counted

_NVIDIA, _GOOGLE = "0x10de", "0x1ae0"
# Of TPUs v2 to v7, as jax/_src/hardware_utils.py has them; Google's virtual
# network cards and disks have others.
_TPU_IDS = {
    *("0x0027", "0x0056", "0x005e", "0x0062", "0x0063", "0x006f", "0x0076"),
}
_DISPLAYS = ("0x0300", "0x0302")  # Classes of PCI: what draws, or computes.
# They hold a GPU on every machine that has them, and compute nothing.
_HARMLESS = ("nvidia-persiste", "Xorg", "Xwayland", "gnome-shell", "kwin_x11")
_SET_UP = "python -m tf_bert.notebook.set_up"


def check(config: Config, tensorflow: TensorFlow, root: str = "/") -> Check:
    """Looks for the devices that a training would run on.

    Args:
        config: of the training.
        tensorflow: of `tensorflow_check`.
        root: of the folders `dev`, `proc` and `sys` that are read.
    """
    gpus = device_files.gpus(root)
    chips = device_files.tpu_chips(root, has_gpus=bool(gpus))
    findings = [
        *_tpu(config, tensorflow, chips, root),
        *_gpus(tensorflow, gpus, root),
    ]
    parts = [
        counted(limits.num_cpus(root), "processor"),
        counted(len(gpus), "GPU") if gpus else "no GPU",
        counted(len(chips), "TPU chip") if chips else "no TPU",
    ]
    free = "; free, as far as your rights show" if gpus or chips else ""
    return Check("devices", ", ".join(parts) + free, tuple(findings))


def _tpu(
    config: Config, tensorflow: TensorFlow, chips: list[str], root: str
) -> Iterator[Finding]:
    is_local = config.tpu_name in (None, "local")
    is_asked = config.distribution == "tpu" and is_local
    severity = ERROR if is_asked else WARNING
    if not chips:
        if _on_pci(root, _GOOGLE, ids=_TPU_IDS):
            yield Finding(
                severity,
                "A TPU is in this machine, but not in /dev.",
                "A container sees no devices of its machine unless it is given "
                "them.",
                "docker run --privileged --network=host IMAGE",
            )
        elif is_asked and not device_files.name_of_remote_tpu():
            yield Finding(
                ERROR,
                "This machine has no TPU, and --distribution=tpu asks for one.",
                "There is neither /dev/accel* nor /dev/vfio/*, nor the name "
                "of a TPU elsewhere in TPU_NAME.",
                "python -m tf_bert.run --distribution=auto YOUR_OTHER_FLAGS",
            )
        return
    if tensorflow.is_loaded and not tensorflow.has_tpu_kernels:
        yield Finding(
            severity,
            "This machine has a TPU, and TensorFlow no kernels for it.",
            "TensorFlow for TPUs is a package of its own, tensorflow-tpu. "
            "Without it --distribution=auto trains on the processor.",
            _SET_UP,
        )
    is_taken = is_asked or (
        config.distribution == "auto" and tensorflow.has_tpu_kernels
    )
    for holder in _holders(chips, root):
        yield Finding(
            ERROR if is_taken else WARNING,
            f"The TPU is held by process {holder}.",
            "A TPU belongs to one process at a time, to the end of that.",
            f"kill {holder.split()[0]}",
        )


def _gpus(
    tensorflow: TensorFlow, gpus: list[str], root: str
) -> Iterator[Finding]:
    if not gpus:
        if _on_pci(root, _NVIDIA, classes=_DISPLAYS):
            yield Finding(
                WARNING,
                "An NVIDIA GPU is in this machine, but not in /dev.",
                "Its driver is not loaded; or this is a container that was "
                "not given it. Training runs on the processor.",
                "sudo modprobe nvidia-uvm  # in a container: docker run "
                "--gpus all IMAGE",
            )
        return
    if tensorflow.is_loaded and not tensorflow.num_gpus:
        yield _unseen(tensorflow)
    for holder in _holders(gpus, root):
        yield Finding(
            WARNING,
            f"A GPU is in use, by process {holder}.",
            "Its memory is shared: TensorFlow takes what is left, which may "
            "be too little.",
            f"kill {holder.split()[0]}",
        )


def _unseen(tensorflow: TensorFlow) -> Finding:
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
    if hidden is not None and hidden.strip() in ("", "-1"):
        why = f"CUDA_VISIBLE_DEVICES={hidden!r} hides it."
        command = "unset CUDA_VISIBLE_DEVICES"
    else:
        why = (
            "It needs NVIDIA's libraries, which pip brings with [and-cuda]."
            if tensorflow.has_cuda
            else "This package of TensorFlow is built without CUDA."
        )
        command = f"pip install 'tensorflow[and-cuda]=={tensorflow.version}'"
    return Finding(
        WARNING,
        "This machine has a GPU, and TensorFlow does not see it.",
        f"{why} Training runs on the processor.",
        command,
    )


def _on_pci(
    root: str,
    vendor: str,
    *,
    ids: Iterable[str] = (),
    classes: tuple[str, ...] = (),
) -> bool:
    """Whether the machine has a device of a vendor, driver or not."""
    for folder in pathlib.Path(root).glob("sys/bus/pci/devices/*"):
        if _read(folder / "vendor") != vendor:
            continue
        if _read(folder / "device") in ids:
            return True
        if classes and _read(folder / "class").startswith(classes):
            return True
    return False


def _holders(devices: Iterable[str], root: str) -> list[str]:
    """Returns "1234 (python)" for other processes that have a device open.

    Of other users' processes only root sees what they have open.
    """
    wanted = {os.path.realpath(path) for path in devices}
    holders = []
    processes = pathlib.Path(root).glob("proc/[0-9]*")
    for process in sorted(processes, key=lambda path: int(path.name)):
        name = _read(process / "comm")
        if process.name == str(os.getpid()) or name in _HARMLESS:
            continue
        if wanted & set(_open_files(process)):
            holders.append(f"{process.name} ({name})")
    return holders


def _open_files(process: pathlib.Path) -> Iterator[str]:
    try:
        for entry in os.scandir(process / "fd"):
            yield os.readlink(entry.path)
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        # It has ended meanwhile, or is another user's.
        return


def _read(path: pathlib.Path) -> str:
    """Returns a line; nothing if the process has ended meanwhile."""
    try:
        return path.read_text("utf-8", "replace").strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""
