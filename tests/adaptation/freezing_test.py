"""Tests of tf_bert/adaptation/freezing.py."""

import numpy as np
import tensorflow as tf
import tiny_bert
from absl.testing import parameterized

from tf_bert.adaptation import freezing

EMBEDDINGS = "bert/embeddings/"
BLOCKS = ("bert/encoder/layer_0/", "bert/encoder/layer_1/")
POOLER = "bert/pooler/"
# What is frozen -> the beginnings of the paths of just that.
PARTS = {
    "embeddings": (EMBEDDINGS,),
    "lower_1": (EMBEDDINGS, BLOCKS[0]),
    "encoder": (EMBEDDINGS, *BLOCKS),
    "all_but_head": (EMBEDDINGS, *BLOCKS, POOLER),
}
IDS = np.array([[2, 5, 7, 3], [2, 9, 4, 3]])


def make_model(what=None, dropout=0.5):
    model = tiny_bert.tiny_classifier(
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
        initializer_range=0.5,
    )
    freezing.freeze(model, what)
    return model


def call(model, seed, **options):
    inputs = {"input_ids": IDS, "dropout_seed": np.array([seed, 0], np.int32)}
    return model(inputs, training=True, **options)


class FreezeTest(parameterized.TestCase):
    def test_none_touches_nothing(self):
        model = make_model()
        before = [variable.path for variable in model.trainable_variables]
        self.assertEqual(freezing.freeze(model, None), frozenset())
        self.assertEqual(
            [variable.path for variable in model.trainable_variables], before
        )
        self.assertEqual(model.bert.num_frozen_stages, 0)

    @parameterized.parameters(*PARTS)
    def test_gradients_reach_all_that_is_trained_and_nothing_else(self, what):
        model = make_model(dropout=0.0)
        variables = model.weights_by_path()
        expected = {path for path in variables if path.startswith(PARTS[what])}
        self.assertEqual(freezing.freeze(model, what), expected)
        trained = {v.path for v in model.trainable_variables}
        self.assertEqual(trained, set(variables) - expected)
        with tf.GradientTape() as tape:
            for variable in variables.values():
                tape.watch(variable.value)
            loss = tf.reduce_sum(call(model, 0).logits[:, 0])
        gradients = tape.gradient(
            loss, {path: v.value for path, v in variables.items()}
        )
        self.assertEqual(
            {path for path, gradient in gradients.items() if gradient is None},
            expected,
        )

    @parameterized.parameters(*PARTS)
    def test_only_the_frozen_part_has_no_dropout(self, what):
        model = make_model(what)
        num_frozen = model.bert.num_frozen_stages
        one, same, other = (
            call(model, seed, output_hidden_states=True).hidden_states
            for seed in (1, 1, 2)
        )
        quiet = model(IDS, output_hidden_states=True).hidden_states
        for stage in range(3):
            np.testing.assert_array_equal(one[stage], same[stage])
            if stage < num_frozen:
                np.testing.assert_array_equal(one[stage], other[stage])
                np.testing.assert_array_equal(one[stage], quiet[stage])
            else:
                self.assertGreater(np.abs(one[stage] - other[stage]).max(), 0.1)

    def test_dropout_above_has_the_masks_that_it_had(self):
        # Without dropout in the frozen part of either model, the blocks above
        # get the same input, frozen or not.
        outputs = []
        for what in (None, "lower_1"):
            model = make_model(what)
            block = model.bert.encoder.blocks[0]
            for layer in (
                model.bert.embeddings,
                block.attention.self_attention,
                block.attention.output_layer,
                block.output_layer,
            ):
                layer.rate = 0.0
            outputs.append(call(model, 1).logits)
        np.testing.assert_array_equal(*outputs)

    def test_there_must_be_such_a_part(self):
        with self.assertRaisesRegex(
            ValueError,
            "lower_1 to lower_2.*2 blocks.*freeze='pooler'.*--freeze",
        ):
            make_model("pooler")

    def test_what_was_newly_drawn_is_not_frozen(self):
        model = make_model()
        new = frozenset({"bert/pooler/dense/kernel", "classifier/kernel"})
        freezing.freeze(model, "encoder", new=new)
        with self.assertRaisesRegex(
            ValueError,
            "must be pretrained.*freeze=all_but_head, and newly drawn "
            "bert/pooler/dense/kernel. Freeze less by --freeze",
        ):
            freezing.freeze(model, "all_but_head", new=new)


class FrozenFeaturesTest(parameterized.TestCase):
    @parameterized.parameters(*PARTS)
    def test_the_rest_of_the_model_goes_on_from_them(self, what):
        model = make_model(what)
        shape = [2, 8] if model.bert.has_frozen_encoder else [8, 8]
        inputs = {
            "words": IDS,
            "token_type_ids": np.zeros_like(IDS),
            "position_ids": np.tile(np.arange(4), (2, 1)),
            "example_ids": np.ones_like(IDS),
            "cls_positions": np.array([0, 4], np.int32),
        }
        features = model.bert.frozen_features(inputs)
        self.assertEqual(features.shape, shape)
        behind = {
            "frozen_features": features,
            "dropout_seed": np.array([1, 0], np.int32),
        }
        if not model.bert.has_frozen_encoder:
            for name in ("example_ids", "cls_positions"):
                behind[name] = inputs[name]
        np.testing.assert_allclose(
            model(behind, training=True).logits,
            call(model, 1).logits,
            atol=1e-6,
        )

    def test_a_model_with_nothing_frozen_has_none(self):
        model = make_model()
        with self.assertRaisesRegex(
            ValueError, "for a model with frozen.*0 frozen"
        ):
            model({"frozen_features": np.zeros([2, 8])})

    def test_hidden_states_below_are_not_there(self):
        model = make_model("encoder")
        features = {"frozen_features": np.zeros([2, 8])}
        with self.assertRaisesRegex(ValueError, "not asked for.*the tokens"):
            model(features, output_hidden_states=True)
