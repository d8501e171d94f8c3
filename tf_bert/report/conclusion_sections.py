"""The sections that draw conclusions: tests, and how many trials to run."""

from tf_bert.report import sentences
from tf_bert.report.figures import trial_figures
from tf_bert.report.page import Picture, Section, Table
from tf_bert.report.task_results import TaskResults
from tf_bert.scoring import number_texts
from tf_bert.trials.statistics import recipe_tests
from tf_bert.trials.statistics.recipe_tests import TEST_NAMES, PValue


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
        tuple(texts),
        tables=(_tests_table(results),),
        notes=tuple(recipe_tests.comparison_notes(results.comparisons)),
    )


def _tests_table(results: TaskResults) -> Table:
    rows = [
        (
            x.label,
            number_texts.number(x.difference, sign="+"),
            number_texts.interval(x.interval, sign="+"),
            *(_p_cell(x.p_values[test]) for test in TEST_NAMES),
            number_texts.p_value(x.smallest_p),
        )
        for x in results.comparisons
    ]
    return Table(
        "tests",
        f"Mean {results.score_title} of each recipe less that of "
        f"{results.baseline}; p-values, in brackets after Holm's correction",
        (
            "recipe",
            "difference",
            "95 % interval (Welch)",
            *TEST_NAMES.values(),
            "smallest permutation p",
        ),
        rows,
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
            (
                "Left out: it needs two trials or more of a recipe, with "
                "scores on validation (which chooses one of them) and on test.",
            ),
        )
    text = sentences.trials_advice(results) or (
        "The recipe with the highest mean has too few trials for advice."
    )
    return Section(name, title, (text,), pictures=(_expected_picture(results),))


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
    rows = [
        (
            label,
            str(n + 1),
            number_texts.number(x.test_mean[n]),
            number_texts.number(x.test_std[n]),
            number_texts.number(x.validation_mean[n]),
            number_texts.number(x.validation_std[n]),
        )
        for label, x in results.expected.items()
        for n in range(len(x.test_mean))
    ]
    return Table(
        "expected",
        "Expected score of the best of n trials by validation",
        (
            "recipe",
            "trials",
            "test",
            "spread of test",
            "validation",
            "spread of validation",
        ),
        rows,
    )
