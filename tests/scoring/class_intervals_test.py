import numpy as np
from absl.testing import absltest, parameterized

from tf_bert.scoring import class_intervals

INTERVALS = {
    "f1": class_intervals.f1_interval,
    "macro_f1": class_intervals.macro_f1_interval,
    "matthews": class_intervals.matthews_interval,
}


class AllIntervalsTest(parameterized.TestCase):
    @parameterized.parameters(*INTERVALS)
    def test_all_right_reaches_exactly_one_and_has_a_width(self, metric):
        low, high = INTERVALS[metric](np.diag([10, 10]))
        self.assertEqual(high, 1.0)
        self.assertBetween(low, 0.6, 0.9)

    @parameterized.product(
        metric=tuple(INTERVALS),
        confusion=(
            [[0, 10], [10, 0]],
            [[20, 0], [10, 0]],
            [[19, 1], [1, 9]],
            [[0, 30], [0, 10]],
            [[8, 0, 2], [1, 9, 0], [0, 0, 10]],
            [[30, 0, 0], [10, 0, 0], [0, 0, 0]],
        ),
    )
    def test_it_holds_the_value_and_lies_in_the_metrics_range(
        self, metric, confusion
    ):
        low, high = INTERVALS[metric](np.array(confusion))
        value = _value(metric, confusion)
        self.assertLessEqual(low, value + 1e-12)
        self.assertGreaterEqual(high, value - 1e-12)
        self.assertLess(low, high)
        self.assertBetween(low, -1.0 if metric == "matthews" else 0.0, 1.0)
        self.assertLessEqual(high, 1.0)

    @parameterized.parameters(*INTERVALS)
    def test_many_matrices_at_once_are_the_single_ones(self, metric):
        matrices = np.random.default_rng(0).integers(0, 9, size=(4, 3, 3))
        together = np.stack(INTERVALS[metric](matrices), axis=-1)
        for matrix, ends in zip(matrices, together, strict=True):
            np.testing.assert_allclose(INTERVALS[metric](matrix), ends)

    @parameterized.product(metric=("macro_f1", "matthews"), size=(2, 5))
    def test_the_order_of_the_classes_does_not_matter(self, metric, size):
        rng = np.random.default_rng(1)
        confusion = rng.integers(1, 9, size=(size, size)) + 9 * np.eye(size)
        order = rng.permutation(size)
        np.testing.assert_allclose(
            INTERVALS[metric](confusion),
            INTERVALS[metric](confusion[order][:, order]),
        )

    @parameterized.parameters(*INTERVALS)
    def test_a_higher_confidence_is_wider(self, metric):
        confusion = np.array([[30, 5], [5, 20]])
        inner = INTERVALS[metric](confusion, confidence=0.9)
        outer = INTERVALS[metric](confusion, confidence=0.99)
        self.assertLess(outer[0], inner[0])
        self.assertGreater(outer[1], inner[1])

    @parameterized.product(metric=tuple(INTERVALS), size=(2, 3))
    def test_of_many_rows_it_is_that_of_the_delta_method(self, metric, size):
        confusion = np.full((size, size), 600) + 6000 * np.eye(size)
        low, high = INTERVALS[metric](confusion)
        gradient = _gradient(metric, confusion)
        deviation = (confusion * gradient**2).sum() ** 0.5
        self.assertAlmostEqual(
            (high - low) / (2 * 1.96 * deviation), 1, delta=0.02
        )
        self.assertAlmostEqual(
            (low + high) / 2, _value(metric, confusion), delta=1e-3
        )


class F1IntervalTest(parameterized.TestCase):
    def test_positive_is_the_class_that_it_is_about(self):
        confusion = np.array([[80, 10], [5, 25]])
        self.assertEqual(
            class_intervals.f1_interval(confusion, positive=0),
            class_intervals.f1_interval(confusion[::-1, ::-1], positive=1),
        )

    def test_rows_that_are_neither_say_nothing(self):
        few = class_intervals.f1_interval(np.array([[8, 4], [3, 20]]))
        many = class_intervals.f1_interval(np.array([[800, 4], [3, 20]]))
        self.assertEqual(few, many)


def _value(metric, confusion):
    confusion = np.array(confusion, float)
    hits, total = np.diag(confusion), confusion.sum()
    true, predicted = confusion.sum(axis=1), confusion.sum(axis=0)
    if metric == "matthews":
        spread = (total**2 - true @ true) * (total**2 - predicted @ predicted)
        return (
            (hits.sum() * total - true @ predicted) / spread**0.5
            if (spread)
            else 0.0
        )
    class_f1 = 2 * hits / np.maximum(true + predicted, 1)
    if metric == "f1":
        return class_f1[1]
    return class_f1[true + predicted > 0].mean()


def _gradient(metric, confusion):
    """Of the value by the count in each cell, by differences."""
    gradient = np.zeros_like(confusion)
    for cell in np.ndindex(confusion.shape):
        step = np.zeros_like(confusion)
        step[cell] = 1.0
        gradient[cell] = (
            _value(metric, confusion + step) - _value(metric, confusion - step)
        ) / 2
    return gradient


if __name__ == "__main__":
    absltest.main()
