"""Tests of tf_bert/optimization/parameter_groups.py."""

import transformers
from absl.testing import parameterized

from tf_bert.models.sequence_classification import (
    TFBertForSequenceClassification,
)
from tf_bert.optimization.parameter_groups import (
    NO_DECAY,
    decayed_paths,
    layerwise_multipliers,
)

PATHS = ("a/LayerNorm/gamma", "a/LayerNorm/beta", "a/kernel", "b/bias")

# Every kernel and every table of embeddings of a BERT of one layer.
DECAYED_OF_BERT = {
    "bert/embeddings/word_embeddings/embeddings",
    "bert/embeddings/position_embeddings/embeddings",
    "bert/embeddings/token_type_embeddings/embeddings",
    "bert/encoder/layer_0/attention/self/query/kernel",
    "bert/encoder/layer_0/attention/self/key/kernel",
    "bert/encoder/layer_0/attention/self/value/kernel",
    "bert/encoder/layer_0/attention/output/dense/kernel",
    "bert/encoder/layer_0/intermediate/dense/kernel",
    "bert/encoder/layer_0/output/dense/kernel",
    "bert/pooler/dense/kernel",
    "classifier/kernel",
}
NOT_DECAYED_OF_BERT = {
    "bert/embeddings/LayerNorm/gamma",
    "bert/embeddings/LayerNorm/beta",
    "bert/encoder/layer_0/attention/self/query/bias",
    "bert/encoder/layer_0/attention/self/key/bias",
    "bert/encoder/layer_0/attention/self/value/bias",
    "bert/encoder/layer_0/attention/output/dense/bias",
    "bert/encoder/layer_0/attention/output/LayerNorm/gamma",
    "bert/encoder/layer_0/attention/output/LayerNorm/beta",
    "bert/encoder/layer_0/intermediate/dense/bias",
    "bert/encoder/layer_0/output/dense/bias",
    "bert/encoder/layer_0/output/LayerNorm/gamma",
    "bert/encoder/layer_0/output/LayerNorm/beta",
    "bert/pooler/dense/bias",
    "classifier/bias",
}


# What follows the path of a block, 0.5 being the decay of the golden table.
BLOCK = {
    "attention/self/query",
    "attention/self/key",
    "attention/self/value",
    "attention/output/dense",
    "attention/output/LayerNorm",
    "intermediate/dense",
    "output/dense",
    "output/LayerNorm",
}
MULTIPLIERS_OF_2_LAYERS = {
    "bert/embeddings/word_embeddings": 0.125,
    "bert/embeddings/position_embeddings": 0.125,
    "bert/embeddings/token_type_embeddings": 0.125,
    "bert/embeddings/LayerNorm": 0.125,
    **{f"bert/encoder/layer_0/{layer}": 0.25 for layer in BLOCK},
    **{f"bert/encoder/layer_1/{layer}": 0.5 for layer in BLOCK},
    "bert/pooler/dense": 1.0,
    "classifier": 1.0,
}


def paths_of_bert(num_layers):
    config = transformers.BertConfig(
        vocab_size=20,
        hidden_size=8,
        num_hidden_layers=num_layers,
        num_attention_heads=2,
        intermediate_size=16,
    )
    model = TFBertForSequenceClassification(config, seed=0)
    return [variable.path for variable in model.trainable_variables]


class LayerwiseMultipliersTest(parameterized.TestCase):
    def test_golden_table_of_2_layers(self):
        paths = paths_of_bert(2)
        multipliers = layerwise_multipliers(paths, 0.5)
        self.assertEqual(list(multipliers), paths)
        by_layer = {}
        for path, multiplier in multipliers.items():
            by_layer.setdefault(path.rsplit("/", 1)[0], set()).add(multiplier)
        self.assertEqual(
            by_layer, {k: {v} for k, v in MULTIPLIERS_OF_2_LAYERS.items()}
        )

    @parameterized.parameters(
        ("classifier/kernel", 1.0),
        ("bert/pooler/dense/bias", 1.0),
        ("bert/encoder/layer_23/output/dense/kernel", 0.95),
        ("bert/encoder/layer_22/output/dense/kernel", 0.9025),
        ("bert/encoder/layer_9/output/dense/kernel", 0.46329123),
        ("bert/encoder/layer_1/output/dense/kernel", 0.30735687),
        ("bert/encoder/layer_0/output/dense/kernel", 0.29198902),
        ("bert/embeddings/LayerNorm/gamma", 0.27738957),
    )
    def test_24_layers(self, path, expected):
        paths = [
            "bert/embeddings/LayerNorm/gamma",
            *(f"bert/encoder/layer_{i}/output/dense/kernel" for i in range(24)),
            "bert/pooler/dense/bias",
            "classifier/kernel",
        ]
        multiplier = layerwise_multipliers(paths, 0.95)[path]
        self.assertAlmostEqual(multiplier, expected, delta=5e-9)

    def test_frozen_layers_do_not_change_the_others(self):
        paths = paths_of_bert(3)
        trained = [
            path
            for path in paths
            if "embeddings" not in path and "layer_0" not in path
        ]
        everything = layerwise_multipliers(paths, 0.5)
        self.assertEqual(
            layerwise_multipliers(trained, 0.5),
            {path: everything[path] for path in trained},
        )

    def test_decay_of_1_gives_the_full_rate(self):
        multipliers = layerwise_multipliers(paths_of_bert(1), 1.0)
        self.assertEqual(set(multipliers.values()), {1.0})

    def test_decay_of_1_needs_no_block(self):
        self.assertEqual(layerwise_multipliers(["a/b"], 1.0), {"a/b": 1.0})

    def test_decay_without_a_block_is_an_error(self):
        with self.assertRaisesRegex(
            ValueError,
            r"`layerwise_lr_decay` must have a block to act on\. Received: "
            r"layerwise_lr_decay=0\.9, and no block.*Leave out --layerwise",
        ):
            layerwise_multipliers(["bert/pooler/dense/kernel"], 0.9)

    @parameterized.parameters(0.0, -0.5, 1.1, float("nan"))
    def test_decay_out_of_range_is_an_error(self, decay):
        with self.assertRaisesRegex(
            ValueError, rf"above 0, at most 1\. .*layerwise_lr_decay={decay}"
        ):
            layerwise_multipliers(paths_of_bert(1), decay)


class DecayedPathsTest(parameterized.TestCase):
    def test_layer_norms_and_biases_of_bert_are_not_decayed(self):
        paths = paths_of_bert(1)
        decayed = decayed_paths(paths, exclude=NO_DECAY)
        self.assertEqual(decayed, DECAYED_OF_BERT)
        self.assertEqual(set(paths) - decayed, NOT_DECAYED_OF_BERT)

    def test_without_patterns_everything_is_decayed(self):
        self.assertEqual(decayed_paths(PATHS), frozenset(PATHS))

    def test_pattern_is_searched_in_the_whole_path(self):
        decayed = decayed_paths(PATHS, exclude=["LayerNorm"])
        self.assertEqual(decayed, {"a/kernel", "b/bias"})

    def test_pattern_is_a_regular_expression(self):
        decayed = decayed_paths(PATHS, exclude=["^a/.*(gamma|beta)$"])
        self.assertEqual(decayed, {"a/kernel", "b/bias"})

    def test_inclusion_wins_over_exclusion(self):
        decayed = decayed_paths(PATHS, include=["gamma"], exclude=NO_DECAY)
        self.assertEqual(decayed, {"a/LayerNorm/gamma", "a/kernel"})

    def test_inclusion_alone_excludes_nothing(self):
        decayed = decayed_paths(PATHS, include=["gamma"])
        self.assertEqual(decayed, frozenset(PATHS))

    @parameterized.parameters("include", "exclude")
    def test_list_of_which_none_matches_is_an_error(self, argument):
        with self.assertRaisesRegex(
            ValueError,
            rf"`{argument}_(in|from)_weight_decay` must match .*Received: "
            rf"{argument}_(in|from)_weight_decay=\['LayerNorm.weight', 'x'\]"
            r".*Paths look like 'a/LayerNorm/gamma'; correct the pattern",
        ):
            decayed_paths(PATHS, **{argument: ["LayerNorm.weight", "x"]})

    def test_messages_name_the_decay(self):
        with self.assertRaisesRegex(
            ValueError, "`exclude_from_pretrained_weight_decay` must match"
        ):
            decayed_paths(PATHS, exclude=["x"], decay="pretrained_weight_decay")

    @parameterized.parameters("include", "exclude")
    def test_one_pattern_of_a_list_may_match_nothing(self, argument):
        self.assertEqual(
            decayed_paths(PATHS, **{argument: ["x", "bias"]}),
            decayed_paths(PATHS, **{argument: ["bias"]}),
        )

    @parameterized.parameters("include", "exclude")
    def test_empty_list_is_no_list(self, argument):
        self.assertEqual(
            decayed_paths(PATHS, **{argument: []}), frozenset(PATHS)
        )

    def test_no_paths_give_no_paths(self):
        self.assertEqual(decayed_paths([]), frozenset())
