import numpy as np
import transformers
from absl.testing import parameterized

from tf_bert.models import initialization
from tf_bert.models.bert_model import TFBertModel
from tf_bert.models.sequence_classification import (
    TFBertForSequenceClassification,
)


def tiny_config(**changes):
    fields = dict(
        vocab_size=20,
        hidden_size=8,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=12,
        num_labels=3,
    )
    return transformers.BertConfig(**(fields | changes))


def values(model):
    return {
        path: variable.numpy()
        for path, variable in model.weights_by_path().items()
    }


class InitializationTest(parameterized.TestCase):
    @parameterized.parameters(0.02, 0.5)
    def test_kernels_are_plain_normal(self, initializer_range):
        draws = initialization.fresh_value(
            "a/kernel", (400, 500), initializer_range=initializer_range, seed=0
        )
        self.assertEqual(draws.dtype, np.float32)
        self.assertAlmostEqual(draws.std() / initializer_range, 1, delta=0.008)
        self.assertAlmostEqual(draws.mean() / initializer_range, 0, delta=0.012)
        # Truncated normals, as TensorFlow's BERT drew, have none of these.
        beyond = (abs(draws) > 2 * initializer_range).mean()
        self.assertAlmostEqual(beyond, 0.0455, delta=0.0025)

    @parameterized.parameters(("gamma", 1), ("beta", 0), ("bias", 0))
    def test_gains_are_one_and_shifts_zero(self, leaf, expected):
        drawn = initialization.fresh_value(
            f"a/{leaf}", (5,), initializer_range=0.02, seed=0
        )
        np.testing.assert_array_equal(drawn, np.full(5, expected))

    def test_a_value_depends_on_the_seed_and_the_path(self):
        def draw(path, seed):
            return initialization.fresh_value(
                path, (4, 4), initializer_range=0.02, seed=seed
            ).tolist()

        self.assertEqual(draw("a/kernel", 0), draw("a/kernel", 0))
        self.assertNotEqual(draw("a/kernel", 0), draw("a/kernel", 1))
        self.assertNotEqual(draw("a/kernel", 0), draw("b/kernel", 0))

    def test_initialize_changes_only_what_it_is_given(self):
        model = TFBertModel(tiny_config(), seed=0)
        before = values(model)
        pooler = "bert/pooler/dense/kernel"
        initialization.initialize(
            [model.weights_by_path()[pooler]], initializer_range=0.02, seed=1
        )
        changed = {
            path
            for path, array in values(model).items()
            if not np.array_equal(array, before[path])
        }
        self.assertEqual(changed, {pooler})

    def test_the_head_is_the_same_whatever_lies_below(self):
        shallow = TFBertForSequenceClassification(
            tiny_config(num_hidden_layers=1), seed=7
        )
        deep = TFBertForSequenceClassification(tiny_config(), seed=7)
        for path in ("classifier/kernel", "bert/pooler/dense/kernel"):
            np.testing.assert_array_equal(
                values(shallow)[path], values(deep)[path]
            )

    def test_another_seed_gives_another_model(self):
        first = values(TFBertModel(tiny_config(), seed=0))
        second = values(TFBertModel(tiny_config(), seed=1))
        for path, array in first.items():
            is_drawn = path.endswith(("kernel", "embeddings"))
            self.assertNotEqual(
                is_drawn, np.array_equal(array, second[path]), path
            )
