import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from tf_bert.models.dropout import dropout

SEED = np.array([3, 5], np.int32)


def drop(inputs, rate=0.1, seed=SEED, site=0):
    return keras.ops.convert_to_numpy(dropout(inputs, rate, seed, site))


class DropoutTest(parameterized.TestCase):
    def test_same_seed_and_site_give_the_same_mask(self):
        ones = np.ones((50, 40), np.float32)
        np.testing.assert_array_equal(drop(ones), drop(ones))

    @parameterized.parameters(
        dict(site=1),
        dict(seed=np.array([3, 6], np.int32)),
        dict(seed=np.array([4, 5], np.int32)),
    )
    def test_another_site_or_seed_gives_an_independent_mask(self, **changes):
        ones = np.ones((200, 200), np.float32)
        first = drop(ones, rate=0.5) > 0
        second = drop(ones, rate=0.5, **changes) > 0
        # 40000 fair coins agree within 5 standard deviations of one half.
        self.assertAlmostEqual((first == second).mean(), 0.5, delta=0.0125)

    @parameterized.parameters(0.001, 0.1, 0.9)
    def test_share_of_zeros_is_the_rate(self, rate):
        share = (drop(np.ones((400, 500), np.float32), rate) == 0).mean()
        deviation = (rate * (1 - rate) / 200_000) ** 0.5
        self.assertAlmostEqual(share, rate, delta=5 * deviation + 2**-17)

    @parameterized.parameters(0.1, 0.3)
    def test_kept_elements_are_scaled_so_that_the_mean_is_exact(self, rate):
        inputs = np.full((64, 64), 3.0, np.float32)
        outputs = drop(inputs, rate)
        # The probability is a multiple of 1/65536, and the scale follows it.
        keep = 1 - round(rate * 65536) / 65536
        np.testing.assert_allclose(outputs[outputs != 0] * keep, 3.0, rtol=3e-7)

    @parameterized.product(
        dtype=["bfloat16", "float16"], rate=[0.001, 0.01, 0.1, 0.5, 0.9]
    )
    def test_the_mean_is_exact_where_no_number_is_the_scale(self, dtype, rate):
        inputs = tf.fill([500, 2000], tf.constant(-2, dtype))
        outputs = tf.cast(dropout(inputs, rate, SEED, 0), "float64").numpy()
        is_kept = outputs != 0
        deviation = (rate * (1 - rate) / outputs.size) ** 0.5
        self.assertAlmostEqual(
            is_kept.mean(), 1 - rate, delta=5 * deviation + 2**-17
        )
        keep = 1 - round(rate * 65536) / 65536
        self.assertAlmostEqual(outputs[is_kept].mean() * keep, -2, delta=2e-4)

    @parameterized.parameters("float32", "bfloat16")
    def test_the_highest_rate_keeps_one_of_65536(self, dtype):
        outputs = dropout(tf.ones((2048, 512), dtype), 0.999995, SEED, 0)
        values, counts = np.unique(
            tf.cast(outputs, "float32"), return_counts=True
        )
        np.testing.assert_array_equal(values, [0, 65536])
        self.assertBetween(counts[1], 1, 40)  # 16 are expected.

    def test_neighbours_are_independent(self):
        # Two neighbours share one 32-bit random number.
        dropped = drop(np.ones((400, 500), np.float32), 0.5) == 0
        both = (dropped[:, 0::2] & dropped[:, 1::2]).mean()
        self.assertAlmostEqual(both, 0.25, delta=0.007)

    @parameterized.parameters(((3, 7),), ((2, 3, 1),), ((9,),))
    def test_any_shape_and_an_odd_last_axis(self, shape):
        outputs = drop(np.ones(shape, np.float32), 0.5)
        self.assertEqual(outputs.shape, shape)
        self.assertContainsSubset(np.unique(outputs), [0.0, 2.0])

    def test_rate_zero_is_the_identity(self):
        inputs = np.random.default_rng(0).normal(size=(4, 6))
        self.assertIs(dropout(inputs, 0.0, SEED, 0), inputs)

    @parameterized.parameters("float32", "bfloat16")
    def test_keeps_the_dtype(self, dtype):
        inputs = tf.ones((4, 6), dtype)
        self.assertEqual(dropout(inputs, 0.1, SEED, 0).dtype, inputs.dtype)

    def test_a_graph_of_open_shapes_gives_the_eager_mask(self):
        signature = [
            tf.TensorSpec([None, None, 5]),
            tf.TensorSpec([2], tf.int32),
        ]
        graph = tf.function(
            lambda x, seed: dropout(x, 0.5, seed, 1), input_signature=signature
        )
        ones = np.ones((3, 4, 5), np.float32)
        np.testing.assert_array_equal(
            graph(ones, SEED), drop(ones, 0.5, site=1)
        )

    def test_gradient_passes_the_kept_elements_alone(self):
        inputs = tf.ones((20, 20))
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = dropout(inputs, 0.25, SEED, 0)
        np.testing.assert_array_equal(tape.gradient(outputs, inputs), outputs)
