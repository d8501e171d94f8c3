"""What a check of the machine has found. Standard library alone."""

import dataclasses

OK, WARNING, ERROR = "ok", "warning", "error"


@dataclasses.dataclass(frozen=True)
class Finding:
    """Something that is wrong.

    Attributes:
        severity: `ERROR`: a training cannot start, or would end at it.
            `WARNING`: it is slower, or lacks something that it may not need.
        what: a sentence.
        why: sentences: what a training needs it for, or where it comes from.
        command: what mends it, to be copied into a terminal; in capitals,
            what the user has to fill in.
    """

    severity: str
    what: str
    why: str
    command: str


@dataclasses.dataclass(frozen=True)
class Check:
    """One subject that was looked at.

    Attributes:
        name: the subject, of one or two words.
        summary: what is there, where nothing is wrong.
        findings: what is wrong.
    """

    name: str
    summary: str
    findings: tuple[Finding, ...] = ()

    @property
    def status(self) -> str:
        """That of the worst finding; `OK` without one.

        Example:
            >>> Check("disk", "12 GB are free").status
            'ok'
        """
        found = {finding.severity for finding in self.findings}
        return next((x for x in (ERROR, WARNING) if x in found), OK)
