"""What an inspection means, and what to do about it, as a flag."""

from collections.abc import Callable, Iterable, Sequence

from tf_bert.inspection import data_rules, training_rules
from tf_bert.inspection.contents import Inspection
from tf_bert.inspection.finding import Finding

_Rule = Callable[[Inspection], Iterable[Finding]]

_SEVERITIES = ("error", "warning", "note")


def findings_of(inspection: Inspection) -> list[Finding]:
    """Returns what follows from data, flags and checkpoint, worst first."""
    return _apply([*data_rules.RULES, *training_rules.RULES], inspection)


def machine_findings_of(inspection: Inspection) -> list[Finding]:
    """Returns what follows from this machine, worst first."""
    return _apply(training_rules.MACHINE_RULES, inspection)


def worst_first(found: Iterable[Finding]) -> list[Finding]:
    """Returns findings by severity; equally severe ones keep their order."""
    return sorted(
        found, key=lambda finding: _SEVERITIES.index(finding.severity)
    )


def _apply(rules: Sequence[_Rule], inspection: Inspection) -> list[Finding]:
    return worst_first(
        finding for rule in rules for finding in rule(inspection)
    )
