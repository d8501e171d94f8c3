import numpy as np
from absl.testing import parameterized
from scipy import stats

from tf_bert.trials.statistics import recipe_tests, two_sample_tests

BASE = {1: 0.81, 2: 0.84, 3: 0.80, 4: 0.83, 5: 0.82}
BETTER = {1: 0.91, 2: 0.93, 3: 0.90, 4: 0.93, 5: 0.91}
SIMILAR = {1: 0.82, 2: 0.83, 3: 0.79, 4: 0.86, 5: 0.82}


def compare(recipe, baseline=None):
    recipes = {"base": BASE if baseline is None else baseline, "new": recipe}
    (comparison,) = recipe_tests.compare_recipes(recipes)
    return comparison


def p_values(comparison):
    return {name: p.value for name, p in comparison.p_values.items()}


class CompareRecipesTest(parameterized.TestCase):
    def test_each_recipe_meets_the_first(self):
        result = recipe_tests.compare_recipes(
            {"base": BASE, "better": BETTER, "similar": SIMILAR}
        )
        self.assertEqual(
            [(c.label, c.baseline) for c in result],
            [("better", "base"), ("similar", "base")],
        )
        self.assertAlmostEqual(result[0].difference, 0.096)

    def test_baseline_may_be_another(self):
        recipes = {"better": BETTER, "base": BASE}
        (result,) = recipe_tests.compare_recipes(recipes, baseline="base")
        self.assertEqual((result.label, result.baseline), ("better", "base"))
        self.assertGreater(result.difference, 0)
        with self.assertRaisesRegex(
            ValueError, "no such recipe.*'bose'.*one of: 'better', 'base'"
        ):
            recipe_tests.compare_recipes(recipes, baseline="bose")

    def test_p_values_are_those_of_the_named_tests(self):
        a, b = list(SIMILAR.values()), list(BASE.values())
        result = compare(SIMILAR)
        welch = stats.ttest_ind(a, b, equal_var=False)
        expected = {
            "welch": welch.pvalue,
            "paired": stats.ttest_rel(a, b).pvalue,
            "student": stats.ttest_ind(a, b, alternative="greater").pvalue,
            "levene": stats.levene(a, b, center="median").pvalue,
            "permutation": two_sample_tests.permutation_p_values(a, b),
        }
        found = p_values(result)
        self.assertSameElements(found, recipe_tests.TEST_NAMES)
        for name, value in expected.items():
            self.assertAlmostEqual(found[name], value, 12, msg=name)
        np.testing.assert_allclose(result.interval, welch.confidence_interval())

    def test_trials_pair_by_their_seeds(self):
        shuffled = {key: BETTER[key] for key in (4, 2, 5, 1, 3)}
        extra = {**shuffled, 99: 0.1}
        self.assertAlmostEqual(
            compare(extra).p_values["paired"].value,
            compare(BETTER).p_values["paired"].value,
        )
        other_seeds = {key + 100: score for key, score in BETTER.items()}
        result = compare(other_seeds)
        self.assertIsNone(result.p_values["paired"].value)

    def test_pairing_finds_what_hides_behind_the_seeds(self):
        base = {seed: 0.6 + 0.05 * seed for seed in range(6)}
        better = {
            seed: score + 0.01 + 0.001 * (seed % 2)
            for seed, score in base.items()
        }
        result = compare(better, base)
        self.assertLess(result.p_values["paired"].value, 1e-4)
        self.assertGreater(result.p_values["welch"].value, 0.5)

    def test_holm_corrects_each_test_by_itself_but_the_papers(self):
        result = recipe_tests.compare_recipes(
            {"base": BASE, "better": BETTER, "similar": SIMILAR}
        )
        for name in ("welch", "permutation", "paired", "levene"):
            values = [c.p_values[name].value for c in result]
            self.assertEqual(
                [c.p_values[name].holm for c in result],
                recipe_tests.holm(values),
            )
        self.assertIsNone(result[0].p_values["student"].holm)

    def test_scores_that_do_not_vary_have_no_t(self):
        constant = dict.fromkeys(range(3), 0.9)
        worse = dict.fromkeys(range(3), 0.8)
        result = compare(constant, worse)
        self.assertAlmostEqual(result.difference, 0.1)
        self.assertIsNone(result.interval)
        values = p_values(result)
        self.assertAlmostEqual(values.pop("permutation"), 0.1)
        self.assertEqual(set(values.values()), {None})
        self.assertIsNone(result.p_values["welch"].holm)

    def test_one_that_varies_is_enough_for_a_t(self):
        result = compare(dict.fromkeys(BASE, 0.9))
        self.assertLess(result.p_values["welch"].value, 0.01)

    def test_levene_needs_distances_that_vary(self):
        # Two scores are equally far from their median.
        result = compare({1: 0.7, 2: 0.9}, {1: 0.71, 2: 0.72})
        self.assertIsNone(result.p_values["levene"].value)
        self.assertIsNotNone(result.p_values["welch"].value)

    @parameterized.parameters(({},), ({1: 0.9},))
    def test_too_few_trials_have_no_t(self, recipe):
        result = compare(recipe)
        self.assertIsNone(result.p_values["welch"].value)
        self.assertEqual(result.difference is None, not recipe)
        self.assertEqual(
            result.p_values["permutation"].value is None, not recipe
        )

    def test_one_recipe_has_nothing_to_be_compared_with(self):
        for recipes in ({}, {"base": BASE}):
            comparisons = recipe_tests.compare_recipes(recipes)
            self.assertEmpty(comparisons)
            self.assertEmpty(recipe_tests.comparison_notes(comparisons))


class HolmTest(parameterized.TestCase):
    @parameterized.parameters(
        ([], []),
        ([0.01, 0.04, 0.03], [0.03, 0.06, 0.06]),
        ([0.01, 0.02, 0.03, 0.04], [0.04, 0.06, 0.06, 0.06]),
        ([0.9, 0.6], [1.0, 1.0]),
        # What is not defined is not counted.
        ([None, 0.01, None, 0.04], [None, 0.02, None, 0.04]),
    )
    def test_by_hand(self, values, expected):
        corrected = recipe_tests.holm(values)
        self.assertEqual(
            [p if p is None else round(p, 12) for p in corrected], expected
        )


class ComparisonNotesTest(parameterized.TestCase):
    def notes(self, **recipes):
        return recipe_tests.comparison_notes(
            recipe_tests.compare_recipes(recipes)
        )

    def test_smallest_p_is_given_before_and_after_holm(self):
        notes = self.notes(base=BASE, better=BETTER, similar=SIMILAR)
        self.assertEqual(
            notes[0],
            "5 against 5 trials: permutation over all 252 splits, smallest p "
            "0.008 (0.016 after Holm's correction).",
        )
        self.assertIn("Holm's method over its 2 comparisons", notes[1])
        self.assertIn("over seeds", notes[-1])
        self.assertLen(notes, 3)

    def test_too_few_trials_for_any_result_are_told(self):
        three = {1: 0.7, 2: 0.8, 3: 0.85}
        note = self.notes(base=three, new={1: 0.9, 2: 0.91, 3: 0.95})[0]
        self.assertIn("smallest p 0.100. Whatever the scores are", note)
        self.assertIn("--num_trials", note)

    def test_drawn_splits_are_told(self):
        many = dict(enumerate(np.linspace(0.7, 0.8, 15)))
        note = self.notes(base=many, new=many)[0]
        self.assertIn("9,999 drawn splits, smallest p < 0.001.", note)

    def test_undefined_p_values_are_explained(self):
        constant = dict.fromkeys(range(3), 0.9)
        notes = self.notes(base=constant, new=constant)
        self.assertTrue(any("not defined" in note for note in notes))
