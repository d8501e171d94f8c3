import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from tf_bert.models import outputs

LOGITS = np.array([[1.0, 2.0]], np.float32)
LOSS = np.array([0.5], np.float32)


def make_output(**fields):
    return outputs.TFSequenceClassifierOutput(**({"logits": LOGITS} | fields))


class OutputsTest(parameterized.TestCase):
    def test_attribute_key_and_position_give_the_same(self):
        output = make_output(loss=LOSS)
        self.assertIs(output.logits, LOGITS)
        self.assertIs(output["logits"], LOGITS)
        self.assertIs(output[0], LOSS)
        self.assertIs(output[1], LOGITS)
        self.assertEqual(output[:2], (LOSS, LOGITS))

    def test_fields_that_are_none_do_not_count(self):
        output = make_output(attentions=(LOSS,))
        self.assertEqual(output.keys(), ("logits", "attentions"))
        self.assertEqual(list(output), ["logits", "attentions"])
        self.assertLen(output, 2)
        self.assertIn("logits", output)
        self.assertNotIn("loss", output)
        self.assertIsNone(output.loss)
        self.assertEqual(output.to_tuple(), (LOGITS, (LOSS,)))

    @parameterized.parameters("loss", "logit")
    def test_a_key_that_was_not_computed_is_a_key_error(self, key):
        with self.assertRaisesRegex(KeyError, key):
            make_output()[key]
        with self.assertRaisesRegex(IndexError, "out of range"):
            make_output()[1]

    @parameterized.parameters({}, {"loss": LOSS}, {"hidden_states": (LOSS,)})
    def test_passes_through_tf_function(self, **fields):
        @tf.function
        def give():
            return make_output(
                **tf.nest.map_structure(tf.constant, fields),
                logits=tf.constant(LOGITS),
            )

        output = give()
        self.assertIsInstance(output, outputs.TFSequenceClassifierOutput)
        self.assertEqual(output.keys(), make_output(**fields).keys())
        np.testing.assert_array_equal(output.logits, LOGITS)

    @parameterized.parameters(
        outputs.TFBaseModelOutputWithPooling, outputs.TFSequenceClassifierOutput
    )
    def test_keras_maps_over_the_computed_fields(self, cls):
        output = cls(hidden_states=(LOSS, LOGITS))
        doubled = keras.tree.map_structure(lambda x: 2 * x, output)
        self.assertIsInstance(doubled, cls)
        self.assertEqual(doubled.keys(), ("hidden_states",))
        np.testing.assert_array_equal(doubled.hidden_states[1], 2 * LOGITS)
