"""Tests of tf_bert/doctor/accelerators.py, by folders like /dev and /sys."""

import contextlib
import os
import pathlib
import subprocess
import sys

import pytest

from tf_bert.config import Config
from tf_bert.doctor import accelerators
from tf_bert.doctor.tensorflow_check import TensorFlow

PLAIN = TensorFlow(True, "2.20.0")
FOR_TPUS = TensorFlow(True, "2.20.0", has_tpu_kernels=True)
FOR_GPUS = TensorFlow(True, "2.20.0", has_cuda=True, num_gpus=1)
TPU = {"vendor": "0x1ae0", "device": "0x0063", "class": "0x120000"}
GOOGLES_NETWORK = {"vendor": "0x1ae0", "device": "0x0042", "class": "0x020000"}
GPU = {"vendor": "0x10de", "device": "0x2335", "class": "0x030200"}
NVIDIAS_SOUND = {"vendor": "0x10de", "device": "0x10fa", "class": "0x040300"}


@pytest.fixture
def root(tmp_path) -> pathlib.Path:
    """A machine without devices; its processes are those of this one."""
    (tmp_path / "dev").mkdir()
    (tmp_path / "proc").symlink_to("/proc")
    return tmp_path


def add(root, *devices: str, **pci: dict) -> None:
    """Adds files to /dev, and devices to the bus."""
    for name in devices:
        path = root / "dev" / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    for name, files in pci.items():
        folder = root / "sys" / "bus" / "pci" / "devices" / name
        folder.mkdir(parents=True)
        for file, text in files.items():
            (folder / file).write_text(f"{text}\n", encoding="utf-8")


@contextlib.contextmanager
def held(path: pathlib.Path):
    """Another process that has a file open; yields its id."""
    code = f"file = open({str(path)!r}); print('open', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        process.stdout.readline()
        yield process.pid
        process.communicate("\n")


def check(root, tensorflow=PLAIN, **fields):
    """Returns the findings of a machine."""
    config = Config(mode="doctor", **fields)
    return accelerators.check(config, tensorflow, str(root))


def only(result):
    """Returns the one finding of a check."""
    (finding,) = result.findings
    return finding


def test_a_machine_with_processors_alone(root):
    add(root, net=GOOGLES_NETWORK, sound=NVIDIAS_SOUND)
    result = check(root)
    assert result.findings == ()
    assert result.summary.endswith(", no GPU, no TPU")


@pytest.mark.parametrize(
    "devices, tensorflow, found",
    [
        (["nvidia0", "nvidia1", "nvidiactl"], FOR_GPUS, "2 GPUs, no TPU"),
        (["accel0", "accel1"], FOR_TPUS, "no GPU, 2 TPU chips"),
        (["vfio/0", "vfio/vfio"], FOR_TPUS, "no GPU, 1 TPU chip"),
    ],
)
def test_devices_that_can_be_used(root, devices, tensorflow, found):
    add(root, *devices)
    result = check(root, tensorflow)
    assert result.findings == ()
    assert f"{found}; free" in result.summary


@pytest.mark.parametrize(
    "fields, severity",
    [({}, "warning"), ({"distribution": "tpu"}, "error")],
)
def test_a_tpu_without_kernels_for_it(root, fields, severity):
    add(root, "accel0")
    finding = only(check(root, **fields))
    assert finding.severity == severity
    assert "no kernels for it" in finding.what
    assert finding.command == "python -m tf_bert.notebook.set_up"


def test_a_tpu_that_is_asked_for_and_not_there(root, monkeypatch):
    finding = only(check(root, distribution="tpu"))
    assert finding.severity == "error"
    assert "has no TPU, and --distribution=tpu asks for one" in finding.what
    # One elsewhere is no matter of this machine.
    assert not check(root, distribution="tpu", tpu_name="mine").findings
    monkeypatch.setenv("TPU_NAME", "mine")
    assert not check(root, distribution="tpu").findings


def test_a_tpu_that_a_container_was_not_given(root):
    add(root, one=TPU)
    finding = only(check(root))
    assert finding.what == "A TPU is in this machine, but not in /dev."


@pytest.mark.parametrize(
    "tensorflow, fields, severity",
    [
        (FOR_TPUS, {}, "error"),
        (FOR_TPUS, {"distribution": "one_device"}, "warning"),
    ],
)
def test_a_tpu_that_another_process_holds(root, tensorflow, fields, severity):
    add(root, "vfio/0", "vfio/1")
    with held(root / "dev" / "vfio" / "1") as pid:
        finding = only(check(root, tensorflow, **fields))
    assert finding.severity == severity
    assert finding.what.startswith(f"The TPU is held by process {pid} (py")
    assert finding.command == f"kill {pid}"
    assert not check(root, tensorflow, **fields).findings


def test_a_device_that_this_process_holds_is_free(root):
    add(root, "accel0")
    with open(root / "dev" / "accel0", encoding="utf-8"):
        assert not check(root, FOR_TPUS).findings


def test_a_gpu_that_another_process_uses(root):
    add(root, "nvidia0")
    with held(root / "dev" / "nvidia0") as pid:
        finding = only(check(root, FOR_GPUS))
    assert finding.severity == "warning"
    assert f"in use, by process {pid} (" in finding.what


def test_what_holds_every_gpu_is_no_user(root):
    add(root, "nvidia0")
    (root / "proc").unlink()
    process = root / "proc" / "12"
    (process / "fd").mkdir(parents=True)
    (process / "fd" / "3").symlink_to(root / "dev" / "nvidia0")
    (process / "comm").write_text("Xorg\n", encoding="utf-8")
    assert not check(root, FOR_GPUS).findings


def test_a_gpu_without_a_driver(root):
    add(root, one=GPU)
    finding = only(check(root))
    assert finding.severity == "warning"
    assert finding.what == "An NVIDIA GPU is in this machine, but not in /dev."


@pytest.mark.parametrize(
    "hidden, has_cuda, why, command",
    [
        ("-1", True, "hides it", "unset CUDA_VISIBLE_DEVICES"),
        (None, True, "NVIDIA's libraries", "pip install 'tensorflow[and-cuda]"),
        ("0", False, "without CUDA", "pip install 'tensorflow[and-cuda]==2.2"),
    ],
)
def test_a_gpu_that_tensorflow_does_not_see(
    root, monkeypatch, hidden, has_cuda, why, command
):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if hidden is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    add(root, "nvidia0")
    finding = only(check(root, TensorFlow(True, "2.20.0", has_cuda=has_cuda)))
    assert finding.severity == "warning"
    assert why in finding.why
    assert finding.command.startswith(command)


def test_of_a_tensorflow_that_does_not_load_nothing_more_is_said(root):
    add(root, "nvidia0")
    assert not check(root, TensorFlow()).findings
    assert os.listdir(root / "dev") == ["nvidia0"]
