"""How the doctor's findings are shown: as lines, or as JSON.

Standard library alone.
"""

import dataclasses
import json
import textwrap
from collections.abc import Iterable, Sequence

from tf_bert.doctor.check_result import ERROR, OK, WARNING, Check

_WIDTH = 80
_STATUS_WIDTH, _NAME_WIDTH = 9, 13
_INDENT = " " * _STATUS_WIDTH


def show(checks: Iterable[Check], *, as_json: bool) -> int:
    """Prints what was found, line by line as it comes; returns the status.

    The exit status is 0 if a training can start, else 1.
    """
    done = []
    for check in checks:
        done.append(check)
        if not as_json:
            print("\n".join(_lines(check)), flush=True)
    if as_json:
        print(json.dumps(_as_json(done), indent=2))
    else:
        print(f"\n{_conclusion(done)}")
    return 0 if can_train(done) else 1


def can_train(checks: Sequence[Check]) -> bool:
    """Whether nothing was found that keeps a training from its start.

    Example:
        >>> can_train([Check("disk", "12 GB are free")])
        True
    """
    return all(check.status != ERROR for check in checks)


def _lines(check: Check) -> list[str]:
    if not check.findings:
        return _fill(OK, check.name, check.summary)
    lines = []
    for finding in check.findings:
        lines += _fill(finding.severity, check.name, finding.what)
        lines += textwrap.wrap(
            finding.why,
            _WIDTH,
            initial_indent=f"{_INDENT}why:  ",
            subsequent_indent=f"{_INDENT}      ",
            break_on_hyphens=False,
            break_long_words=False,
        )
        # On one line, however long, so that it can be copied.
        lines += [f"{_INDENT}mend: {finding.command}"]
    return lines


def _fill(status: str, name: str, text: str) -> list[str]:
    head = f"{status:{_STATUS_WIDTH}}{name:{_NAME_WIDTH}}"
    return textwrap.wrap(
        head + text,
        _WIDTH,
        subsequent_indent=" " * len(head),
        break_on_hyphens=False,
        break_long_words=False,
    )


def _conclusion(checks: Sequence[Check]) -> str:
    severities = [x.severity for check in checks for x in check.findings]
    counts = [
        f"{severities.count(name)} {name}{'s'[: severities.count(name) != 1]}"
        for name in (ERROR, WARNING)
        if name in severities
    ]
    can = "can" if can_train(checks) else "cannot"
    return f"A training {can} start{': ' * bool(counts)}{', '.join(counts)}."


def _as_json(checks: Sequence[Check]) -> dict:
    return {
        "can_train": can_train(checks),
        "checks": [
            {"check": check.name, "status": check.status}
            | {"summary": check.summary if not check.findings else None}
            | {"findings": [dataclasses.asdict(x) for x in check.findings]}
            for check in checks
        ],
    }
