"""Tries what may end a process, or never end, in one of its own."""

import contextlib
import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

# A line of native code before it ends the process; that of an exception.
_FATAL = re.compile(r"(?:^|\s)F\d* \S.*?\] (?P<reason>.+)")
_RAISED = re.compile(
    r"(?P<reason>(?:\w+\.)*\w*(?:Error|Exception|Interrupt): .+)"
)


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a process has ended.

    Attributes:
        status: of its exit; minus the number of the signal that ended it.
            None: it did not end in time.
        result: what it found out, or as much of it as it came to.
        errors: what it wrote on standard error.
    """

    status: int | None
    result: Mapping[str, Any]
    errors: str

    @property
    def reason(self) -> str:
        """Why it did not end well, as it says itself."""
        lines = [line.strip() for line in self.errors.splitlines()]
        for pattern in (_FATAL, _RAISED):
            for line in reversed(lines):
                if match := pattern.search(line):
                    return match["reason"].strip()
        return next((line for line in reversed(lines) if line), "no message")

    @property
    def end(self) -> str:
        """Its end in words.

        Example:
            >>> Outcome(-6, {}, "").end
            'ended by SIGABRT'
        """
        if self.status is None:
            return "not ended in time"
        if self.status < 0:
            return f"ended by {signal.Signals(-self.status).name}"
        return f"exit status {self.status}"


def run(
    task: str,
    *arguments: str,
    seconds: float,
    environment: Mapping[str, str] | None = None,
) -> Outcome:
    """Runs a task of `in_child` with the modules that this process has.

    Args:
        seconds: after which it is ended.
        environment: variables that differ from those of this process.
    """
    return run_command(
        [sys.executable, "-P", "-m", "tf_bert.doctor.in_child"]
        + [task, *arguments],
        seconds=seconds,
        # In this order, whichever way this program was started.
        environment={
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            **(environment or {}),
        },
    )


def run_command(
    command: list[str],
    *,
    seconds: float,
    environment: Mapping[str, str] | None = None,
) -> Outcome:
    """Runs a command; each line of its output that is JSON is a result."""
    process = subprocess.Popen(
        command,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        # So that what it starts is ended with it.
        start_new_session=True,
    )
    with process:
        try:
            output, errors = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            _end(process)
            output, errors = process.communicate()
            return Outcome(None, _results(output), errors)
        finally:
            if process.poll() is None:  # After Ctrl-C.
                _end(process)
    return Outcome(process.returncode, _results(output), errors)


def _end(process: subprocess.Popen) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _results(output: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for line in output.splitlines():
        if line.startswith("{"):
            with contextlib.suppress(json.JSONDecodeError):
                found |= json.loads(line)
    return found
