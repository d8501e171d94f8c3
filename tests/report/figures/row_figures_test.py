"""Tests of tf_bert/report/figures/row_figures.py and row_captions.py."""

import numpy as np
from absl.testing import parameterized

from tf_bert.report import row_captions
from tf_bert.report.figures import row_figures, style
from tf_bert.scoring.scored_rows import ScoredRows

# What Matplotlib would take for a formula, leave out of a legend, or break.
NAMES = ("_no $x$", "a\nlong name that nobody reads to its end")


def make_rows(labels, seed, num_classes):
    labels = np.asarray(labels)
    logits = np.random.default_rng(seed).normal(size=(len(labels), num_classes))
    logits[np.arange(len(labels)), labels] += 1.5
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return ScoredRows(labels, shares.argmax(axis=1), shares)


def texts(axes):
    return [text.get_text() for text in axes.texts]


def legend_texts(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


class RowFiguresTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.enterContext(style.settings())

    def written(self, figure):
        """Draws a figure and returns its SVG."""
        return style.to_svg(figure).decode("utf-8")


class ConfusionMatrixTest(RowFiguresTest):
    def test_cells_hold_counts_and_shares(self):
        rows = ScoredRows(np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1]))
        figure = row_figures.confusion_matrix([rows, rows], NAMES)
        (axes,) = figure.axes
        self.assertEqual(texts(axes), ["4\n67 %", "2\n33 %", "0", "2\n100 %"])
        # The first class stands on top, as in a table.
        bottom, top = axes.get_ylim()
        self.assertGreater(bottom, top)
        (cells,) = axes.collections
        np.testing.assert_allclose(cells.get_array(), [[2 / 3, 1 / 3], [0, 1]])
        self.written(figure)

    def test_names_are_shown_as_they_are_and_cut(self):
        figure = row_figures.confusion_matrix([make_rows([0, 1], 0, 2)], NAMES)
        (axes,) = figure.axes
        for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
            self.assertEqual(
                [label.get_text() for label in labels],
                ["_no $x$", "a long name that nobody…"],
            )
            self.assertFalse(any(label.get_parse_math() for label in labels))
        self.written(figure)

    def test_a_class_without_rows_is_told_from_one_that_is_never_right(self):
        rows = ScoredRows(np.array([0, 1]), np.array([1, 0]))
        figure = row_figures.confusion_matrix([rows], ["a", "b", "c"])
        (cells,) = figure.axes[0].collections
        values = np.ma.filled(cells.get_array(), np.nan)
        self.assertEqual(np.isnan(values).sum(axis=1).tolist(), [0, 0, 3])
        self.assertIn("grey: ", row_captions.confusion_matrix([rows], "abc"))
        self.written(figure)

    @parameterized.parameters(2, 12)
    def test_few_classes_are_areas(self, num_classes):
        names = [f"class {i}" for i in range(num_classes)]
        rows = make_rows(np.arange(100) % num_classes, 0, num_classes)
        figure = row_figures.confusion_matrix([rows], names)
        self.assertLen(texts(figure.axes[0]), num_classes**2)
        self.assertNotIn("<image", self.written(figure))

    def test_77_classes_are_a_picture_with_a_scale(self):
        names = [f"a class with a long name, {i}" for i in range(77)]
        rows = make_rows(np.arange(400) % 77, 0, 77)
        figure = row_figures.confusion_matrix([rows], names)
        matrix, scale = figure.axes
        self.assertEmpty(texts(matrix))
        self.assertLen(matrix.get_yticklabels(), 77)
        self.assertEqual(scale.get_xlabel(), "share of the true class")
        self.assertLess(len(self.written(figure)), 500_000)
        # Names do not run into each other.
        height = matrix.get_window_extent().height / 77
        self.assertLess(
            matrix.get_yticklabels()[0].get_fontsize(),
            height / figure.dpi * 72,
        )


class PrecisionRecallTest(RowFiguresTest):
    def test_the_rarer_of_two_classes_is_drawn(self):
        trials = [make_rows([1] * 15 + [0] * 5, seed, 2) for seed in range(3)]
        figure = row_figures.precision_recall(trials, NAMES)
        (axes,) = figure.axes
        self.assertLen(axes.lines, 5)  # Trials, their mean, guessing.
        each, mean, guessing = legend_texts(figure)
        self.assertEqual(each, "each trial")
        self.assertRegex(mean, r"mean of 3 trials: average precision 0\.\d{3}")
        self.assertEqual(guessing, "guessing: 25.0 % of the rows have it")
        self.assertEqual(set(axes.lines[-1].get_ydata()), {0.25})
        np.testing.assert_allclose(
            axes.lines[3].get_ydata(),
            np.mean([line.get_ydata() for line in axes.lines[:3]], axis=0),
        )
        caption = row_captions.precision_recall(trials, NAMES)
        self.assertStartsWith(caption, "The class _no $x$, which 5 of 20 rows")
        self.assertRegex(caption, r"\(0\.\d{3} to [01]\.\d{3} over 3 trials\)")
        self.written(figure)

    def test_the_five_hardest_classes_are_drawn(self):
        names = [f"_$class {i}$" for i in range(8)]
        rows = make_rows(np.arange(70) % 7, 0, 8)
        figure = row_figures.precision_recall([rows], names)
        *classes, macro = legend_texts(figure)
        self.assertLen(classes, 5)
        values = [float(text.split()[0]) for text in classes]
        self.assertEqual(values, sorted(values))
        self.assertRegex(classes[0], r"^0\.\d{3}  _\$class \d\$ \(rows: 10\)$")
        self.assertRegex(macro, r"^0\.\d{3}  mean of all 7 classes$")
        caption = row_captions.precision_recall([rows], names)
        self.assertIn("the 5 of 7 classes where it is lowest", caption)
        self.assertEndsWith(caption, "no row here: 1 of the 8 classes.")
        self.written(figure)

    def test_each_of_three_classes_is_drawn(self):
        trials = [make_rows(np.arange(30) % 3, seed, 3) for seed in range(2)]
        figure = row_figures.precision_recall(trials, "abc")
        self.assertLen(figure.axes[0].lines, 4)
        caption = row_captions.precision_recall(trials, "abc")
        self.assertIn("every class, the hardest first", caption)
        self.assertEndsWith(caption, "Each line is the mean over 2 trials.")

    def test_without_two_classes_there_is_a_reason(self):
        rows = make_rows([1, 1], 0, 2)
        reason = "all rows of this split are of one class"
        self.assertEqual(row_figures.precision_recall([rows], "ab"), reason)
        self.assertEqual(row_captions.precision_recall([rows], "ab"), reason)


class PredictedAgainstTrueTest(RowFiguresTest):
    def make_trials(self, num_trials):
        generator = np.random.default_rng(0)
        labels = np.linspace(0, 5, 60)
        return [
            ScoredRows(labels, labels + generator.normal(size=60))
            for _ in range(num_trials)
        ]

    def test_rows_are_counted(self):
        trials = self.make_trials(30)
        figure = row_figures.predicted_against_true(trials)
        (hexagons,) = figure.axes[0].collections
        self.assertEqual(hexagons.get_array().sum(), 30 * 60)
        self.assertEqual(figure.axes[0].get_aspect(), 1)
        self.assertNotIn("<image", self.written(figure))

    def test_constant_predictions_are_drawn(self):
        labels = np.linspace(0, 5, 60)
        trials = [ScoredRows(labels, np.full(60, 2.5))] * 30
        self.written(row_figures.predicted_against_true(trials))

    def test_the_caption_counts_the_trials(self):
        caption = row_captions.predicted_against_true(self.make_trials(2))
        self.assertStartsWith(caption, "Every row in each of 2 trials: ")
        self.assertRegex(caption, r"error is 0\.\d{3} over all trials\.$")


class ConfusionCaptionTest(parameterized.TestCase):
    def test_names_what_is_confused_most(self):
        rows = ScoredRows(np.array([0, 1, 1, 1, 2]), np.array([1, 2, 2, 1, 2]))
        caption = row_captions.confusion_matrix([rows, rows], "abc")
        self.assertIn("The counts are the sum over 2 trials.", caption)
        self.assertEndsWith(
            caption, "Most often b is taken for c: 4 of 6 times (67 %)."
        )
        self.assertNotIn("grey", caption)

    def test_says_when_nothing_is(self):
        rows = ScoredRows(np.array([0, 1]), np.array([0, 1]))
        caption = row_captions.confusion_matrix([rows], "ab")
        self.assertEndsWith(caption, "No row is wrong.")
