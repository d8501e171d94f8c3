"""Tests of tf_bert/optimization/parameter_groups.py."""

import transformers
from absl.testing import parameterized

from tf_bert.models.sequence_classification import (
    TFBertForSequenceClassification,
)
from tf_bert.optimization.parameter_groups import NO_DECAY, decayed_paths

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


class DecayedPathsTest(parameterized.TestCase):
    def test_layer_norms_and_biases_of_bert_are_not_decayed(self):
        config = transformers.BertConfig(
            vocab_size=20,
            hidden_size=8,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=16,
        )
        model = TFBertForSequenceClassification(config, seed=0)
        paths = [variable.path for variable in model.trainable_variables]
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
