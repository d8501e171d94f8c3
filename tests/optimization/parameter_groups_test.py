"""Tests of tf_bert/optimization/parameter_groups.py."""

import tiny_bert
from absl.testing import parameterized

from tf_bert.optimization.parameter_groups import (
    NO_DECAY,
    decayed_paths,
    layerwise_multipliers,
)

PATHS = ("a/LayerNorm/gamma", "a/LayerNorm/beta", "a/kernel", "b/bias")

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
    model = tiny_bert.tiny_classifier(num_hidden_layers=num_layers)
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
        ("bert/encoder/layer_9/output/dense/kernel", 0.46329123),
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

    def test_decay_of_1_needs_no_block(self):
        self.assertEqual(layerwise_multipliers(["a/b"], 1.0), {"a/b": 1.0})

    def test_decay_without_a_block_is_an_error(self):
        with self.assertRaisesRegex(
            ValueError,
            r"has no block to act on: .*Received: layerwise_lr_decay=0\.9\. "
            "Leave out --layerwise",
        ):
            layerwise_multipliers(["bert/pooler/dense/kernel"], 0.9)

    @parameterized.parameters(0.0, -0.5, 1.1, float("nan"))
    def test_decay_out_of_range_is_an_error(self, decay):
        with self.assertRaisesRegex(
            ValueError, rf"above 0 and at most 1\. .*layerwise_lr_decay={decay}"
        ):
            layerwise_multipliers(paths_of_bert(1), decay)


class DecayedPathsTest(parameterized.TestCase):
    def test_layer_norms_and_biases_of_bert_are_not_decayed(self):
        paths = paths_of_bert(1)
        decayed = decayed_paths(paths, exclude=NO_DECAY)
        self.assertEqual(
            decayed, {p for p in paths if p.endswith(("kernel", "embeddings"))}
        )
        self.assertLen(decayed, 3 + 6 + 2)

    @parameterized.parameters(
        (None, None, PATHS),
        ([], [], PATHS),
        (["gamma"], None, PATHS),
        # In the whole path, as regular expressions.
        (None, ["LayerNorm"], ["a/kernel", "b/bias"]),
        (None, ["^a/.*(gamma|beta)$"], ["a/kernel", "b/bias"]),
        # One of a list may match nothing.
        (None, ["x", "bias"], PATHS[:3]),
        # What is included comes before what is excluded.
        (["x", "gamma"], NO_DECAY, ["a/LayerNorm/gamma", "a/kernel"]),
    )
    def test_patterns_choose(self, include, exclude, expected):
        decayed = decayed_paths(PATHS, include=include, exclude=exclude)
        self.assertEqual(decayed, set(expected))

    @parameterized.parameters("include", "exclude")
    def test_list_of_which_none_matches_is_an_error(self, argument):
        with self.assertRaisesRegex(
            ValueError,
            rf"`{argument}_(in|from)_weight_decay` matches .*Received: "
            rf"{argument}_(in|from)_weight_decay=\['LayerNorm.weight', 'x'\]"
            r".*Paths look like 'a/LayerNorm/gamma'; correct the pattern",
        ):
            decayed_paths(PATHS, **{argument: ["LayerNorm.weight", "x"]})

    def test_no_paths_give_no_paths(self):
        self.assertEqual(decayed_paths([]), frozenset())
