import json
import math

import transformers
from absl.testing import parameterized

from tf_bert.checkpoints import configuration

# As deep as JSON may be.
DEEP = json.loads('{"a":' * 900 + "1" + "}" * 900)


def make(**fields):
    return configuration.make_config(fields, "some/config.json")


class MakeConfigTest(parameterized.TestCase):
    def test_fields_are_taken_and_none_is_needed(self):
        config = make(hidden_size=36, id2label={"0": "a", "1": "b", "2": "c"})
        self.assertIsInstance(config, transformers.BertConfig)
        self.assertEqual(config.hidden_size, 36)
        self.assertEqual(config.num_labels, 3)
        self.assertEqual(make().hidden_size, 768)
        self.assertIsNone(make(classifier_dropout=None).classifier_dropout)

    def test_the_type_of_the_stored_weights_does_not_matter(self):
        # transformers looks it up in PyTorch, where that is installed.
        self.assertEqual(make(dtype="no type", torch_dtype="none").dtype, None)

    @parameterized.product(
        name=(
            "vocab_size",
            "hidden_size",
            "num_hidden_layers",
            "num_attention_heads",
            "intermediate_size",
            "max_position_embeddings",
            "type_vocab_size",
            "num_labels",
        ),
        value=(0, -3, 1.5, "12", True, None, [4], 10**18, 2**31),
    )
    def test_a_size_that_is_none_is_named(self, name, value):
        with self.assertRaisesRegex(
            ValueError,
            f"`{name}` must be a whole number from 1 to .*Received: {name}=.* "
            "in some/config.json. Correct",
        ):
            make(**{name: value})

    @parameterized.parameters(
        ("hidden_dropout_prob", 1.0),
        ("hidden_dropout_prob", -0.1),
        ("attention_probs_dropout_prob", "0.1"),
        ("classifier_dropout", 2),
        ("initializer_range", math.inf),
        ("initializer_range", -1.0),
        ("layer_norm_eps", math.nan),
        ("layer_norm_eps", True),
    )
    def test_a_number_out_of_its_range_is_named(self, name, value):
        with self.assertRaisesRegex(
            ValueError,
            f"`{name}` must be a number from 0 .*Received: {name}={value!r}",
        ):
            make(**{name: value})

    @parameterized.parameters(
        ({"id2label": 3},),
        ({"id2label": {"a": "b"}},),
        ({"hidden_act": ["gelu"]},),
        ({"pad_token_id": "a"},),
        ({"layer_norm_eps": None},),
        ({"text_config": DEEP},),
    )
    def test_what_transformers_refuses_is_one_sentence(self, fields):
        with self.assertRaisesRegex(
            ValueError,
            "transformers cannot read the configuration. Received: "
            r"some/config.json \(.+\). Fetch",
        ):
            make(**fields)

    def test_another_model_type_is_refused(self):
        with self.assertRaisesRegex(
            ValueError,
            "not a BERT. Received: model_type='roberta' in some/conf",
        ):
            make(model_type="roberta")
