"""Tests of tf_bert/data/tokens/tokenized_examples.py."""

import dataclasses

import numpy as np
from absl.testing import parameterized

from tf_bert.data.tokens.tokenized_examples import TokenizedExamples

EXAMPLES = TokenizedExamples(
    ids=np.array([2, 5, 3, 2, 6, 7, 3, 8, 3], np.int32),
    row_splits=np.array([0, 3, 9], np.int64),
    first_lengths=np.array([3, 4], np.int32),
    labels=np.array([0, 1], np.int32),
)


class TokenizedExamplesTest(parameterized.TestCase):
    def test_len_is_the_number_of_examples(self):
        self.assertLen(EXAMPLES, 2)

    def test_lengths_are_in_tokens(self):
        self.assertEqual(EXAMPLES.lengths.tolist(), [3, 6])
        self.assertEqual(EXAMPLES.lengths.dtype, np.int64)

    def test_no_examples_have_no_lengths(self):
        nothing = TokenizedExamples(
            ids=np.zeros(0, np.int32),
            row_splits=np.zeros(1, np.int64),
            first_lengths=np.zeros(0, np.int32),
            labels=np.zeros(0, np.int32),
        )
        self.assertEmpty(nothing)
        self.assertEqual(nothing.lengths.tolist(), [])

    def test_fields_cannot_be_replaced(self):
        with self.assertRaises(dataclasses.FrozenInstanceError):
            EXAMPLES.labels = np.zeros(2)
