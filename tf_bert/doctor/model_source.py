"""Whether the checkpoint is on this machine, or can be fetched."""

import dataclasses
import os
from collections.abc import Iterator

from tf_bert.doctor import child_process, packages, runtime
from tf_bert.doctor.check_result import ERROR, WARNING, Check, Finding
from tf_bert.system import file_io

_SECONDS = 60.0
# So that a look at what is here asks nobody.
_OFFLINE = {"HF_HUB_OFFLINE": "1", "PIP_NO_INDEX": "1"}
_HUB = "https://huggingface.co"


@dataclasses.dataclass(frozen=True)
class Source:
    """Where a checkpoint comes from.

    Attributes:
        is_here: whether nothing is to be fetched.
        problem: why it can neither be used nor be fetched; None if it can.
        mend: what mends that.
        num_bytes: of its weights; None if that is not known before.
        requirement: package that has the same files; None if none has.
        cache: folder for what is fetched.
    """

    is_here: bool = True
    problem: str | None = None
    mend: str = ""
    num_bytes: int | None = None
    requirement: str | None = None
    cache: str | None = None


def find(init_checkpoint: str) -> Source:
    """Looks for a checkpoint on this machine."""
    if file_io.is_remote(init_checkpoint):  # As other inputs: see `storage`.
        return Source()
    outcome = child_process.run(
        "checkpoint", init_checkpoint, seconds=_SECONDS, environment=_OFFLINE
    )
    found = outcome.result
    problem = found.get("error")
    mend = "python -m tf_bert.run --init_checkpoint=OTHER YOUR_OTHER_FLAGS"
    if outcome.status != 0:
        problem = f"Could not look for it ({outcome.end}): {outcome.reason}"
        mend = packages.install_command(runtime.find_kind())
    elif found["hub_id"]:
        problem = None  # It is merely not here.
    return Source(
        "folder" in found,
        problem,
        mend,
        found.get("num_bytes"),
        found.get("requirement"),
        found.get("cache"),
    )


def check(init_checkpoint: str, source: Source, *, has_index: bool) -> Check:
    """Asks the hub for a checkpoint that is not here.

    Args:
        init_checkpoint: of the training.
        source: of `find`.
        has_index: whether the package index gives `source.requirement`.
    """
    if source.problem is not None:
        finding = Finding(
            ERROR,
            f"The checkpoint {init_checkpoint} cannot be used.",
            source.problem,
            source.mend,
        )
        return Check("checkpoint", "", (finding,))
    if source.is_here:
        where = "on gs://" if file_io.is_remote(init_checkpoint) else "here"
        summary = f"{init_checkpoint} is {where}: the hub is not needed"
        return Check("checkpoint", summary)
    endpoint = os.environ.get("HF_ENDPOINT", _HUB)
    return Check(
        "checkpoint",
        f"{init_checkpoint} is fetched at the first use: {endpoint} has it",
        tuple(_unreachable(init_checkpoint, endpoint, source, has_index)),
    )


def _unreachable(
    init_checkpoint: str, endpoint: str, source: Source, has_index: bool
) -> Iterator[Finding]:
    outcome = child_process.run("hub", init_checkpoint, seconds=_SECONDS)
    reason = outcome.result.get("error")
    if outcome.status == 0 and reason is None:
        return
    is_on_index = source.requirement is not None and has_index
    instead = ""
    if is_on_index:
        instead = f" The package index has it too, as {source.requirement}."
    if os.environ.get("HF_HUB_OFFLINE"):
        command = "unset HF_HUB_OFFLINE"
    else:
        command = (
            f"curl -sSIL {endpoint}  # no way out? Fetch its folder elsewhere, "
            "and pass --init_checkpoint=FOLDER"
        )
    yield Finding(
        WARNING if is_on_index else ERROR,
        f"{init_checkpoint} is not on this machine, and the hub does not give "
        "it.",
        f"{reason or outcome.reason}.{instead}",
        command,
    )
