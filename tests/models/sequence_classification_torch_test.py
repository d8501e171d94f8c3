import tempfile

import numpy as np
import pytest
import tensorflow as tf
import transformers
from absl.testing import parameterized

from tf_bert.checkpoints import names
from tf_bert.models.sequence_classification import (
    TFBertForSequenceClassification,
)


def torch_twin(config):
    """Returns PyTorch's model of random weights, and ours with the same."""
    import torch

    torch.manual_seed(0)
    theirs = transformers.BertForSequenceClassification._from_config(
        config, attn_implementation="eager"
    ).eval()
    with torch.no_grad():
        for name, parameter in theirs.named_parameters():
            # Biases and gains too: as drawn they are zeros and ones.
            centre = float("LayerNorm.weight" in name)
            parameter.normal_(centre, config.initializer_range)
    with tempfile.TemporaryDirectory() as folder:
        theirs.save_pretrained(folder)
        ours = TFBertForSequenceClassification.from_pretrained(folder, seed=0)
    return theirs, ours


def random_config(rng):
    head_size = int(rng.choice([4, 8, 16, 32]))
    num_heads = int(rng.integers(1, 5))
    return transformers.BertConfig(
        vocab_size=int(rng.integers(30, 500)),
        hidden_size=num_heads * head_size,
        num_hidden_layers=int(rng.integers(2, 5)),
        num_attention_heads=num_heads,
        intermediate_size=int(rng.integers(8, 300)),
        hidden_act=str(rng.choice(["gelu", "gelu_new", "relu"])),
        max_position_embeddings=int(rng.integers(40, 90)),
        type_vocab_size=int(rng.integers(1, 4)),
        initializer_range=float(rng.choice([0.02, 0.05, 0.1])),
        layer_norm_eps=float(rng.choice([1e-12, 1e-5])),
        num_labels=int(rng.integers(1, 6)),
    )


def random_inputs(rng, config):
    shape = (int(rng.integers(1, 6)), int(rng.integers(1, 41)))
    lengths = rng.integers(1, shape[1] + 1, shape[0])
    return {
        "input_ids": rng.integers(0, config.vocab_size, shape),
        "attention_mask": np.int64(np.arange(shape[1]) < lengths[:, None]),
        "token_type_ids": rng.integers(0, config.type_vocab_size, shape),
    }


def gradients(model, inputs, labels):
    """Returns ours under PyTorch's names and in its layout."""
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(model(inputs, labels=labels).loss)
    found = {}
    variables = model.weights_by_path()
    values = {path: variable.value for path, variable in variables.items()}
    for path, gradient in tape.gradient(loss, values).items():
        stored = names.torch_name(path)
        gradient = tf.convert_to_tensor(gradient).numpy()
        found[stored.name] = gradient.T if stored.is_transposed else gradient
    return found


def torch_gradients(model, inputs, labels):
    import torch

    model(
        **{name: torch.tensor(x) for name, x in inputs.items()},
        labels=torch.tensor(labels),
    ).loss.backward()
    return {
        name: parameter.grad.numpy()
        for name, parameter in model.named_parameters()
    }


@pytest.mark.large
@pytest.mark.reference
class SequenceClassificationTorchTest(parameterized.TestCase):
    @parameterized.parameters(range(10))
    def test_logits_equal_those_of_pytorch(self, seed):
        import torch

        rng = np.random.default_rng(seed)
        config = random_config(rng)
        theirs, ours = torch_twin(config)
        inputs = random_inputs(rng, config)
        with torch.no_grad():
            expected = theirs(
                **{name: torch.tensor(x) for name, x in inputs.items()}
            ).logits.numpy()
        self.assertGreater(abs(expected).max(), 1e-3)
        np.testing.assert_allclose(
            ours(inputs).logits, expected, rtol=0, atol=1e-5
        )

    @parameterized.parameters("gelu", "gelu_new", "relu")
    def test_gradients_equal_those_of_pytorch(self, hidden_act):
        config = transformers.BertConfig(
            vocab_size=100,
            hidden_size=64,
            num_hidden_layers=3,
            num_attention_heads=4,
            intermediate_size=128,
            hidden_act=hidden_act,
            max_position_embeddings=40,
            initializer_range=0.05,
            num_labels=3,
        )
        theirs, ours = torch_twin(config)
        rng = np.random.default_rng(0)
        inputs = random_inputs(rng, config)
        labels = rng.integers(0, 3, len(inputs["input_ids"]))
        expected = torch_gradients(theirs, inputs, labels)
        actual = gradients(ours, inputs, labels)
        self.assertEqual(set(actual), set(expected))
        norms = {name: np.linalg.norm(g) for name, g in expected.items()}
        global_norm = np.linalg.norm(list(norms.values()))
        for name, gradient in actual.items():
            if name.endswith("key.bias"):
                # Zero but for rounding: softmax ignores a common shift.
                for g in (gradient, expected[name]):
                    self.assertLess(np.linalg.norm(g), 1e-5 * global_norm)
                continue
            self.assertLess(
                np.linalg.norm(gradient - expected[name]),
                1e-4 * norms[name] + 1e-7 * global_norm,
                name,
            )
