"""Tests of tf_bert/training/inference.py."""

import functools
import gc

import numpy as np
import small_training
import tensorflow as tf
from absl.testing import parameterized

from tf_bert.data.tokens.tokenization import EncodedTexts
from tf_bert.data.tokens.tokenized_examples import TokenizedExamples
from tf_bert.training.inference import Inference, probabilities

make_examples = functools.partial(small_training.make_examples, 13, longest=39)


def part_of(examples, first, last):
    splits = examples.row_splits[first : last + 1]
    return TokenizedExamples(
        ids=examples.ids[splits[0] : splits[-1]],
        row_splits=splits - splits[0],
        first_lengths=examples.first_lengths[first:last],
        labels=examples.labels[first:last],
    )


@functools.cache
def make_model():
    return small_training.make_model(
        dropout=0.5, num_hidden_layers=2, num_labels=3
    )


# One for each batch size, whose traces all tests share.
@functools.cache
def make_inference(batch_size=4, **options):
    strategy = tf.distribute.OneDeviceStrategy("/cpu:0")
    return Inference(make_model(), strategy, batch_size=batch_size, **options)


def make_texts(size=13):
    examples = small_training.make_examples(size, longest=39)
    return EncodedTexts(
        examples.ids, examples.row_splits, examples.first_lengths
    )


@functools.cache
def expected_logits():
    """Each example by itself, unpacked."""
    examples = make_examples()
    rows = []
    for i in range(len(examples)):
        ids = examples.ids[examples.row_splits[i] : examples.row_splits[i + 1]]
        is_second = np.arange(len(ids)) >= examples.first_lengths[i]
        output = make_model()(
            ids[None], token_type_ids=is_second[None].astype(np.int32)
        )
        rows.append(output.logits[0])
    return np.stack(rows)


class InferenceTest(parameterized.TestCase):
    @parameterized.parameters(4, 20)
    def test_logits_are_in_order_whatever_the_batch_size(self, batch_size):
        logits = make_inference(batch_size).logits(make_examples())
        self.assertEqual(logits.shape, (13, 3))
        self.assertEqual(logits.dtype, np.float32)
        np.testing.assert_allclose(logits, expected_logits(), atol=1e-5)

    def test_expected_logits_differ_from_example_to_example(self):
        # Else the test above could not tell one example from another.
        gaps = expected_logits()[:, None] - expected_logits()[None]
        gaps = np.abs(gaps).max(axis=-1) + np.eye(13)
        self.assertGreater(gaps.min(), 1e-3)

    def test_parts_one_after_another_equal_the_whole(self):
        # So a long file is read, and predicted, piece by piece.
        examples = make_examples()
        inference = make_inference()
        parts = [
            inference.logits(part_of(examples, first, last))
            for first, last in ((0, 6), (6, 7), (7, 13))
        ]
        np.testing.assert_allclose(
            np.concatenate(parts), expected_logits(), atol=1e-5
        )

    def test_parts_share_one_trace(self):
        inference = make_inference()
        inference.logits(part_of(make_examples(), 0, 5))
        inference.logits(make_examples(shortest=20))
        self.assertEqual(
            inference._logits_step.experimental_get_tracing_count(), 1
        )

    def test_examples_keep_their_stream_as_long_as_they_live(self):
        inference = make_inference()

        def run_twice():
            examples = make_examples()
            first = inference.logits(examples)
            np.testing.assert_array_equal(inference.logits(examples), first)
            self.assertLen(inference._streams, 1)

        run_twice()
        gc.collect()
        self.assertEmpty(inference._streams)

    def test_a_stream_that_was_left_halfway_is_not_used_again(self):
        inference = make_inference()
        examples = make_examples()
        next(inference._run(examples, inference._logits_step))
        np.testing.assert_allclose(
            inference.logits(examples), expected_logits(), atol=1e-5
        )


class LogitsOfTextsTest(parameterized.TestCase):
    @parameterized.parameters(4, 64)
    def test_are_in_order_whatever_the_batch_size(self, batch_size):
        logits = make_inference(batch_size).logits_of_texts(make_texts())
        self.assertEqual(logits.dtype, np.float32)
        np.testing.assert_allclose(logits, expected_logits(), atol=1e-5)

    def test_all_texts_share_one_trace_and_leave_nothing(self):
        inference = make_inference()
        gc.collect()
        gc.disable()  # What is left would hang in circles.
        self.addCleanup(gc.enable)
        before = {id(x) for x in gc.get_objects()}  # Of other tests.
        for size in (5, 1, 300, 13, 40):
            inference.logits_of_texts(make_texts(size))
        count = inference._texts_step.experimental_get_tracing_count()
        self.assertEqual(count, 1)
        left = gc.get_objects()
        self.assertFalse(
            [
                x
                for x in left
                if isinstance(x, tf.data.Dataset) and id(x) not in before
            ],
        )
        held = sum(isinstance(x, tf.Tensor) for x in left)
        inference.logits_of_texts(make_texts(300))
        found = sum(isinstance(x, tf.Tensor) for x in gc.get_objects())
        self.assertEqual(found, held)

    def test_compiled_shapes_are_one_for_each_width(self):
        inference = make_inference(static_shapes=True, jit_compile=True)
        for size in (13, 1, 5):
            logits = inference.logits_of_texts(make_texts(size))
        self.assertEqual(logits.shape, (5, 3))
        logits = inference.logits_of_texts(make_texts())
        np.testing.assert_allclose(logits, expected_logits(), atol=1e-5)
        # Texts of 39 tokens at most: rows of 64, 96 or 128.
        count = inference._texts_step.experimental_get_tracing_count()
        self.assertLessEqual(count, 3)


class ProbabilitiesTest(parameterized.TestCase):
    def test_softmax_by_hand(self):
        result = probabilities(np.log([[1.0, 3.0], [6.0, 2.0]]))
        np.testing.assert_allclose(
            result, [[0.25, 0.75], [0.75, 0.25]], rtol=1e-12
        )

    def test_large_logits_do_not_overflow(self):
        result = probabilities(np.array([[1000.0, 0.0]], np.float32))
        self.assertEqual(result.dtype, np.float64)
        self.assertEqual(result.tolist(), [[1.0, 0.0]])

    def test_logits_are_left_as_they_are(self):
        logits = np.array([[2.0, 1.0]])
        probabilities(logits)
        self.assertEqual(logits.tolist(), [[2.0, 1.0]])
