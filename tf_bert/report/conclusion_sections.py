"""The sections that draw conclusions: tests, and how many trials to run."""

from collections.abc import Callable

from tf_bert.report import sentences
from tf_bert.report.figures import trial_figures
from tf_bert.report.page import Picture, Section, Table, table_of
from tf_bert.report.task_results import TaskResults
from tf_bert.scoring import number_texts
from tf_bert.scoring.number_texts import interval, number
from tf_bert.trials.statistics import recipe_tests
from tf_bert.trials.statistics.recipe_tests import (
    TEST_NAMES,
    Comparison,
    PValue,
)


def comparisons_section(results: TaskResults) -> Section | None:
    """Each recipe against the baseline; None: there is one recipe alone."""
    if not results.comparisons:
        return None
    texts = [sentences.differences(results)]
    if results.awaited:
        texts.append(
            f"The baseline {results.awaited} has no finished trial yet: "
            f"{results.baseline} stands in for it."
        )
    return Section(
        "tests",
        f"Comparison with {results.baseline}",
        " ".join(texts),
        tables=(_tests_table(results),),
        notes=tuple(
            recipe_tests.comparison_notes([*results.comparisons.values()])
        ),
    )


def _tests_table(results: TaskResults) -> Table:
    def test(name: str) -> Callable[[Comparison], str]:
        return lambda x: _p_cell(x.p_values[name])

    return table_of(
        "tests",
        f"Mean {results.score_title} of each recipe less that of "
        f"{results.baseline}; p-values, in brackets after Holm's correction",
        results.comparisons.values(),
        {
            "recipe": lambda x: x.label,
            "difference": lambda x: number(x.difference, sign="+"),
            "95 % interval (Welch)": lambda x: interval(x.interval, sign="+"),
            **{title: test(name) for name, title in TEST_NAMES.items()},
            "smallest permutation p": lambda x: number_texts.p_value(
                x.smallest_p
            ),
        },
    )


def _p_cell(outcome: PValue) -> str:
    if outcome.value is None or outcome.holm is None:
        return number_texts.p_value(outcome.value)
    value, holm = map(number_texts.p_value, (outcome.value, outcome.holm))
    return f"{value} ({holm})"


def expected_section(results: TaskResults) -> Section | None:
    """The score to expect of the best of n trials; None: there is one alone."""
    if results.task.is_one_training:
        return None
    name, title = "expected", "Expected score by the number of trials"
    if not results.expected:
        return Section(
            name,
            title,
            "Left out: it needs two trials or more of a recipe, with "
            "scores on validation (which chooses one of them) and on test.",
        )
    text = sentences.trials_advice(results) or (
        "The recipe with the highest mean has too few trials for advice."
    )
    pictures = (_expected_picture(results),)
    return Section(name, title, text, pictures=pictures)


def _expected_picture(results: TaskResults) -> Picture:
    expected = results.expected
    shown = [x.label for x in results.shown() if x.label in expected]
    curves = {
        label: (expected[label].test_mean, expected[label].test_std)
        for label in shown or list(expected)[:1]
    }
    return Picture(
        "expected",
        "Expected test score of the best of n trials",
        trial_figures.expected_scores(curves, metric_title=results.score_title),
        "The test score that the best of n trials by validation is expected to "
        "have, with a band of one standard deviation: n of the trials drawn "
        "with replacement, 1000 times (Zhang et al., 2021, Figure 4). In the "
        "table also the expected best validation score, unbiased (Tang et al., "
        "2020).",
        _expected_table(results),
    )


def _expected_table(results: TaskResults) -> Table:
    return table_of(
        "expected",
        "Expected score of the best of n trials by validation",
        [
            (label, n, x)
            for label, x in results.expected.items()
            for n in range(len(x.test_mean))
        ],
        {
            "recipe": lambda x: x[0],
            "trials": lambda x: x[1] + 1,
            "test": lambda x: number(x[2].test_mean[x[1]]),
            "spread of test": lambda x: number(x[2].test_std[x[1]]),
            "validation": lambda x: number(x[2].validation_mean[x[1]]),
            "spread of validation": lambda x: number(x[2].validation_std[x[1]]),
        },
    )
