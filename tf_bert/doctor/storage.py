"""Whether there is memory, and room and rights where a training writes."""

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence

from tf_bert.doctor import child_process
from tf_bert.doctor.check_result import ERROR, WARNING, Check, Finding
from tf_bert.system import file_io, limits, os_errors
from tf_bert.system.plurals import counted

_SECONDS = 120.0
# Of what TensorFlow and the rest of the program take.
_PROGRAM_BYTES = 1_000_000_000
# Weights, gradients and Adam's two moments.
_COPIES_IN_MEMORY = 4
# A state holds weights and moments, and the old one stays until the new one is
# whole; the best weights; the model.
_COPIES_ON_DISK = 8
# Of BERT-base, where nothing is known.
_TYPICAL_BYTES = 440_000_000
_PROBE_BYTES = 1 << 20
# By what a folder is for, and by the error of the storage.
_INSTEAD = {
    "output": "python -m tf_bert.run --output_dir=ANOTHER YOUR_OTHER_FLAGS",
    "cache": "export TF_BERT_CACHE=ANOTHER_FOLDER HF_HOME=ANOTHER_FOLDER",
    "temporary files": "export TMPDIR=ANOTHER_FOLDER",
}
_COMMANDS = {
    "PermissionError": "gcloud auth application-default login",
    "FileNotFoundError": "gcloud storage ls {bucket}",
    "ValueError": "gcloud storage ls",
}


def check_memory(num_bytes: int | None, root: str = "/") -> Check:
    """Compares the memory that there is with what a training takes at least.

    Args:
        num_bytes: of the weights; None: not known.
        root: of the folders `proc` and `sys` that are read.
    """
    memory = limits.memory_bytes(root)
    least = _PROGRAM_BYTES + _COPIES_IN_MEMORY * (num_bytes or 0)
    findings = []
    if memory < least:
        findings.append(
            Finding(
                ERROR,
                f"This process may have {_size(memory)} of memory.",
                f"A training takes {_size(least)} at least, and more with its "
                "batches: the system would kill it.",
                f"docker run --memory={-(-2 * least // 10**9)}g IMAGE  # or "
                "another machine, or a smaller --init_checkpoint",
            )
        )
    return Check("memory", f"{_size(memory)} for this process", tuple(findings))


def check_disk(
    folders: Mapping[str, str | None], num_bytes: int | None
) -> Check:
    """Writes a file where a training will, and removes it again.

    Args:
        folders: what a folder is for -> its path, which need not exist.
            "output" holds the run; the others a copy of the weights.
        num_bytes: see `check_memory`.
    """
    findings, shown = [], []
    for purpose, path in folders.items():
        if path is None:
            continue
        nearest = _nearest(path)
        refusal = _refusal(nearest)
        if refusal:
            findings.append(
                Finding(
                    ERROR,
                    f"Nothing can be written in {nearest} ({purpose}).",
                    refusal,
                    _INSTEAD[purpose],
                )
            )
            continue
        free = shutil.disk_usage(nearest).free
        shown.append(f"{_size(free)} free for {purpose}")
        copies = _COPIES_ON_DISK if purpose == "output" else 1
        findings += _room(nearest, purpose, free, copies, num_bytes)
    return Check("disk", ", ".join(shown), tuple(findings))


def _room(
    folder: str, purpose: str, free: int, copies: int, num_bytes: int | None
) -> Iterator[Finding]:
    needed = copies * (num_bytes or _TYPICAL_BYTES)
    if free < needed:
        model = "this model" if num_bytes else "a model like BERT-base"
        yield Finding(
            ERROR if num_bytes else WARNING,
            f"{_size(free)} are free in {folder} ({purpose}).",
            f"With {model} up to {_size(needed)} are written there.",
            _INSTEAD[purpose],
        )


def _nearest(path: str) -> str:
    """Returns the folder itself, or the one that it will be made in."""
    nearest = os.path.abspath(path)
    while not os.path.lexists(nearest):
        nearest = os.path.dirname(nearest)
    return nearest


def _refusal(folder: str) -> str:
    """Returns why a file cannot be written; nothing if it can."""
    try:
        with tempfile.NamedTemporaryFile(
            prefix=".tf_bert_doctor_", dir=folder
        ) as file:
            file.write(bytes(_PROBE_BYTES))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return os_errors.explain(error) or str(error)
    return ""


def check_remote(output_dir: str | None, inputs: Sequence[str]) -> Check:
    """Writes an object where a training will, and removes it again.

    Args:
        output_dir: on `gs://`; None: nothing is written there.
        inputs: paths on `gs://` that must be there; patterns are not asked
            for.
    """
    outcome = child_process.run(
        "storage",
        output_dir or "",
        *inputs,
        seconds=_SECONDS,
        # Seconds for a storage that does not answer, instead of minutes.
        environment={
            "GCS_RETRY_CONFIG_MAX_RETRIES": os.environ.get(
                "GCS_RETRY_CONFIG_MAX_RETRIES", "2"
            )
        },
    )
    found = outcome.result
    is_good = outcome.status == 0 and found.get("doing") is None
    findings = () if is_good else (_refused(outcome),)
    did = ["written, read and removed"] if output_dir else []
    did += [f"{counted(len(inputs), 'input')} found"] if inputs else []
    return Check("gs://", "; ".join(did), findings)


def _refused(outcome: child_process.Outcome) -> Finding:
    found = outcome.result
    kind, path = found.get("kind"), found.get("path", "gs://")
    doing = found.get("doing", "load TensorFlow for")
    why = found.get("error") or (
        f"The storage did not answer within {_SECONDS:g} seconds."
        if outcome.status is None
        else f"{outcome.end}: {outcome.reason}"
    )
    bucket = "/".join(path.split("/")[:3])
    if doing == "remove":
        why += f" {path} is left there. A run replaces its files again and "
        why += "again: the account needs the role Storage Object User."
    return Finding(
        ERROR,
        f"Could not {doing} {path}.",
        why,
        _COMMANDS.get(kind, "curl -sSI https://storage.googleapis.com").format(
            bucket=bucket
        ),
    )


def remote_paths(paths: Iterable[str | None]) -> list[str]:
    """Returns the paths on `gs://` that are no patterns."""
    return [
        path
        for path in paths
        if path and file_io.is_remote(path) and not set("*?[") & set(path)
    ]


def _size(num_bytes: float) -> str:
    if num_bytes < 1e9:
        return f"{num_bytes / 1e6:.0f} MB"
    return f"{num_bytes / 1e9:.1f} GB"
