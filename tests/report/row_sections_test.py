"""Tests of tf_bert/report/row_sections.py and of what it draws and counts."""

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from tf_bert.report import row_numbers
from tf_bert.report.figures import style
from tf_bert.report.row_numbers import RECALLS
from tf_bert.report.row_sections import predictions_section
from tf_bert.scoring.metrics import classification_metrics
from tf_bert.scoring.scored_rows import ScoredRows

# What Matplotlib would take for a formula, leave out of a legend, or break.
NAMES = ("_no $x$", "a\nlong name that nobody reads to its end")


def make_rows(labels, seed, num_classes):
    """Rows whose probabilities know a little of the label."""
    labels = np.asarray(labels)
    logits = np.random.default_rng(seed).normal(size=(len(labels), num_classes))
    logits[np.arange(len(labels)), labels] += 1.5
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return ScoredRows(labels, shares.argmax(axis=1), shares)


def without_shares(labels, predictions):
    """Rows of which the confusion alone is looked at."""
    rows = ScoredRows(np.array(labels), np.array(predictions))
    shares = np.full((len(labels), 3), 1 / 3)
    return rows._replace(probabilities=shares)


@pytest.fixture
def pictures_of():
    """Returns a function from rows of trials to the pictures of a section."""
    with style.settings():
        yield lambda *arguments: {
            picture.name: picture
            for picture in predictions_section("", *arguments).pictures
        }


def written(picture):
    """Draws a picture, which shows whether it can be, and returns its SVG."""
    return style.to_svg(picture.figure).decode("utf-8")


def legend_texts(picture):
    return [x.get_text() for x in picture.figure.legends[0].get_texts()]


class TestConfusion:
    def test_cells_hold_counts_and_shares(self, pictures_of):
        rows = make_rows([0, 0, 0, 1], 0, 2)
        rows.predictions[:] = 0, 0, 1, 1
        picture = pictures_of([rows, rows], NAMES)["confusion"]
        (axes,) = picture.figure.axes
        assert [text.get_text() for text in axes.texts] == [
            "4\n67 %",
            "2\n33 %",
            "0",
            "2\n100 %",
        ]
        # The first class stands on top, as in a table.
        bottom, top = axes.get_ylim()
        assert bottom > top
        (cells,) = axes.collections
        np.testing.assert_allclose(cells.get_array(), [[2 / 3, 1 / 3], [0, 1]])
        for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
            assert [label.get_text() for label in labels] == [
                "_no $x$",
                "a long name that nobody…",
            ]
            assert not any(label.get_parse_math() for label in labels)
        assert "<image" not in written(picture)

    def test_a_class_without_rows_is_told_from_one_that_is_never_right(
        self, pictures_of
    ):
        rows = without_shares([0, 1], [1, 0])
        picture = pictures_of([rows], "abc")["confusion"]
        (cells,) = picture.figure.axes[0].collections
        values = np.ma.filled(cells.get_array(), np.nan)
        assert np.isnan(values).sum(axis=1).tolist() == [0, 0, 3]
        assert "grey: " in picture.caption

    def test_77_classes_are_a_picture_with_a_scale(self, pictures_of):
        names = [f"a class with a long name, {i}" for i in range(77)]
        rows = make_rows(np.arange(400) % 77, 0, 77)
        picture = pictures_of([rows], names)["confusion"]
        matrix, scale = picture.figure.axes
        assert len(matrix.texts) == 0
        assert len(matrix.get_yticklabels()) == 77
        assert scale.get_xlabel() == "share of the true class"
        assert len(written(picture)) < 500_000
        # Names do not run into each other.
        height = matrix.get_window_extent().height / 77
        size = matrix.get_yticklabels()[0].get_fontsize()
        assert size < height / picture.figure.dpi * 72

    def test_the_caption_names_what_is_confused_most(self, pictures_of):
        rows = without_shares([0, 1, 1, 1, 2], [1, 2, 2, 1, 2])
        caption = pictures_of([rows, rows], "abc")["confusion"].caption
        assert "The counts are the sum over 2 trials." in caption
        assert caption.endswith(
            "Most often b is taken for c: 4 of 6 times (67 %)."
        )
        assert "grey" not in caption
        rows = without_shares([0, 1, 2], [0, 1, 2])
        caption = pictures_of([rows], "abc")["confusion"].caption
        assert caption.endswith("No example is wrong.")

    def test_counts_are_the_sum_over_the_trials(self):
        labels = np.arange(40) % 4
        trials = [make_rows(labels, seed, 4) for seed in range(3)]
        expected = sum(
            sklearn_metrics.confusion_matrix(rows.labels, rows.predictions)
            for rows in trials
        )
        counts = row_numbers.confusion_counts(trials, 5)
        np.testing.assert_array_equal(counts[:4, :4], expected)
        # A class that is nowhere has a line.
        assert counts[4].tolist() == counts[:, 4].tolist() == [0] * 5


class TestPrecisionRecall:
    def test_the_rarer_of_two_classes_is_drawn(self, pictures_of):
        trials = [make_rows([1] * 15 + [0] * 5, seed, 2) for seed in range(3)]
        picture = pictures_of(trials, NAMES)["precision-recall"]
        lines = picture.figure.axes[0].lines
        assert len(lines) == 5  # Trials, their mean, guessing.
        each, mean, guessing = legend_texts(picture)
        assert each == "each trial"
        assert mean.startswith("mean of 3 trials: average precision 0.")
        assert guessing == "guessing: 25.0 % of examples have it"
        assert set(lines[-1].get_ydata()) == {0.25}
        np.testing.assert_allclose(
            lines[3].get_ydata(),
            np.mean([line.get_ydata() for line in lines[:3]], axis=0),
        )
        assert picture.caption.startswith(
            "The class _no $x$, which 5 of 20 examples"
        )
        assert " over 3 trials). Guessing has 0.250" in picture.caption
        written(picture)

    def test_the_five_hardest_classes_are_drawn(self, pictures_of):
        names = [f"_$class {i}$" for i in range(8)]
        rows = make_rows(np.arange(70) % 7, 0, 8)
        picture = pictures_of([rows], names)["precision-recall"]
        *classes, macro = legend_texts(picture)
        assert len(classes) == 5
        values = [float(text.split()[0]) for text in classes]
        assert values == sorted(values)
        assert all(text.endswith("$ (examples: 10)") for text in classes)
        assert macro.endswith("  mean of all 7 classes")
        assert "the 5 of 7 classes where it is lowest" in picture.caption
        assert picture.caption.endswith("no example here: 1 of the 8 classes.")
        written(picture)

    def test_each_of_three_classes_is_drawn(self, pictures_of):
        trials = [make_rows(np.arange(30) % 3, seed, 3) for seed in range(2)]
        picture = pictures_of(trials, "abc")["precision-recall"]
        assert len(picture.figure.axes[0].lines) == 4
        assert "every class, the hardest first" in picture.caption
        assert picture.caption.endswith("Each line is the mean over 2 trials.")

    def test_without_two_classes_there_is_a_reason(self):
        section = predictions_section("", [make_rows([1, 1], 0, 2)], "ab")
        assert [picture.name for picture in section.pictures] == ["confusion"]
        assert "all examples of this split are of one class" in section.notes[0]


class TestScatter:
    def test_rows_of_all_trials_are_counted(self, pictures_of):
        generator = np.random.default_rng(0)
        labels = np.linspace(0, 5, 60)
        trials = [
            ScoredRows(labels, labels + generator.normal(size=60))
            for _ in range(30)
        ]
        picture = pictures_of(trials, ())["predictions"]
        (hexagons,) = picture.figure.axes[0].collections
        assert hexagons.get_array().sum() == 30 * 60
        assert picture.figure.axes[0].get_aspect() == 1
        assert "<image" not in written(picture)
        assert picture.caption.startswith(
            "Every example in each of 30 trials: "
        )
        assert picture.caption.endswith(" over all trials.")

    def test_constant_predictions_are_drawn(self, pictures_of):
        labels = np.linspace(0, 5, 60)
        rows = ScoredRows(labels, np.full(60, 2.5))
        written(pictures_of([rows], ())["predictions"])


class TestClassCurves:
    def test_precision_by_hand(self):
        # From the surest row down: right, wrong, right, wrong.
        shares = np.array([0.9, 0.8, 0.4, 0.1])
        rows = ScoredRows(
            np.array([1, 0, 1, 0]),
            np.array([1, 1, 0, 0]),
            np.stack([1 - shares, shares], axis=1),
        )
        curve = row_numbers.rarer_class(row_numbers.class_curves([rows]))
        assert curve.class_id == 1
        assert (curve.num_rows, curve.base_rate) == (2, 0.5)
        np.testing.assert_allclose(curve.precision[0, RECALLS <= 0.5], 1)
        np.testing.assert_allclose(curve.precision[0, RECALLS > 0.5], 2 / 3)
        assert curve.mean == pytest.approx((1 + 2 / 3) / 2)

    def test_the_mean_of_a_curve_is_its_average_precision(self):
        labels = (np.arange(60) % 6 == 0).astype(int)  # 10 rows divide 200.
        trials = [make_rows(labels, seed, 2) for seed in range(4)]
        curve = row_numbers.rarer_class(row_numbers.class_curves(trials))
        assert curve.precision.shape == (4, 200)
        np.testing.assert_allclose(
            curve.precision.mean(axis=1), curve.average_precision
        )
        for rows, value in zip(trials, curve.average_precision, strict=True):
            metrics = classification_metrics(rows.labels, rows.probabilities)
            assert value == pytest.approx(metrics["average_precision"])

    def test_the_macro_average_is_that_of_the_metrics(self):
        rows = make_rows(np.arange(50) % 5, 0, 5)
        curves = row_numbers.class_curves([rows])
        metrics = classification_metrics(rows.labels, rows.probabilities)
        assert row_numbers.macro_average(curves) == pytest.approx(
            metrics["average_precision"]
        )

    def test_equal_probabilities_are_guessing(self):
        labels = np.array([0, 1, 1, 1])
        rows = ScoredRows(labels, labels, np.full((4, 2), 0.5))
        (first, second) = row_numbers.class_curves([rows])
        assert (first.class_id, second.class_id) == (0, 1)
        np.testing.assert_allclose(first.precision, first.base_rate)
        np.testing.assert_allclose(second.precision, 0.75)

    @pytest.mark.parametrize(
        "labels, expected", [([0, 0, 1], 1), ([1, 1, 0], 0), ([0, 1], 1)]
    )
    def test_the_rarer_class_is_chosen(self, labels, expected):
        curves = row_numbers.class_curves([make_rows(labels, 0, 2)])
        assert row_numbers.rarer_class(curves).class_id == expected
