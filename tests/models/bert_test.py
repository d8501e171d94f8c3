import numpy as np
import scipy.special
import tensorflow as tf
import tiny_bert
from absl.testing import parameterized

from tf_bert.data.batches import batch_plan, pipeline
from tf_bert.data.tokens.tokenized_examples import TokenizedExamples
from tf_bert.models import bert
from tf_bert.models.bert_model import TFBertModel

MODEL_INPUTS = (
    *("input_ids", "token_type_ids", "position_ids", "example_ids"),
    "cls_positions",
)


def randomize(model):
    """Gives every variable, biases and gains too, values that matter."""
    rng = np.random.default_rng(0)
    for path, variable in model.weights_by_path().items():
        values = rng.normal(0, 0.3, variable.shape)
        variable.assign(1 + values if path.endswith("gamma") else values)
    return model


def reference_bert(model, ids, types):
    """Devlin et al. (2019) on one example, by NumPy in float64.

    Returns:
        The last hidden states `[S, H]` and the pooled first token `[H]`.
    """
    weights = {
        path.removeprefix("bert/"): np.float64(variable.numpy())
        for path, variable in model.weights_by_path().items()
    }
    config = model.config

    def linear(x, name):
        return x @ weights[f"{name}/kernel"] + weights[f"{name}/bias"]

    def norm(x, name):
        x = x - x.mean(-1, keepdims=True)
        x = x / np.sqrt((x**2).mean(-1, keepdims=True) + config.layer_norm_eps)
        return x * weights[f"{name}/gamma"] + weights[f"{name}/beta"]

    def attend(x, name):
        size = config.hidden_size // config.num_attention_heads
        query, key, value = (
            linear(x, f"{name}/{part}") for part in ("query", "key", "value")
        )
        mixed = []
        for start in range(0, config.hidden_size, size):
            head = slice(start, start + size)
            scores = query[:, head] @ key[:, head].T / np.sqrt(size)
            mixed.append(scipy.special.softmax(scores, -1) @ value[:, head])
        return np.concatenate(mixed, -1)

    x = norm(
        weights["embeddings/word_embeddings/embeddings"][ids]
        + weights["embeddings/token_type_embeddings/embeddings"][types]
        + weights["embeddings/position_embeddings/embeddings"][: len(ids)],
        "embeddings/LayerNorm",
    )
    for layer in range(config.num_hidden_layers):
        name = f"encoder/layer_{layer}"
        mixed = attend(x, f"{name}/attention/self")
        mixed = linear(mixed, f"{name}/attention/output/dense")
        x = norm(x + mixed, f"{name}/attention/output/LayerNorm")
        wide = linear(x, f"{name}/intermediate/dense")
        wide = wide * scipy.special.ndtr(wide)  # The exact GELU.
        narrow = linear(wide, f"{name}/output/dense")
        x = norm(x + narrow, f"{name}/output/LayerNorm")
    return x, np.tanh(linear(x[0], "pooler/dense"))


def random_examples(num_examples=10):
    """Examples of 3 to 9 tokens, the rear part of type 1."""
    rng = np.random.default_rng(1)
    lengths = rng.integers(3, 10, num_examples)
    return TokenizedExamples(
        ids=rng.integers(1, 20, lengths.sum()).astype(np.int32),
        row_splits=np.concatenate([[0], lengths.cumsum()]),
        first_lengths=(lengths - rng.integers(0, 3, num_examples)).astype(
            np.int32
        ),
        labels=rng.integers(0, 3, num_examples).astype(np.int32),
    )


def pack(examples):
    """Returns the one packed batch of all examples, in their order."""
    batches = batch_plan.plan_evaluation(
        examples.lengths, batch_size=len(examples), width=16
    )
    element = next(iter(pipeline.packed_dataset(examples, batches)))
    return {name: element[name][0] for name in MODEL_INPUTS}


def pad(examples):
    """Returns the same batch with one example per row."""
    length = int(examples.lengths.max())
    columns = np.arange(length)
    mask = columns < examples.lengths[:, None]  # [B, S]
    ids = np.zeros(mask.shape, np.int32)
    ids[mask] = examples.ids
    return {
        "input_ids": ids,
        "attention_mask": mask.astype(np.int32),
        "token_type_ids": np.int32(
            (columns >= examples.first_lengths[:, None]) & mask
        ),
    }


def gradients(model, inputs, labels):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(model(inputs, labels=labels).loss)
    variables = list(model.weights_by_path().values())
    return {
        variable.path: tf.convert_to_tensor(gradient).numpy()
        for variable, gradient in zip(
            variables,
            tape.gradient(loss, [variable.value for variable in variables]),
            strict=True,
        )
    }


class BertTest(parameterized.TestCase):
    def test_equals_the_formulas_of_the_paper(self):
        model = randomize(TFBertModel(tiny_bert.tiny_config(), seed=0))
        examples = random_examples()
        inputs = pad(examples)
        output = model(inputs)
        for i, length in enumerate(examples.lengths):
            hidden, pooled = reference_bert(
                model,
                inputs["input_ids"][i, :length],
                inputs["token_type_ids"][i, :length],
            )
            np.testing.assert_allclose(
                output.last_hidden_state[i, :length], hidden, atol=1e-5
            )
            np.testing.assert_allclose(
                output.pooler_output[i], pooled, atol=1e-5
            )

    def test_gradients_of_packed_equal_those_of_unpacked(self):
        model = randomize(tiny_bert.tiny_classifier())
        examples = random_examples()
        packed = gradients(model, pack(examples), examples.labels)
        unpacked = gradients(model, pad(examples), examples.labels)
        norms = {path: np.linalg.norm(g) for path, g in unpacked.items()}
        global_norm = np.linalg.norm(list(norms.values()))
        self.assertLen(unpacked, 5 + 2 * 16 + 2 + 2)
        for path, gradient in unpacked.items():
            if path.endswith("key/bias"):
                # Zero but for rounding: softmax ignores a common shift.
                self.assertLess(norms[path], 1e-5 * global_norm, path)
                self.assertLess(
                    np.linalg.norm(packed[path]), 1e-5 * global_norm, path
                )
                continue
            self.assertGreater(norms[path], 1e-4, path)
            self.assertLess(
                np.linalg.norm(packed[path] - gradient),
                1e-4 * norms[path] + 1e-7 * global_norm,
                path,
            )

    def test_what_stands_in_the_padding_changes_nothing(self):
        model = randomize(TFBertModel(tiny_bert.tiny_config(), seed=0))
        inputs = pad(random_examples())
        noise = dict(inputs)
        noise["input_ids"] = np.where(
            inputs["attention_mask"] == 1, inputs["input_ids"], 7
        )
        self.assertTrue((noise["input_ids"] != inputs["input_ids"]).any())
        np.testing.assert_array_equal(
            model(noise).pooler_output, model(inputs).pooler_output
        )

    def test_attention_stays_inside_each_example(self):
        model = randomize(TFBertModel(tiny_bert.tiny_config(), seed=0))
        inputs = pack(random_examples())
        attentions = model(inputs, output_attentions=True).attentions
        ids = inputs["example_ids"].numpy()
        other = ids[:, None, :, None] != ids[:, None, None, :]  # [R, 1, W, W]
        self.assertTrue(other.any())
        for attention in attentions:
            np.testing.assert_allclose(attention.numpy().sum(-1), 1, atol=1e-5)
            np.testing.assert_array_equal(attention.numpy() * other, 0)

    def test_attention_bias_of_a_row_with_two_examples_and_padding(self):
        ids = np.array([[1, 2, 2, 0]])
        bias = bert.attention_bias(ids[:, 1:], ids)
        self.assertEqual(bias.shape, (1, 1, 3, 4))
        np.testing.assert_array_equal(
            bias[0, 0] == 0, [[0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 1]]
        )
        self.assertTrue(np.isfinite(bias).all())

    @parameterized.parameters(1, 2)
    def test_neither_packing_nor_leaving_tokens_out_changes_the_logits(
        self, num_layers
    ):
        model = randomize(
            tiny_bert.tiny_classifier(num_hidden_layers=num_layers)
        )
        examples = random_examples()
        expected = model(pad(examples)).logits
        packed = pack(examples)
        self.assertLess(packed["input_ids"].shape[0], len(examples))
        for inputs in (packed, pad(examples)):
            whole = model(inputs, output_hidden_states=True)
            for logits in (model(inputs).logits, whole.logits):
                np.testing.assert_allclose(logits, expected, rtol=0, atol=1e-5)

    def test_a_batch_of_padding_alone_stays_finite(self):
        model = randomize(TFBertModel(tiny_bert.tiny_config(), seed=0))
        zeros = np.zeros((2, 4), np.int32)
        output = model(zeros, attention_mask=zeros)
        self.assertTrue(np.isfinite(output.pooler_output).all())

    def test_the_dropout_seed_alone_decides_the_dropout(self):
        model = randomize(TFBertModel(tiny_bert.tiny_config(), seed=0))
        inputs = pack(random_examples())

        def run(seed):
            given = {**inputs, "dropout_seed": np.array(seed, np.int32)}
            return model(given, training=True).pooler_output.numpy()

        np.testing.assert_array_equal(run([1, 2]), run([1, 2]))
        self.assertGreater(abs(run([1, 2]) - run([1, 3])).max(), 0.01)
        without = model(inputs).pooler_output.numpy()
        self.assertGreater(abs(run([1, 2]) - without).max(), 0.01)

    def test_every_place_of_dropout_has_a_site_of_its_own(self):
        # The embeddings have site 0, the classifier the one after the last.
        blocks = TFBertModel(
            tiny_bert.tiny_config(), seed=0
        ).bert.encoder.blocks
        sites = []
        for block in blocks:
            sites += [
                block.attention.self_attention.site,
                block.attention.output_layer.site,
                block.output_layer.site,
            ]
        self.assertEqual(sites, [1, 2, 3, 4, 5, 6])

    def test_training_without_dropout_rates_equals_inference(self):
        config = tiny_bert.tiny_config(
            hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0
        )
        model = randomize(TFBertModel(config, seed=0))
        inputs = pad(random_examples())
        np.testing.assert_array_equal(
            model(inputs, training=True).pooler_output,
            model(inputs).pooler_output,
        )
