"""Tests of tf_bert/optimization/gradient_accumulator.py.

What transformers 4 does with the same is in tests/transformers4_test.py.
"""

import subprocess
import sys
import textwrap

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from tf_bert.optimization.gradient_accumulator import GradientAccumulator

# Logical devices are chosen before TensorFlow starts.
ON_TWO_DEVICES = """
    import tensorflow as tf
    from tf_bert import GradientAccumulator

    cpu, = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    with strategy.scope():
        accumulator = GradientAccumulator()

    @tf.function
    def add():
        def replica():
            me = tf.distribute.get_replica_context().replica_id_in_sync_group
            accumulator([[1.0 + tf.cast(me, tf.float32)], None])
            return accumulator.gradients[0], accumulator.step

        return strategy.run(replica)

    def local(values):
        parts = strategy.experimental_local_results(values)
        return [float(tf.squeeze(part)) for part in parts]

    for _ in range(3):
        sums, steps = add()
    print(local(sums), local(steps))
    strategy.run(accumulator.reset)
    sums, steps = add()
    print(local(sums), local(steps))
"""


class GradientAccumulatorTest(parameterized.TestCase):
    @parameterized.parameters(False, True)
    def test_rows_that_come_twice_are_summed(self, in_a_graph):
        table = tf.Variable(np.ones((3, 2), np.float32))
        unused = tf.Variable(1.0)
        accumulator = GradientAccumulator()

        def add(ids):
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(tf.gather(table, ids))
            gradients = tape.gradient(loss, [table, unused])
            self.assertIsInstance(gradients[0], tf.IndexedSlices)
            accumulator(gradients)

        self.assertEqual(int(accumulator.step), 0)
        for _ in range(2):
            (tf.function(add) if in_a_graph else add)(tf.constant([2, 0, 2]))
        self.assertEqual(int(accumulator.step), 2)
        total, none = accumulator.gradients
        self.assertIsNone(none)
        np.testing.assert_array_equal(total, [[2, 2], [0, 0], [4, 4]])
        accumulator.reset()
        self.assertEqual(int(accumulator.step), 0)
        np.testing.assert_array_equal(accumulator.gradients[0], 0 * total)

    def test_each_replica_has_its_own(self):
        result = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(ON_TWO_DEVICES)],
            capture_output=True,
            text=True,
        )
        self.assertEqual(
            result.stdout,
            "[3.0, 6.0] [3.0, 3.0]\n[1.0, 2.0] [1.0, 1.0]\n",
            result.stderr,
        )

    def test_nothing_to_give_and_another_number_are_errors(self):
        accumulator = GradientAccumulator()
        with self.assertRaisesRegex(ValueError, "Received: no call of the"):
            _ = accumulator.gradients
        accumulator([tf.constant(1.0)])
        with self.assertRaisesRegex(ValueError, "Received: 2, after 1."):
            accumulator([tf.constant(1.0)] * 2)
