import numpy as np
import tensorflow as tf
import tiny_bert
from absl.testing import parameterized

from tf_bert.models import outputs
from tf_bert.models.bert_model import TFBertModel

IDS = np.array([[2, 5, 6, 3], [2, 7, 3, 0]])
MASK = np.array([[1, 1, 1, 1], [1, 1, 1, 0]])


class BertModelTest(parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.model = TFBertModel(tiny_bert.tiny_config(), seed=0)

    def test_gives_hidden_states_and_the_pooled_first_token(self):
        output = self.model(IDS, attention_mask=MASK)
        self.assertIsInstance(output, outputs.TFBaseModelOutputWithPooling)
        self.assertEqual(output.keys(), ("last_hidden_state", "pooler_output"))
        self.assertEqual(output.last_hidden_state.shape, (2, 4, 8))
        kernel = self.model.weights_by_path()["bert/pooler/dense/kernel"]
        np.testing.assert_allclose(
            output.pooler_output,
            np.tanh(output.last_hidden_state[:, 0] @ kernel.numpy()),
            atol=1e-6,
        )

    def test_hidden_states_begin_with_the_embeddings_and_end_with_the_last(
        self,
    ):
        output = self.model(
            IDS, output_hidden_states=True, output_attentions=True
        )
        self.assertEqual(
            [attention.shape for attention in output.attentions],
            [(2, 2, 4, 4)] * 2,
        )
        self.assertLen(output.hidden_states, 3)
        np.testing.assert_array_equal(
            output.hidden_states[-1], output.last_hidden_state
        )
        # LayerNorm with new gains: mean 0 and variance 1.
        first = output.hidden_states[0].numpy()
        np.testing.assert_allclose(first.mean(-1), 0, atol=1e-5)
        np.testing.assert_allclose(first.var(-1), 1, atol=1e-3)

    def test_embedded_words_give_what_their_ids_give(self):
        path = "bert/embeddings/word_embeddings/embeddings"
        embedded = self.model.weights_by_path()[path].numpy()[IDS]
        np.testing.assert_allclose(
            self.model(
                inputs_embeds=embedded, attention_mask=MASK
            ).pooler_output,
            self.model(IDS, attention_mask=MASK).pooler_output,
            atol=1e-6,
        )

    def test_position_ids_default_to_0_1_2(self):
        # One row of them serves the whole batch.
        default = self.model(IDS).pooler_output
        counted = self.model(IDS, position_ids=np.arange(4)[None])
        np.testing.assert_array_equal(counted.pooler_output, default)
        others = self.model(
            IDS, position_ids=4 + np.arange(4)[None].repeat(2, 0)
        )
        self.assertGreater(abs(others.pooler_output - default).numpy().max(), 0)

    def test_a_graph_of_open_shapes_gives_the_eager_result(self):
        graph = tf.function(
            lambda ids: self.model(ids),
            input_signature=[tf.TensorSpec([None, None], tf.int64)],
        )
        for ids in (IDS, IDS[:1, :2]):
            np.testing.assert_allclose(
                graph(ids).pooler_output,
                self.model(ids).pooler_output,
                atol=1e-6,
            )

    def test_has_no_classifier(self):
        for path in self.model.weights_by_path():
            self.assertStartsWith(path, "bert/")
