"""Tests of tf_bert/scoring/scored_rows.py."""

import numpy as np
from absl.testing import parameterized

from tf_bert.scoring import scored_rows
from tf_bert.scoring.scored_rows import ScoredRows

CLASSES = ScoredRows(
    np.array([0, 2, 1, 1], np.int32),
    np.array([0, 2, 2, 1]),
    np.array(
        [[0.9, 0.1, 0.0], [0.25, 0.25, 0.5], [1 / 3, 0, 2 / 3], [0, 1, 0]]
    ),
)
SCORES = ScoredRows(
    np.array([3.8, -1e-7, 5], np.float32), np.array([0.1, 1e20, 2], np.float32)
)
TEXT = scored_rows.write({"validation": CLASSES, "test": CLASSES})


class WriteTest(parameterized.TestCase):
    def test_the_format_by_eye(self):
        lines = TEXT.splitlines()
        self.assertLen(lines, 9)
        self.assertEqual(
            lines[0], "split\trow\tlabel\tprediction\tp_0\tp_1\tp_2"
        )
        self.assertEqual(lines[2], "validation\t1\t2\t2\t0.25\t0.25\t0.5")
        self.assertEqual(lines[7], "test\t2\t1\t2\t0.33333333\t0.0\t0.66666667")

    def test_a_regression_has_no_probabilities(self):
        self.assertEqual(
            scored_rows.write({"test": SCORES}),
            "split\trow\tlabel\tprediction\n"
            "test\t0\t3.8\t0.1\ntest\t1\t-1e-07\t1e+20\ntest\t2\t5.0\t2.0\n",
        )

    def test_plain_tuples_are_rows(self):
        rows = tuple(CLASSES)
        self.assertEqual(
            scored_rows.write({"validation": rows, "test": rows}), TEXT
        )


class ReadTest(parameterized.TestCase):
    def test_gives_the_classes_back(self):
        splits = scored_rows.read(TEXT, "x.tsv")
        self.assertEqual(list(splits), ["validation", "test"])
        for rows in splits.values():
            np.testing.assert_array_equal(rows.labels, CLASSES.labels)
            np.testing.assert_array_equal(rows.predictions, CLASSES.predictions)
            np.testing.assert_allclose(
                rows.probabilities, CLASSES.probabilities, rtol=0, atol=5e-9
            )
            self.assertEqual(rows.is_wrong().tolist(), [False, False, True, 0])

    def test_gives_scores_back_exactly(self):
        text = scored_rows.write({"test": SCORES})
        rows = scored_rows.read(text, "x.tsv")["test"]
        self.assertIsNone(rows.probabilities)
        for given, read in zip(SCORES[:2], rows[:2], strict=True):
            self.assertEqual(read.dtype, np.float64)
            np.testing.assert_array_equal(read.astype(np.float32), given)

    def test_probabilities_of_many_classes_are_no_damage(self):
        logits = np.random.default_rng(0).normal(size=(50, 77))
        shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        ids = np.arange(50)
        text = scored_rows.write({"test": (ids, ids, shares)})
        rows = scored_rows.read(text, "x.tsv")["test"]
        np.testing.assert_allclose(rows.probabilities, shares, atol=5e-9)

    def test_no_splits_are_a_header(self):
        text = scored_rows.write({})
        self.assertEqual(text, "split\trow\tlabel\tprediction\n")
        self.assertEqual(scored_rows.read(text, "x.tsv"), {})

    @parameterized.named_parameters(
        ("empty", "", "does not end with a line break"),
        ("cut_off", TEXT[:-3], "does not end with a line break"),
        ("no_header", TEXT.partition("\n")[2], "its header is 'validation"),
        ("one_class", "split\trow\tlabel\tprediction\tp_0\n", "its header"),
        ("row_missing", TEXT.replace("test\t1", "test\t2"), "line 7 is not"),
        ("short", TEXT.replace("\t0.5\n", "\n"), "line 3 is not the next row"),
        ("blank", TEXT + "\n", "line 10 is not the next row"),
        ("split_again", TEXT + "validation\t4\t0\t0\t1\t0\t0\n", "line 10 is"),
        ("class", TEXT.replace("\t2\t2\t", "\t3\t2\t"), r"line 3: .*in 0 .. 2"),
        ("negative", TEXT.replace("\t2\t2\t", "\t-1\t2\t"), r"line 3: a class"),
        ("word", TEXT.replace("0.9", "high"), "line 2: .*'high'"),
        ("infinite", TEXT.replace("0.9", "inf"), "line 2: .*not finite"),
        ("fraction", TEXT.replace("\t2\t2\t", "\t2.0\t2\t"), "line 3: .*'2.0'"),
        ("sum", TEXT.replace("0.9", "0.8"), "line 2: .*do not sum to 1"),
    )
    def test_damage_is_named(self, text, message):
        with self.assertRaisesRegex(
            ValueError,
            rf"is damaged: .*{message}.*: x\.tsv\. .*--overwrite_o",
        ):
            scored_rows.read(text, "x.tsv")
