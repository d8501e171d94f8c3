"""Whether the packages are here, in versions that belong together.

What is needed stands in `tf_bert/requirements.txt`, as setup.py reads it, and
in the metadata of what is installed. Standard library alone, but for
`packaging`, without which nothing but what is missing can be said.
"""

import contextlib
import importlib.resources
import pathlib
import platform
import re
import sys
from collections.abc import Container, Iterable, Iterator, Mapping
from importlib import metadata
from typing import TYPE_CHECKING

from tf_bert.doctor import runtime
from tf_bert.doctor.check_result import ERROR, WARNING, Check, Finding

if TYPE_CHECKING:
    from packaging.requirements import Requirement

# Packages with the same files, of which one is enough.
TENSORFLOWS = ("tensorflow", "tensorflow-cpu", "tensorflow-tpu")
_SET_UP = "python -m tf_bert.notebook.set_up"
_LISTED = 8  # Of what is missing, at most.


def requirements() -> list[str]:
    """Returns what the package needs, as pip takes it."""
    file = importlib.resources.files("tf_bert") / "requirements.txt"
    lines = file.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def installed() -> dict[str, str]:
    """Returns the version of each distribution, by its canonical name."""
    # A broken installation may have no name. Of two with one name Python
    # imports the first.
    found: dict[str, str] = {}
    for distribution in metadata.distributions():
        name = distribution.metadata["Name"]
        if name:
            found.setdefault(canonical(name), distribution.version)
    return found


def install_command(kind: str) -> str:
    """Returns what installs all that is missing on a kind of machine."""
    path = importlib.resources.files("tf_bert") / "requirements.txt"
    return _SET_UP if kind == runtime.TPU else f"pip install -r {path}"


def canonical(name: str) -> str:
    """Returns the one spelling of a distribution's name.

    Example:
        >>> canonical("importlib_resources")
        'importlib-resources'
    """
    return re.sub(r"[-_.]+", "-", name).lower()


def check(kind: str) -> Check:
    """Looks at what is installed for the Python that runs.

    Args:
        kind: of machine, as `runtime.find_kind` has it.
    """
    here = installed()
    needed = requirements()
    findings = [*_missing(needed, here, kind)]
    if "packaging" in here:
        wrong = dict(_out_of_range(needed, here, kind))
        findings += [*_python(), *wrong.values(), *_texts(here)]
        findings += _quarrels(needed, here, wrong)
    names = [_name(text) for text in needed]
    return Check(
        "packages",
        f"all {len(names)} in versions that belong together, Python "
        f"{platform.python_version()}",
        tuple(findings),
    )


def _name(requirement: str) -> str:
    return canonical(re.match(r"[\w.-]+", requirement)[0])


def _found(name: str, here: Mapping[str, str]) -> str | None:
    """Returns the name under which a package is installed."""
    names = TENSORFLOWS if name == TENSORFLOWS[0] else (name,)
    return next((x for x in names if x in here), None)


def _python() -> Iterator[Finding]:
    from packaging.specifiers import SpecifierSet

    version, needed = platform.python_version(), python_range()
    if not SpecifierSet(needed).contains(version, prereleases=True):
        yield Finding(
            ERROR,
            f"This is Python {version} ({sys.executable}).",
            f"tf_bert, and the TensorFlow that it needs, take {needed}.",
            "uv venv --python=3.12 --seed ~/bert && source ~/bert/bin/activate",
        )


def python_range() -> str:
    """Returns the versions of Python that setup.py takes."""
    try:
        found = metadata.metadata("tf_bert")["Requires-Python"]
    except metadata.PackageNotFoundError:
        # A checkout that was not installed.
        path = pathlib.Path(__file__).parents[2] / "setup.py"
        text = path.read_text("utf-8") if path.exists() else ""
        match = re.search(r'python_requires="([^"]+)"', text)
        found = match and match[1]
    return found or ""


def _missing(
    needed: Iterable[str], here: Mapping[str, str], kind: str
) -> Iterator[Finding]:
    missing = [x for x in map(_name, needed) if _found(x, here) is None]
    if not missing:
        return
    listed = ", ".join(missing[:_LISTED])
    more = f" and {len(missing) - _LISTED} more" if missing[_LISTED:] else ""
    is_one = len(missing) == 1
    yield Finding(
        ERROR,
        f"Not installed: {listed}{more}.",
        f"tf_bert needs {'it' if is_one else 'them'}; the Python that runs is "
        f"{sys.executable}. If another one has what is missing, start that.",
        install_command(kind),
    )


def _out_of_range(
    needed: Iterable[str], here: Mapping[str, str], kind: str
) -> Iterator[tuple[str, Finding]]:
    """Yields the name of a package, and what is wrong with its version."""
    from packaging.requirements import Requirement

    for text in needed:
        requirement = Requirement(text)
        name = _found(_name(text), here)
        if name is not None and not _takes(requirement, here[name]):
            command = (
                _SET_UP if kind == runtime.TPU else f"pip install '{text}'"
            )
            yield (
                name,
                Finding(
                    ERROR,
                    f"{name} {here[name]} is installed.",
                    f"tf_bert needs {text}.",
                    command,
                ),
            )


def _texts(here: Mapping[str, str]) -> Iterator[Finding]:
    """tensorflow-text is built for one minor version of TensorFlow."""
    name, text = _found(TENSORFLOWS[0], here), here.get("tensorflow-text")
    if name is None or text is None:
        return
    minor = _minor(here[name])
    if _minor(text) != minor:
        yield Finding(
            ERROR,
            f"tensorflow-text {text} stands beside {name} {here[name]}.",
            "Its kernels are built for the TensorFlow of its own minor "
            "version, and do not load in another.",
            f"pip install --no-deps 'tensorflow-text=={minor}.*'",
        )


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _quarrels(
    needed: Iterable[str], here: Mapping[str, str], wrong: Container[str]
) -> Iterator[Finding]:
    """What packages that are needed ask of each other, and do not get.

    Args:
        wrong: names of those of which something was said already.
    """
    own = {_name(text) for text in needed}
    for asking, requirement in _all_requirements(needed, here):
        name = canonical(requirement.name)
        found = _found(name, here)
        # Of these it was said already too.
        if name in own and (found is None or name in TENSORFLOWS):
            continue
        if found in wrong:
            continue
        if found is None or not _takes(requirement, here[found]):
            is_here = "is missing" if found is None else f"is {here[found]}"
            wanted = f"{name}{requirement.specifier}"
            yield Finding(
                WARNING,
                f"{name} {is_here}, and {asking} {here[asking]} asks for "
                f"{wanted}.",
                f"What {asking} does with it may fail.",
                f"pip install '{wanted}'",
            )


def _all_requirements(
    needed: Iterable[str], here: Mapping[str, str]
) -> Iterator[tuple[str, "Requirement"]]:
    """Yields what each package asks for, from ours to the last below."""
    from packaging.requirements import InvalidRequirement, Requirement

    todo = [(_name(text), frozenset[str]()) for text in needed]
    seen = set(todo)
    while todo:
        name, extras = todo.pop()
        if name not in here:
            continue
        for text in metadata.requires(name) or ():
            # Of the time before there were rules for what is written there.
            with contextlib.suppress(InvalidRequirement):
                requirement = Requirement(text)
                if not _applies(requirement, extras):
                    continue
                yield name, requirement
                following = (
                    canonical(requirement.name),
                    frozenset(requirement.extras),
                )
                if following not in seen:
                    seen.add(following)
                    todo.append(following)


def _applies(requirement: "Requirement", extras: Iterable[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(
        marker.evaluate({"extra": extra}) for extra in ("", *extras)
    )


def _takes(requirement: "Requirement", version: str) -> bool:
    return requirement.specifier.contains(version, prereleases=True)
