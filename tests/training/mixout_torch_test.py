"""Mixout in training against PyTorch: 20 steps with the same masks."""

import tempfile

import numpy as np
import pytest
import tensorflow as tf
import transformers
from absl.testing import parameterized

from tf_bert.adaptation.mixout import Mixout
from tf_bert.checkpoints import names
from tf_bert.data.batches import batch_plan as planning
from tf_bert.data.batches import pipeline
from tf_bert.data.tokens.tokenized_examples import TokenizedExamples
from tf_bert.models.sequence_classification import (
    TFBertForSequenceClassification,
)
from tf_bert.optimization.adam_weight_decay import AdamWeightDecay
from tf_bert.training.training_loop import TrainingLoop

NUM_STEPS, NUM_MICRO_BATCHES, BATCH_SIZE, LENGTH = 20, 2, 8, 24
P, LEARNING_RATE = 0.3, 3e-3
# Large, for with a small one Adam does not see the factor that the two
# gradients differ by.
EPSILON = 0.01


def make_model():
    config = transformers.BertConfig(
        vocab_size=200,
        hidden_size=48,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=96,
        max_position_embeddings=LENGTH,
        num_labels=3,
        initializer_range=0.1,
    )
    return TFBertForSequenceClassification(config, seed=0)


def make_examples():
    """Texts of one length: PyTorch needs no padding."""
    rng = np.random.default_rng(0)
    size = 40
    return TokenizedExamples(
        ids=rng.integers(1, 200, size * LENGTH).astype(np.int32),
        row_splits=np.arange(size + 1) * LENGTH,
        first_lengths=np.full(size, LENGTH, np.int32),
        labels=rng.integers(0, 3, size).astype(np.int32),
    )


def train(model, mixout, examples, plan, seeds):
    """Trains by the package's loop, and returns the loss of each step."""
    strategy = tf.distribute.OneDeviceStrategy("/cpu:0")
    optimizer = AdamWeightDecay(epsilon=EPSILON)
    optimizer.build(model.trainable_variables)
    loop = TrainingLoop(
        model, optimizer, strategy, max_grad_norm=0.0, mixout=mixout
    )
    rates = np.full(NUM_STEPS, LEARNING_RATE, np.float32)
    dataset = pipeline.packed_dataset(
        examples,
        plan,
        per_step={"learning_rate": rates},
        per_replica={"dropout_seeds": seeds},
    )
    iterator = iter(
        strategy.distribute_datasets_from_function(lambda _: dataset)
    )
    return loop.train_steps(iterator, tf.constant(NUM_STEPS)).numpy()


def to_torch(model, folder):
    """The same weights in PyTorch."""
    model.save_pretrained(folder)
    return transformers.BertForSequenceClassification.from_pretrained(folder)


def mix_every_linear(reference, gradient):
    """Replaces every `nn.Linear` by one that is mixed; name -> layer."""
    import torch

    class Mix(torch.autograd.Function):
        """The formula of the paper, term by term."""

        @staticmethod
        def forward(context, weight, target, mask):
            context.save_for_backward(mask)
            return ((1 - mask) * target + mask * weight - P * target) / (1 - P)

        @staticmethod
        def backward(context, gradient_of_mixed):
            (mask,) = context.saved_tensors
            factor = 1 / (1 - P) if gradient == "derivative" else 1.0
            return gradient_of_mixed * mask * factor, None, None

    class MixedLinear(torch.nn.Linear):
        def forward(self, inputs):
            weight = Mix.apply(self.weight, self.target, self.mask)
            return torch.nn.functional.linear(inputs, weight, self.bias)

    mixed = {}
    for name, module in reference.named_modules():
        if type(module) is torch.nn.Linear:
            module.__class__ = MixedLinear
            module.target = module.weight.detach().clone()
            mixed[name] = module
    return mixed


def train_torch(reference, layers, mixout, examples, plan, seeds):
    """The same in PyTorch, with the masks of `mixout`."""
    import torch

    optimizer = torch.optim.AdamW(
        reference.parameters(), LEARNING_RATE, eps=EPSILON, weight_decay=0.0
    )
    reference.train()
    losses = []
    for step in range(NUM_STEPS):
        optimizer.zero_grad()
        total = 0.0
        for part in range(NUM_MICRO_BATCHES):
            masks = mixout.masks(seeds[step, 0, part])
            for path, mask in masks.items():
                name = names.torch_name(path).name.removesuffix(".weight")
                mask = np.float32(mask).T  # [1, in], as torch's [out, in].
                layers[name].mask = torch.from_numpy(mask)
            chosen = plan.examples[step, 0, part]
            loss = (
                reference(
                    torch.from_numpy(examples.ids.reshape(-1, LENGTH)[chosen]),
                    labels=torch.from_numpy(examples.labels[chosen]).long(),
                ).loss
                / NUM_MICRO_BATCHES
            )
            loss.backward()
            total += loss.item()
        optimizer.step()
        losses.append(total)
    return losses


@pytest.mark.large
@pytest.mark.reference
class MixoutTorchTest(parameterized.TestCase):
    @parameterized.parameters("derivative", "reference")
    def test_loss_curve_and_weights_equal_pytorch(self, gradient):
        examples = make_examples()
        plan = planning.plan_training(
            examples.lengths,
            batch_size=BATCH_SIZE,
            num_steps=NUM_STEPS,
            data_seed=0,
            num_micro_batches=NUM_MICRO_BATCHES,
        )
        seeds = planning.dropout_seeds(0, plan)
        model = make_model()
        mixout = Mixout(model, P, gradient=gradient)
        start = {k: v.numpy() for k, v in model.weights_by_path().items()}
        with tempfile.TemporaryDirectory() as folder:
            reference = to_torch(model, folder)
        layers = mix_every_linear(reference, gradient)
        self.assertLen(layers, len(mixout.paths))
        run = (mixout, examples, plan, seeds)
        expected = train_torch(reference, layers, *run)
        actual = train(model, *run)
        np.testing.assert_allclose(actual, expected, rtol=1e-5)
        weights = {k: v.numpy() for k, v in reference.state_dict().items()}
        for path, variable in model.weights_by_path().items():
            # Softmax ignores a shift, so their gradient is rounding noise.
            if path.endswith("key/bias"):
                continue
            stored = names.torch_name(path)
            value = weights[stored.name]
            value = value.T if stored.is_transposed else value
            difference = np.linalg.norm(variable.numpy() - value)
            moved = np.linalg.norm(value - start[path])
            self.assertGreater(moved, 0, path)
            self.assertLess(difference, 1e-5 * np.linalg.norm(value), path)
