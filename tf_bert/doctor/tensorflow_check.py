"""Whether TensorFlow loads, with what, and what it can use."""

import dataclasses
import json
import os
import pathlib
import platform
import signal
from collections.abc import Iterator, Mapping

from tf_bert.doctor import child_process, install_plan, packages, runtime
from tf_bert.doctor.check_result import ERROR, WARNING, Check, Finding
from tf_bert.doctor.child_process import Outcome
from tf_bert.system import onednn

_SECONDS = 120.0
_TPU_TENSORFLOW = "tensorflow-tpu"
_LEGACY = "TF_USE_LEGACY_KERAS"
_BACKEND = "KERAS_BACKEND"
_BACKEND_NEEDED = "tensorflow"
# The rest is looked at as if these were right.
_RIGHT = {_BACKEND: _BACKEND_NEEDED, _LEGACY: "0"}
# Without it TensorFlow leaves libtpu alone.
_WITHOUT_LIBTPU = {"TPU_LOAD_LIBRARY": "0"}
# What the number of the signal that ended the process tells.
_WHY = {
    signal.SIGILL: "This processor lacks instructions (AVX) that TensorFlow's "
    "packages are built with: install one that was built without them.",
    signal.SIGKILL: "Somebody has killed it: where memory is short, the "
    "system does.",
}
_OTHERWISE = (
    "A package is damaged, or was built for other versions than those that "
    "are here."
)


@dataclasses.dataclass(frozen=True)
class TensorFlow:
    """What TensorFlow says of itself; nothing is there if it does not load."""

    is_loaded: bool = False
    version: str = ""
    has_tpu_kernels: bool = False
    has_cuda: bool = False
    num_gpus: int = 0


def check(
    installed: Mapping[str, str], *, seconds: float = _SECONDS
) -> tuple[Check, TensorFlow]:
    """Loads TensorFlow in a process of its own.

    Args:
        installed: name of a distribution -> version.
        seconds: after which it is not waited for any more.
    """
    findings = [*_backend(), *_legacy_keras(installed)]
    outcome = child_process.run(
        "tensorflow", seconds=seconds, environment=_RIGHT
    )
    found = outcome.result
    if outcome.status != 0:
        findings.append(_not_loaded(outcome, installed, seconds))
        return Check("TensorFlow", "", tuple(findings)), TensorFlow()
    findings += [
        *_other_version(found["version"], found["file"], installed),
        *_overwritten(found["kernels"], installed),
        *_without_onednn(found["onednn"], has_gpus=found["gpus"] > 0),
    ]
    with_onednn = "with" if found["onednn"] else "without"
    summary = f"{found['version']} loads, {with_onednn} oneDNN"
    return Check("TensorFlow", summary, tuple(findings)), TensorFlow(
        True,
        found["version"],
        has_tpu_kernels=found["kernels"],
        has_cuda=found["cuda"],
        num_gpus=found["gpus"],
    )


def _not_loaded(
    outcome: Outcome, installed: Mapping[str, str], seconds: float
) -> Finding:
    loading = outcome.result.get("loading", "tf_bert")
    if loading == "tensorflow" and (cause := _libtpu(outcome, installed)):
        return cause
    if outcome.status is None:
        return Finding(
            ERROR,
            f"Loading {loading} did not end within {seconds:g} seconds.",
            "Something that it waits for does not answer. A disk on the "
            "network may be slow the first time: try again.",
            f"python -X importtime -c 'import {loading}'",
        )
    kind = runtime.TPU if _TPU_TENSORFLOW in installed else runtime.CPU
    return Finding(
        ERROR,
        f"Could not load {loading} ({outcome.end}): {outcome.reason}",
        _WHY.get(-outcome.status, _OTHERWISE),
        install_plan.repair(kind),
    )


def _libtpu(outcome: Outcome, installed: Mapping[str, str]) -> Finding | None:
    """Tries again without libtpu: if that goes well, it is the cause."""
    version = installed.get("libtpu")
    if version is None or (outcome.status or -1) >= 0:
        return None
    again = child_process.run(
        "tensorflow",
        seconds=_SECONDS,
        environment={**_RIGHT, **_WITHOUT_LIBTPU},
    )
    if again.status != 0:
        return None
    if outcome.status is None:
        return Finding(
            ERROR,
            f"libtpu {version} waits for a TPU, and TensorFlow for it.",
            "On a machine without a TPU it asks Google's servers for one. "
            "Without it TensorFlow loads.",
            "export TPU_LOAD_LIBRARY=0",
        )
    is_known = install_plan.loads_libtpu(version)
    return Finding(
        ERROR,
        f"libtpu {version} ends TensorFlow while it loads ({outcome.end}): "
        f"{outcome.reason}",
        "Without libtpu TensorFlow loads. tensorflow-tpu loads "
        f"{install_plan.LIBTPU_RANGE}; pip takes the newest of its own accord.",
        "export TPU_LOAD_LIBRARY=0"
        if is_known
        else f"pip install --no-deps {install_plan.LIBTPU_PIN}",
    )


def _other_version(
    version: str, file: str, installed: Mapping[str, str]
) -> Iterator[Finding]:
    """What is loaded is not what pip knows: overwritten, or another folder."""
    from packaging.version import Version

    names = [name for name in packages.TENSORFLOWS if name in installed]
    known = [installed[name] for name in names]
    if known and Version(version) not in map(Version, known):
        yield Finding(
            ERROR,
            f"TensorFlow {version} is loaded, from {file}; installed is "
            f"{known[0]}.",
            "Another package, or another folder on PYTHONPATH, has the same "
            "files: which come first is chance.",
            f"pip install --force-reinstall --no-deps {names[0]}=={known[0]}",
        )


def _overwritten(
    has_kernels: bool, installed: Mapping[str, str]
) -> Iterator[Finding]:
    if _TPU_TENSORFLOW in installed and not has_kernels:
        yield Finding(
            ERROR,
            "tensorflow-tpu is installed, but its files are those of another "
            "TensorFlow.",
            "A later `pip install` of something that asks for tensorflow has "
            "overwritten them. A TPU cannot be used (No OpKernel was "
            "registered to support Op 'ConfigureDistributedTPU').",
            install_plan.repair(runtime.TPU),
        )


def _without_onednn(is_on: bool, *, has_gpus: bool) -> Iterator[Finding]:
    is_x86 = platform.machine().lower() in ("x86_64", "amd64")
    if is_on or has_gpus or not is_x86 or not onednn.is_available():
        return
    yield Finding(
        WARNING,
        f"oneDNN is off ({onednn.VARIABLE}={os.environ.get(onednn.VARIABLE)}).",
        "Training takes up to twice as long without it, on any x86 processor.",
        f"unset {onednn.VARIABLE}",
    )


def _backend() -> Iterator[Finding]:
    name, command = os.environ.get(_BACKEND), f"unset {_BACKEND}"
    if name is None:
        home = os.environ.get("KERAS_HOME") or os.path.expanduser("~/.keras")
        path = pathlib.Path(home, "keras.json")
        name = _backend_of(path)
        command = f"rm {path}"
    if name not in (None, _BACKEND_NEEDED):
        yield Finding(
            ERROR,
            f"Keras is told to compute with {name}.",
            "tf_bert trains with TensorFlow.",
            command,
        )


def _backend_of(path: pathlib.Path) -> str | None:
    """Returns what keras.json names; Keras passes over a damaged one."""
    try:
        return json.loads(path.read_text("utf-8")).get("backend")
    except (OSError, ValueError, AttributeError):
        return None


def _legacy_keras(installed: Mapping[str, str]) -> Iterator[Finding]:
    value = os.environ.get(_LEGACY)
    if value not in ("1", "true", "True"):
        return
    has_keras_2 = "tf-keras" in installed
    yield Finding(
        WARNING if has_keras_2 else ERROR,
        f"{_LEGACY}={value}: `tf.keras` is Keras 2.",
        "tf_bert takes Keras 3, with which code for Keras 2 does not get on."
        if has_keras_2
        else "tensorflow-text looks for it, and does not load without it "
        "(tf_keras). tf_bert takes Keras 3.",
        f"unset {_LEGACY}",
    )
