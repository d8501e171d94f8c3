import numpy as np
from absl.testing import parameterized

from tf_bert.scoring import class_intervals
from tf_bert.scoring.metrics import METRICS

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
    confusion = np.asarray(confusion)
    labels, predictions = np.indices(confusion.shape).reshape(2, -1)
    return METRICS[metric](labels, predictions, confusion.ravel())


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
