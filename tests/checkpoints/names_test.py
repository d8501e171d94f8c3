from absl.testing import parameterized

from tf_bert.checkpoints import names

# Ours, PyTorch's, TF1's; whether they are stored transposed.
TABLE = [
    (
        "bert/embeddings/word_embeddings/embeddings",
        ("bert.embeddings.word_embeddings.weight", False),
        ("bert/embeddings/word_embeddings", False),
    ),
    (
        "bert/embeddings/LayerNorm/gamma",
        ("bert.embeddings.LayerNorm.weight", False),
        ("bert/embeddings/LayerNorm/gamma", False),
    ),
    (
        "bert/embeddings/LayerNorm/beta",
        ("bert.embeddings.LayerNorm.bias", False),
        ("bert/embeddings/LayerNorm/beta", False),
    ),
    (
        "bert/encoder/layer_11/attention/self/key/kernel",
        ("bert.encoder.layer.11.attention.self.key.weight", True),
        ("bert/encoder/layer_11/attention/self/key/kernel", False),
    ),
    (
        "bert/encoder/layer_0/attention/output/dense/bias",
        ("bert.encoder.layer.0.attention.output.dense.bias", False),
        ("bert/encoder/layer_0/attention/output/dense/bias", False),
    ),
    (
        "bert/encoder/layer_0/intermediate/dense/kernel",
        ("bert.encoder.layer.0.intermediate.dense.weight", True),
        ("bert/encoder/layer_0/intermediate/dense/kernel", False),
    ),
    (
        "bert/encoder/layer_0/output/LayerNorm/beta",
        ("bert.encoder.layer.0.output.LayerNorm.bias", False),
        ("bert/encoder/layer_0/output/LayerNorm/beta", False),
    ),
    (
        "bert/pooler/dense/kernel",
        ("bert.pooler.dense.weight", True),
        ("bert/pooler/dense/kernel", False),
    ),
    (
        "classifier/kernel",
        ("classifier.weight", True),
        ("output_weights", True),
    ),
    ("classifier/bias", ("classifier.bias", False), ("output_bias", False)),
]


class H5NamesTest(parameterized.TestCase):
    @parameterized.parameters(
        (
            "bert/encoder/layer_11/attention/self/key/kernel",
            "bert/encoder/layer_._11/attention/self/key/kernel",
        ),
        (
            "bert/embeddings/word_embeddings/embeddings",
            "bert/embeddings/word_embeddings/weight",
        ),
        ("bert/embeddings/token_type_embeddings/embeddings", None),
        ("bert/embeddings/LayerNorm/gamma", None),
        ("bert/pooler/dense/bias", None),
        ("classifier/kernel", None),
    )
    def test_h5_names_are_ours_but_for_layers_and_words(self, path, name):
        stored = names.h5_name(path)
        self.assertEqual(stored, (name or path, False))
        # The same tensor in a shard, in an index and in a whole file.
        for number, prefix in enumerate(("", "model/", "layer/model/")):
            self.assertEqual(
                names.normalize_h5_name(f"{prefix}{stored.name}:0", number),
                stored.name,
            )


class NamesTest(parameterized.TestCase):
    @parameterized.parameters(*TABLE)
    def test_table(self, path, torch, tf1):
        self.assertEqual(names.torch_name(path), torch)
        self.assertEqual(names.tf1_name(path), tf1)

    @parameterized.parameters(
        ("bert.embeddings.LayerNorm.beta", "bert.embeddings.LayerNorm.bias"),
        ("pooler.dense.weight", "bert.pooler.dense.weight"),
        (
            "encoder.layer.0.output.LayerNorm.gamma",
            "bert.encoder.layer.0.output.LayerNorm.weight",
        ),
        ("cls.predictions.bias", "cls.predictions.bias"),
    )
    def test_variants_get_one_name(self, stored, expected):
        self.assertEqual(
            names.normalize_torch_names([stored], "x.bin"), {expected: stored}
        )

    def test_an_encoder_beside_the_bert_is_another_model_s(self):
        stored = ["encoder.weight", "bert.pooler.dense.weight"]
        normal = names.normalize_torch_names(stored, "x.bin")
        self.assertEqual(list(normal), stored)

    @parameterized.parameters(
        ("bert.embeddings.position_ids", True),
        ("bert/pooler/dense/kernel/adam_m", True),
        ("bert/pooler/dense/kernel/adam_v", True),
        ("global_step", True),
        ("cls.predictions.bias", False),
        ("bert/pooler/extra", False),
    )
    def test_what_is_no_weight_is_ignorable(self, name, expected):
        self.assertEqual(names.is_ignorable(name), expected)
