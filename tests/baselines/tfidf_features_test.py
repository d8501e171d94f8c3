import numpy as np
from absl.testing import absltest

from tf_bert.baselines.tfidf_features import TfidfFeatures


class TfidfFeaturesTest(absltest.TestCase):
    def test_weights_by_hand(self):
        # "a" is in both documents, "b" three times in one, "a b" and "b b"
        # in one.
        features = TfidfFeatures(["a b b b", "a"])
        vector = features.transform(["a b b b"]).toarray()[0]
        rare = 1 + np.log(3 / 2)  # Inverse document frequency, smoothed.
        weights = np.array(
            [1, rare, (1 + np.log(3)) * rare, (1 + np.log(2)) * rare]
        )  # a, a b, b, b b
        np.testing.assert_allclose(vector, weights / np.linalg.norm(weights))

    def test_pair_has_both_texts_product_difference_and_cosine(self):
        features = TfidfFeatures(["red apple", "green"], ["apple", "red"])
        (a, b) = ["red apple"], ["apple green"]
        vector = features.transform(a, b).toarray()[0]
        first, second, product, difference, cosine = np.split(
            vector, np.arange(1, 5) * (len(vector) // 4)
        )
        self.assertEqual(len(first), 4)  # red, apple, green, red apple
        np.testing.assert_allclose(np.linalg.norm(first), 1)
        np.testing.assert_allclose(product, first * second)
        np.testing.assert_allclose(difference, np.abs(first - second))
        np.testing.assert_allclose(cosine, [first @ second])

    def test_one_letter_words_and_punctuation_count(self):
        features = TfidfFeatures(["I", "?"])
        self.assertEqual(
            features.transform(["i ?", "you"]).sum(axis=1).round(3).tolist(),
            [[1.414], [0.0]],
        )

    def test_texts_without_words_are_refused(self):
        with self.assertRaisesRegex(
            ValueError, "No training text.*2 empty texts"
        ):
            TfidfFeatures(["", "  "])
