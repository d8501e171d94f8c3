"""Layer-wise rates and both decays in the loop, against PyTorch: 20 steps."""

import re
import tempfile

import numpy as np
import pytest
import tensorflow as tf
import transformers
from absl.testing import parameterized

from tf_bert.checkpoints import names
from tf_bert.data.batches import batch_plan as planning
from tf_bert.data.batches import pipeline
from tf_bert.data.tokens.tokenized_examples import TokenizedExamples
from tf_bert.models.sequence_classification import (
    TFBertForSequenceClassification,
)
from tf_bert.optimization.adam_weight_decay import AdamWeightDecay
from tf_bert.optimization.parameter_groups import (
    NO_DECAY,
    layerwise_multipliers,
)
from tf_bert.optimization.schedules import WarmupDecay
from tf_bert.training.trained_words import TrainedWords, decay_factors
from tf_bert.training.training_loop import TrainingLoop, trained_variables

NUM_STEPS, WARMUP_STEPS, BATCH_SIZE, LENGTH = 20, 3, 8, 10
LEARNING_RATE, EPSILON, MAX_GRAD_NORM = 1e-3, 1e-8, 1.0
NUM_LAYERS = 3
CONFIG = transformers.BertConfig(
    vocab_size=60,
    hidden_size=16,
    num_hidden_layers=NUM_LAYERS,
    num_attention_heads=2,
    intermediate_size=32,
    max_position_embeddings=16,
    hidden_dropout_prob=0.0,
    attention_probs_dropout_prob=0.0,
    initializer_range=0.2,
)
RNG = np.random.default_rng(0)
# Half of the words never occur; nor does 0, which PyTorch does not train.
IDS = 2 * RNG.integers(1, 30, (40, LENGTH)).astype(np.int32)
LABELS = RNG.integers(0, 2, len(IDS)).astype(np.int32)
# So strong that each changes weights by far more than the tolerance.
RULES = (
    {"weight_decay": 0.5},
    {"layerwise_lr_decay": 0.5, "weight_decay": 0.5},
    {"pretrained_weight_decay": 20.0},
    {"pretrained_weight_decay": 20.0, "weight_decay": 5.0},
    {
        "layerwise_lr_decay": 0.5,
        "pretrained_weight_decay": 20.0,
        "weight_decay": 5.0,
    },
)


def make_plan():
    return planning.plan_training(
        np.full(len(IDS), LENGTH),
        batch_size=BATCH_SIZE,
        num_steps=NUM_STEPS,
        data_seed=0,
    )


def train(
    model,
    *,
    bias_correction,
    weight_decay=0.0,
    layerwise_lr_decay=1.0,
    pretrained_weight_decay=0.0,
):
    """Trains by the package's loop, and returns the loss of each step."""
    examples = TokenizedExamples(
        ids=IDS.ravel(),
        row_splits=np.arange(len(IDS) + 1) * LENGTH,
        first_lengths=np.full(len(IDS), LENGTH, np.int32),
        labels=LABELS,
    )
    words = TrainedWords(model.bert.embeddings.word_embeddings.embeddings, IDS)
    variables = trained_variables(model, words)
    optimizer = AdamWeightDecay(
        epsilon=EPSILON,
        weight_decay_rate=weight_decay,
        exclude_from_weight_decay=NO_DECAY,
        bias_correction=bias_correction,
        pretrained_weight_decay=pretrained_weight_decay,
        exclude_from_pretrained_weight_decay=[*NO_DECAY, "^classifier/"],
        learning_rate_multipliers=layerwise_multipliers(
            [variable.path for variable in variables], layerwise_lr_decay
        ),
    )
    optimizer.build(variables)
    strategy = tf.distribute.OneDeviceStrategy("/cpu:0")
    loop = TrainingLoop(
        model,
        optimizer,
        strategy,
        max_grad_norm=MAX_GRAD_NORM,
        trained_words=words,
    )
    schedule = WarmupDecay(LEARNING_RATE, NUM_STEPS, WARMUP_STEPS)
    rates = np.asarray(schedule(np.arange(NUM_STEPS)))
    plan = make_plan()
    dataset = pipeline.packed_dataset(
        examples,
        plan,
        per_step={"learning_rate": rates},
        per_replica={"dropout_seeds": planning.dropout_seeds(0, plan)},
    )
    iterator = iter(
        strategy.distribute_datasets_from_function(lambda _: dataset)
    )
    losses = loop.train_steps(iterator, tf.constant(NUM_STEPS)).numpy()
    to_zero, to_prior = optimizer.decay_rates(words.rows)
    factors = decay_factors(
        rates, weight_decay=to_zero, pretrained_weight_decay=to_prior
    )
    words.write_back(factors[-1])
    return losses


def torch_groups(
    model,
    *,
    weight_decay=0.0,
    layerwise_lr_decay=1.0,
    pretrained_weight_decay=0.0,
):
    """One group per parameter; with a pull, decay to zero is done by hand."""
    groups = []
    for name, parameter in model.named_parameters():
        has_decay = not ("LayerNorm" in name or name.endswith("bias"))
        has_pull = has_decay and not name.startswith("classifier")
        exponent = 0
        if block := re.search(r"encoder\.layer\.(\d+)\.", name):
            exponent = NUM_LAYERS - int(block[1])
        elif "embeddings" in name:
            exponent = NUM_LAYERS + 1
        by_hand = has_pull and pretrained_weight_decay > 0
        groups.append(
            {
                "params": [parameter],
                "multiplier": layerwise_lr_decay**exponent,
                "weight_decay": weight_decay * (has_decay and not by_hand),
                "to_zero": weight_decay * by_hand,
                "to_start": pretrained_weight_decay * by_hand,
                "start": parameter.detach().clone(),
            }
        )
    return groups


def uncorrected_adam(groups):
    """Returns the step of BERTAdam: m / (sqrt(v) + epsilon), decay first."""
    import torch

    moments = [
        (torch.zeros_like(g["start"]), torch.zeros_like(g["start"]))
        for g in groups
    ]

    @torch.no_grad()
    def step():
        for group, (m, v) in zip(groups, moments, strict=True):
            (p,) = group["params"]
            m.mul_(0.9).add_(p.grad, alpha=0.1)
            v.mul_(0.999).addcmul_(p.grad, p.grad, value=0.001)
            p.mul_(1 - group["lr"] * group["weight_decay"])
            p.addcdiv_(m, v.sqrt() + EPSILON, value=-group["lr"])

    return step


def train_torch(model, *, bias_correction, **rules):
    """The same in PyTorch, and in its own AdamW as far as that goes."""
    import torch

    groups = torch_groups(model, **rules)
    step_adam = uncorrected_adam(groups)
    if bias_correction:
        optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.999), eps=EPSILON)
        groups, step_adam = optimizer.param_groups, optimizer.step
    losses = []
    for step, chosen in enumerate(make_plan().examples):
        rising = step / WARMUP_STEPS
        falling = (NUM_STEPS - step) / (NUM_STEPS - WARMUP_STEPS)
        for group in groups:
            lr = LEARNING_RATE * min(rising, falling) * group["multiplier"]
            group["lr"] = lr
        loss = model(
            torch.from_numpy(IDS[chosen.ravel()].astype(np.int64)),
            labels=torch.from_numpy(LABELS[chosen.ravel()].astype(np.int64)),
        ).loss
        model.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), MAX_GRAD_NORM)
        with torch.no_grad():
            for group in groups:
                (p,) = group["params"]
                pull = group["to_start"] * (p - group["start"])
                p.sub_(group["lr"] * (group["to_zero"] * p + pull))
        step_adam()
        losses.append(loss.item())
    return losses


@pytest.mark.large
@pytest.mark.reference
class UpdateRulesTest(parameterized.TestCase):
    @parameterized.product(rules=RULES, bias_correction=(True, False))
    def test_losses_and_weights_equal_pytorch(self, rules, bias_correction):
        model = TFBertForSequenceClassification(CONFIG, seed=0)
        with tempfile.TemporaryDirectory() as copy:
            model.save_pretrained(copy)
            reference = (
                transformers.BertForSequenceClassification.from_pretrained(copy)
            )
        reference.train()
        rules = {**rules, "bias_correction": bias_correction}
        expected = train_torch(reference, **rules)
        actual = train(model, **rules)
        np.testing.assert_allclose(actual, expected, rtol=1e-4)
        weights = {k: v.numpy() for k, v in reference.state_dict().items()}
        for path, variable in model.weights_by_path().items():
            # Softmax ignores a shift, so their gradient is rounding noise.
            if path.endswith("key/bias"):
                continue
            stored = names.torch_name(path)
            value = weights[stored.name]
            np.testing.assert_allclose(
                variable.numpy(),
                value.T if stored.is_transposed else value,
                rtol=0,
                atol=1e-5,
                err_msg=path,
            )
