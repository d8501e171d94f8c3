"""The Hugging Face hub, through its client, with a limit on the waiting.

The client decides where the hub is (``HF_ENDPOINT``), whether it may be asked
(``HF_HUB_OFFLINE``) and with which token. Left alone, it asks a hub that does
not answer again and again, for minutes. So here the hub is asked once whether
it has a file, and the answer must come before a deadline.

Every failure of the network or of the hub is an `OSError` with one line of
text, whichever HTTP library the client uses.
"""

import contextlib
import os
import queue
import shutil
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import huggingface_hub
from absl import logging
from huggingface_hub import constants, errors, utils

# With the import of the client, an unreachable hub is known within 10 seconds.
DEADLINE_SECONDS = 8.0

# The longest silence of a server in the middle of a file.
_SILENCE_SECONDS = 20.0


def check_offers(
    repo_id: str,
    filename: str,
    *,
    revision: str | None = None,
    token: str | bool | None = None,
    deadline: float = DEADLINE_SECONDS,
) -> None:
    """Raises unless the hub begins to send a file before the deadline.

    Nothing is kept. Ask for a weights file: large files come from other hosts
    than small ones, and a firewall may let only the small ones through.

    The deadline, in seconds, also ends a look-up of the host's name that
    hangs, which no timeout of the HTTP library does. The `OSError` is the
    reason. A `revision` of None is the main branch.
    """
    answers: queue.SimpleQueue[str] = queue.SimpleQueue()

    def ask() -> None:
        try:
            with _open_file(repo_id, filename, revision, token):
                answers.put("")
        except (OSError, ValueError) as error:
            answers.put(str(error))

    # A daemon, because nothing can stop it where it hangs, and it must not
    # keep the program from ending.
    threading.Thread(target=ask, daemon=True).start()
    try:
        problem = answers.get(timeout=deadline)
    except queue.Empty:
        problem = f"no answer within {deadline:g} seconds"
    if problem:
        raise OSError(f"{constants.ENDPOINT}: {problem}")


def download_file(
    repo_id: str,
    filename: str,
    path: str,
    *,
    revision: str | None = None,
    max_bytes: int,
) -> None:
    """Writes one file of the hub to `path`, with a single attempt.

    An `OSError` is a hub that refuses, breaks off or falls silent.
    """
    num_bytes = 0
    with (
        _open_file(repo_id, filename, revision) as response,
        open(path, "wb") as file,
    ):
        for chunk in response.iter_bytes(1 << 20):
            num_bytes += len(chunk)
            if num_bytes > max_bytes:
                raise ValueError(
                    f"A file of the hub is larger than {max_bytes} bytes. "
                    f"Received: {filename} of {repo_id}. Check what serves "
                    "the hub (HF_ENDPOINT)."
                )
            file.write(chunk)


def copy_from_client_cache(
    repo_id: str, filenames: Sequence[str], folder: str, *, revision: str
) -> bool:
    """Copies files that the client fetched before; False if one is missing.

    None is copied then. `revision` is a commit.
    """
    found = [
        huggingface_hub.try_to_load_from_cache(
            repo_id, filename, revision=revision
        )
        for filename in filenames
    ]
    # A path, None, or a mark for "known not to exist".
    if not all(isinstance(path, str) for path in found):
        return False
    for filename, path in zip(filenames, found, strict=True):
        shutil.copyfile(path, os.path.join(folder, filename))
    return True


def snapshot(
    repo_id: str,
    patterns: Sequence[str],
    *,
    cache_dir: str | None = None,
    revision: str | None = None,
    token: str | bool | None = None,
    local_files_only: bool = False,
) -> str:
    """Fetches the files of a repository into the client's cache.

    Returns the folder that holds them, whose name is the commit. When the hub
    does not answer or refuses, a copy that was fetched before is used, and a
    warning says so.

    Args:
        repo_id: `organisation/name` or `name`.
        patterns: of files at the top of the repository, as in a shell.
        cache_dir: None is the client's own cache.
        revision: branch, tag or commit; None is the main branch.
        token: None is that of the user, False is none.
        local_files_only: whether the hub is not asked.

    Raises:
        OSError: with the reason, if they cannot be had.
        ValueError: if `repo_id` is malformed.
    """
    refusal = None
    try:
        if not local_files_only:
            check_offers(repo_id, "config.json", revision=revision, token=token)
    except OSError as error:
        refusal = error
    try:
        with _one_line_errors():
            folder = huggingface_hub.snapshot_download(
                repo_id,
                allow_patterns=list(patterns),
                ignore_patterns=["*/*"],
                cache_dir=cache_dir,
                revision=revision,
                token=token,
                local_files_only=local_files_only or refusal is not None,
            )
    except OSError as error:
        # Why the hub was not used says more than that the cache is empty.
        raise refusal or error from error
    if refusal is not None:
        logging.warning(
            "Using the copy of %s fetched before, in %s: %s",
            repo_id,
            folder,
            refusal,
        )
    return folder


@contextlib.contextmanager
def _open_file(
    repo_id: str,
    filename: str,
    revision: str | None,
    token: str | bool | None = None,
) -> Iterator[Any]:
    """Yields the streamed response once the hub has begun to send a file."""
    url = huggingface_hub.hf_hub_url(repo_id, filename, revision=revision)
    session = huggingface_hub.get_session()
    with (
        _one_line_errors(),
        session.stream(
            "GET",
            url,
            headers=utils.build_hf_headers(token=token, library_name="tf_bert"),
            timeout=_SILENCE_SECONDS,
            follow_redirects=True,
        ) as response,
    ):
        utils.hf_raise_for_status(response)
        yield response


@contextlib.contextmanager
def _one_line_errors() -> Iterator[None]:
    # The client has moved from requests to httpx and on, but its own errors
    # always derive from the base class of the library that it uses.
    try:
        yield
    except errors.HTTPError as error:
        text = " ".join(str(error).split()) or type(error).__name__
        raise OSError(f"{text.rstrip('.')}{_advice(error)}") from error


def _advice(error: errors.HTTPError) -> str:
    """Returns what helps against a refusal: the client's texts do not say."""
    log_in = "log in by `hf auth login` or set HF_TOKEN"
    if isinstance(error, errors.GatedRepoError):
        return f". Accept its terms on its page of the hub, and {log_in}"
    if isinstance(error, errors.RepositoryNotFoundError):
        return f". If it is private, {log_in}"
    return ""
