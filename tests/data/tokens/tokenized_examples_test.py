"""Tests of tf_bert/data/tokens/tokenized_examples.py."""

import tempfile

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from tf_bert.data.tokens.tokenized_examples import FeatureFiles, FeatureTable

# Three examples of 2, 1 and 3 tokens.
VALUES = np.arange(6 * 4, dtype=np.float32).reshape(6, 4)
ROW_SPLITS = np.array([0, 2, 3, 6])


def write_files(folder):
    files = FeatureFiles(folder, size=4)
    for number, (start, end) in enumerate(
        zip(ROW_SPLITS[:-1], ROW_SPLITS[1:], strict=True)
    ):
        files.write(number, VALUES[start:end])
    return files


class FeaturesTest(parameterized.TestCase):
    @parameterized.parameters(
        ([0, 1, 2], [0, 1, 2, 3, 4, 5]), ([2, 0], [3, 4, 5, 0, 1]), ([], [])
    )
    def test_files_and_a_table_give_the_same(self, examples, tokens):
        table = FeatureTable(tf.constant(VALUES), is_per_token=True)
        examples = tf.constant(examples, tf.int32)
        tokens = tf.constant(tokens, tf.int64)
        expected = VALUES[tokens.numpy()]
        np.testing.assert_array_equal(table.gather(examples, tokens), expected)
        with tempfile.TemporaryDirectory() as folder:
            files = write_files(folder)
            in_graph = tf.function(files.gather)
            for gather in (files.gather, in_graph):
                values = gather(examples, tokens)
                np.testing.assert_array_equal(values, expected)
                self.assertEqual(values.shape, expected.shape)

    def test_a_table_of_examples_has_one_row_of_each(self):
        table = FeatureTable(tf.constant(VALUES), is_per_token=False)
        np.testing.assert_array_equal(
            table.gather(tf.constant([4, 4, 1])), VALUES[[4, 4, 1]]
        )

    def test_a_dataset_reads_files_by_graph_operations(self):
        with tempfile.TemporaryDirectory() as folder:
            files = write_files(folder)
            dataset = tf.data.Dataset.range(3).map(
                lambda number: files.gather(number[None])
            )
            values = np.concatenate(list(dataset.as_numpy_iterator()))
        np.testing.assert_array_equal(values, VALUES)
        self.assertEqual(dataset.element_spec.shape[-1], 4)
