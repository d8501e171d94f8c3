"""Which pip commands give a runtime what it lacks, in the order that works.

TensorFlow for TPUs is another package, `tensorflow-tpu`, with the same files
as `tensorflow`: whichever comes last wins, and tensorflow-text asks for
`tensorflow`. So `tensorflow-tpu` comes behind everything else. It exists up to
2.20.0, tensorflow-text 2.21 does not load on that, and it loads only the
versions of libtpu in `LIBTPU_RANGE`: without others' symbols the import ends
the process.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from tf_bert.doctor import packages, runtime

if TYPE_CHECKING:
    # The doctor has to work without it, too.
    from packaging.requirements import Requirement

_TPU_TENSORFLOW = "tensorflow-tpu"
_TPU_VERSION = "2.20.0"
_TPU_PINS = (f"tensorflow=={_TPU_VERSION}", "tensorflow-text==2.20.1")
LIBTPU_RANGE = "libtpu>=0.0.14,<0.0.32"
LIBTPU_PIN = "libtpu==0.0.21.1"

# Not needed here, but what else is on the machine may be made for them.
_KEPT = ("jax", "jaxlib", "pandas", "torch")


def plan(
    kind: str, installed: Mapping[str, str], requirements: Iterable[str]
) -> list[tuple[str, ...]]:
    """Returns the arguments of each `pip`, in order.

    What is installed and in range is kept: the first command names it with
    its version, so that pip fails rather than changes it.

    Args:
        kind: of `runtime.find_kind`. On a TPU the versions of TensorFlow and
            tensorflow-text are fixed.

    Example:
        >>> plan("CPU", {"keras": "3.13.2"}, ["keras>=3.12", "tqdm"])
        [('install', 'tqdm', 'keras==3.13.2')]
    """
    installed = {packages.canonical(n): v for n, v in installed.items()}
    wanted = _wanted(kind, installed, requirements)
    missing = [x for x in wanted.values() if not _is_met(x, installed)]
    missing_names = {packages.canonical(x.name) for x in missing}
    commands = []
    if missing:
        kept = sorted(
            f"{name}=={installed[name]}"
            for name in {*wanted, *_KEPT} - missing_names
            if name in installed
        )
        commands.append(("install", *map(str, missing), *kept))
    if kind == runtime.TPU:
        is_overwritten = "tensorflow" in missing_names
        commands += _tpu_commands(installed, is_overwritten=is_overwritten)
    return commands


def loads_libtpu(version: str) -> bool:
    """Whether TensorFlow for TPUs is known to load a version of libtpu."""
    return _is_met(_parse(LIBTPU_RANGE), {"libtpu": version})


def repair(kind: str) -> str:
    """Returns the command that helps where an import fails after `plan`."""
    if kind == runtime.TPU:
        # A later `pip install tensorflow` overwrote it without a word.
        return (
            "pip install --force-reinstall --no-deps "
            f"{_TPU_TENSORFLOW}=={_TPU_VERSION}"
        )
    return "pip install --force-reinstall tensorflow tensorflow-text"


def _wanted(
    kind: str, installed: Mapping[str, str], requirements: Iterable[str]
) -> dict[str, "Requirement"]:
    """Name -> what has to be there, on this kind of machine."""
    wanted = _by_name(map(_parse, requirements))
    tensorflow = wanted.get("tensorflow")
    if tensorflow is None:
        return wanted
    if kind == runtime.TPU:
        return wanted | _by_name(map(_parse, _TPU_PINS))
    if _is_met(tensorflow, installed):
        # Its kernels are built for one minor version of TensorFlow.
        minor = ".".join(installed["tensorflow"].split(".")[:2])
        text = _parse(f"tensorflow-text=={minor}.*")
        return wanted | _by_name([text])
    if kind == runtime.GPU:
        # With NVIDIA's libraries, which the plain package lacks.
        tensorflow.extras = {"and-cuda"}
    return wanted


def _tpu_commands(
    installed: Mapping[str, str], *, is_overwritten: bool
) -> list[tuple[str, ...]]:
    commands = []
    if installed.get(_TPU_TENSORFLOW) != _TPU_VERSION or is_overwritten:
        package = f"{_TPU_TENSORFLOW}=={_TPU_VERSION}"
        commands.append(("install", "--force-reinstall", "--no-deps", package))
    if not loads_libtpu(installed.get("libtpu", "0")):
        # Of its own accord pip takes the newest, which does not load.
        commands.append(("install", "--no-deps", LIBTPU_PIN))
    return commands


def _parse(text: str) -> "Requirement":
    from packaging.requirements import Requirement

    return Requirement(text)


def _by_name(requirements: Iterable["Requirement"]) -> dict[str, "Requirement"]:
    return {packages.canonical(x.name): x for x in requirements}


def _is_met(requirement: "Requirement", installed: Mapping[str, str]) -> bool:
    version = installed.get(packages.canonical(requirement.name))
    return version is not None and requirement.specifier.contains(
        version, prereleases=True
    )
