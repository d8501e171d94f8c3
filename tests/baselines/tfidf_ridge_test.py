import pathlib

import numpy as np
import pytest
from absl.testing import absltest, parameterized

from tf_bert.baselines.tfidf_ridge import fit_tfidf_ridge
from tf_bert.scoring.metrics import METRICS

_DATA_DIR = pathlib.Path(__file__).parents[2] / "../shared/data"
_TEXTS = ["good", "good film", "fair film", "fair", "bad film", "bad"] * 3
_SCORES = np.array([2.0, 2.0, 1.0, 1.0, 0.0, 0.0] * 3, np.float32)


class TfidfRidgeTest(parameterized.TestCase):
    def test_scores_follow_the_telling_words(self):
        model = fit_tfidf_ridge(_TEXTS, None, _SCORES)
        good, fair, bad = model.predict(["good day", "fair day", "bad day"])
        self.assertGreater(good, fair + 0.5)
        self.assertGreater(fair, bad + 0.5)

    def test_clean_data_asks_for_little_regularisation(self):
        self.assertEqual(
            fit_tfidf_ridge(_TEXTS, None, _SCORES).regularisation, 0.1
        )

    def test_unrelated_scores_ask_for_much(self):
        scores = np.random.default_rng(3).normal(size=60)
        texts = [f"{a} {b}" for a in "abcdef" for b in "ghijklmnop"]
        self.assertEqual(
            fit_tfidf_ridge(texts, None, scores).regularisation, 10.0
        )

    def test_one_row_gives_its_score(self):
        model = fit_tfidf_ridge(["good"], None, np.array([3.0]))
        np.testing.assert_allclose(model.predict(["good", "bad"]), [3.0, 3.0])

    def test_second_fit_equals_the_first(self):
        first, second = (
            fit_tfidf_ridge(_TEXTS, _TEXTS[::-1], _SCORES).predict(
                _TEXTS, _TEXTS
            )
            for _ in range(2)
        )
        np.testing.assert_array_equal(first, second)

    def test_missing_score_is_refused(self):
        with self.assertRaisesRegex(ValueError, r"labels\[1\].*--label_column"):
            fit_tfidf_ridge(["a", "b"], None, np.array([1.0, np.nan]))


@pytest.mark.large
class TfidfRidgeRealDataTest(absltest.TestCase):
    def test_sts_b(self):
        model = fit_tfidf_ridge(*self._read("train.tsv"), metric="spearman")
        first, second, scores = self._read("dev.tsv")
        correlation = METRICS["spearman"](scores, model.predict(first, second))
        self.assertBetween(correlation, 0.70, 0.74)

    def _read(self, name):
        content = (_DATA_DIR / "STS-B" / name).read_text(encoding="utf-8")
        rows = [line.split("\t") for line in content.rstrip("\n").split("\n")]
        *_, first, second, scores = zip(*rows[1:], strict=True)
        return first, second, np.array(scores, float)


if __name__ == "__main__":
    absltest.main()
