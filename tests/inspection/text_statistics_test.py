"""Tests of tf_bert/inspection/text_statistics.py."""

import numpy as np
from absl.testing import parameterized

from tf_bert.data.tasks.examples import Examples
from tf_bert.data.tokens.tokenization import BertTokenizer
from tf_bert.inspection import text_statistics

_VOCABULARY = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "b", "##b", "!")


class MeasureTextsTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.tokenizer = BertTokenizer(_VOCABULARY)

    def rows(self, *texts, pairs=None, first=1):
        numbers = np.arange(first, first + len(texts))
        return text_statistics.encode_whole(
            self.tokenizer, Examples(texts, pairs, None, numbers, "x.csv")
        )

    def measure(self, *chunks, max_seq_length=5):
        return text_statistics.measure_texts(
            self.tokenizer, chunks, max_seq_length=max_seq_length
        )

    def test_lengths_are_those_before_truncation(self):
        found = self.measure(self.rows("a", "a a a", "a a a a a a"))
        quantiles = found.length_quantiles
        self.assertEqual(
            (quantiles["min"], quantiles["p50"], quantiles["max"]), (3, 5, 8)
        )
        self.assertEqual(found.num_truncated, 1)
        self.assertAlmostEqual(found.truncated_share, 1 / 3)

    def test_rows_without_a_text_are_named(self):
        found = self.measure(
            self.rows("a", " ", "\t"), self.rows("", "b", first=4)
        )
        self.assertEqual(found.empty_rows, [2, 3, 4])
        self.assertEqual(found.num_rows, 5)

    def test_one_empty_text_of_a_pair_is_enough(self):
        found = self.measure(self.rows("a", "a", pairs=("", "b")))
        self.assertEqual(found.empty_rows, [1])

    def test_special_tokens_are_no_tokens_of_a_text(self):
        found = self.measure(self.rows("ab !", pairs=("b",)))
        self.assertEqual(found.num_tokens, 4)  # a, ##b, !, b

    def test_unknown_words_are_counted_and_named(self):
        found = self.measure(
            self.rows("a Zoo!", "b zoo YAK", "a"), self.rows("yes zoo")
        )
        self.assertEqual(
            found.unknown_words, [("zoo", 3), ("yak", 1), ("yes", 1)]
        )
        self.assertEqual(found.num_rows_with_unknown, 3)
        self.assertAlmostEqual(found.unknown_share, 5 / 9)

    def test_unknown_words_of_second_texts_count_too(self):
        found = self.measure(self.rows("a", "a", pairs=("b", "yak")))
        self.assertEqual(found.unknown_words, [("yak", 1)])

    def test_a_word_that_is_too_long_is_unknown(self):
        found = self.measure(self.rows("b" * 101))
        self.assertEqual(found.unknown_words, [("b" * 101, 1)])

    def test_chunks_do_not_matter(self):
        texts = ("a b", "yak", "", "a a a a a a")
        parts = [self.rows(t, first=i) for i, t in enumerate(texts, start=1)]
        self.assertEqual(self.measure(*parts), self.measure(self.rows(*texts)))
