"""Tests of tf_bert/models/rematerialization.py."""

import keras
import numpy as np
import tensorflow as tf
import tiny_bert
from absl.testing import parameterized

from tf_bert.adaptation import freezing
from tf_bert.adaptation.mixout import Mixout
from tf_bert.models.rematerialization import rematerialized

IDS = np.random.default_rng(0).integers(1, 20, [3, 7]).astype(np.int32)


def gradients(model, *, remat, mixout=None):
    """Loss and gradients of a pass in training, with dropout's seed 5, 6."""
    model.bert.encoder.remat = remat
    seed = tf.constant([5, 6])
    variables = [v.value for v in model.trainable_variables]
    with tf.GradientTape() as tape:
        scope = mixout.scope(seed) if mixout else keras.StatelessScope()
        with scope:
            inputs = {"input_ids": IDS, "dropout_seed": seed}
            logits = model(inputs, training=True).logits
        loss = tf.reduce_sum(tf.square(logits))
    return loss, tape.gradient(loss, variables)


class RematerializedTest(parameterized.TestCase):
    def test_computes_again_and_gives_the_gradient_by_hand(self):
        layer = keras.layers.Dense(1, use_bias=False)
        layer.build([None, 2])
        calls = []

        def function(inputs):
            calls.append(inputs)
            return tf.square(layer(inputs)), "not needed"

        inputs = tf.constant([[1.0, 2.0]])
        layer.kernel.assign([[3.0], [5.0]])
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            output = rematerialized(function, layer, inputs)
        self.assertLen(calls, 1)
        to_kernel, to_inputs = tape.gradient(
            output, [layer.kernel.value, inputs]
        )
        self.assertLen(calls, 2)
        self.assertEqual(output.numpy().tolist(), [[169.0]])
        self.assertEqual(to_kernel.numpy().tolist(), [[26.0], [52.0]])
        self.assertEqual(to_inputs.numpy().tolist(), [[78.0, 130.0]])

    @parameterized.parameters((0.0, None), (0.4, None), (0.0, "lower_1"))
    def test_a_model_has_the_same_gradients(self, p, freeze):
        model = tiny_bert.tiny_classifier(initializer_range=0.2)
        freezing.freeze(model, freeze, new=frozenset())
        mixout = Mixout(model, p) if p else None
        loss, expected = gradients(model, remat=False, mixout=mixout)
        again, actual = gradients(model, remat=True, mixout=mixout)
        self.assertEqual(again, loss)
        names = [variable.path for variable in model.trainable_variables]
        for name, a, b in zip(names, actual, expected, strict=True):
            np.testing.assert_allclose(
                tf.convert_to_tensor(a),
                tf.convert_to_tensor(b),
                rtol=1e-5,
                atol=1e-6,
                err_msg=name,
            )
