"""The training step as a whole against PyTorch: losses and weights."""

import csv
import pathlib
import re
import tempfile

import numpy as np
import pytest
import tensorflow as tf
import transformers
from absl.testing import parameterized
from small_training import NUM_WORDS, make_model, take_steps

from tf_bert.adaptation.mixout import Mixout
from tf_bert.checkpoints import names
from tf_bert.checkpoints.fetch import resolve
from tf_bert.data.batches import batch_plan as planning
from tf_bert.data.tokens.tokenization import BertTokenizer
from tf_bert.data.tokens.tokenized_examples import TokenizedExamples
from tf_bert.data.tokens.tokenizer_files import read_tokenizer_settings
from tf_bert.models.sequence_classification import (
    TFBertForSequenceClassification,
)
from tf_bert.optimization.adam_weight_decay import AdamWeightDecay
from tf_bert.optimization.parameter_groups import (
    NO_DECAY,
    layerwise_multipliers,
)
from tf_bert.optimization.schedules import WarmupDecay
from tf_bert.training.embedding_rows import EmbeddingRows
from tf_bert.training.training_loop import TrainingLoop, trained_variables

DATA_DIR = pathlib.Path(__file__).parents[2] / "../shared/data"
BATCH_SIZE, MAX_GRAD_NORM = 8, 1.0
# Decays so strong that each changes weights by far more than the tolerance.
RULES = (
    {"layerwise_lr_decay": 0.5, "weight_decay": 0.5},
    {"pretrained_weight_decay": 20.0},
    {
        "layerwise_lr_decay": 0.5,
        "pretrained_weight_decay": 20.0,
        "weight_decay": 5.0,
    },
)


def make_examples(*, num_labels=2):
    """40 texts of one length, of the even words: half of all never occur.

    Nor does 0, which PyTorch does not train.
    """
    rng = np.random.default_rng(0)
    size, length = 40, 10
    return TokenizedExamples(
        ids=2 * rng.integers(1, NUM_WORDS, size * length).astype(np.int32),
        row_splits=np.arange(size + 1) * length,
        first_lengths=np.full(size, length, np.int32),
        labels=rng.integers(0, num_labels, size).astype(np.int32),
    )


def read_examples(folder):
    """160 pairs of RTE, of different lengths."""
    with open(DATA_DIR / "RTE" / "train.tsv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=3))[:160]
    tokenizer = BertTokenizer.from_settings(read_tokenizer_settings(folder))
    encoded = tokenizer.encode_all(
        [row["sentence1"] for row in rows],
        [row["sentence2"] for row in rows],
        max_seq_length=128,
    )
    labels = [row["label"] == "not_entailment" for row in rows]
    return TokenizedExamples(
        ids=encoded.input_ids,
        row_splits=encoded.row_splits,
        first_lengths=encoded.first_lengths,
        labels=np.array(labels, np.int32),
    )


def make_plan(examples, num_steps, **options):
    plan = planning.plan_training(
        examples.lengths,
        batch_size=BATCH_SIZE,
        num_steps=num_steps,
        data_seed=0,
        **options,
    )
    assert (plan.examples >= 0).all()
    return plan


def to_torch(model):
    """The same weights in PyTorch, ready to be trained."""
    with tempfile.TemporaryDirectory() as copy:
        model.save_pretrained(copy)
        reference = transformers.BertForSequenceClassification.from_pretrained(
            copy
        )
    return reference.train()


def train(
    model,
    examples,
    plan,
    rates,
    *,
    epsilon=1e-8,
    bias_correction=True,
    weight_decay=0.0,
    layerwise_lr_decay=1.0,
    pretrained_weight_decay=0.0,
    mixout=None,
):
    """Trains by the package's loop, and returns the loss of each step."""
    words = EmbeddingRows(
        model.bert.embeddings.word_embeddings.embeddings, examples.ids
    )
    variables = trained_variables(model, words)
    optimizer = AdamWeightDecay(
        epsilon=epsilon,
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
    loop = TrainingLoop(
        model,
        optimizer,
        tf.distribute.OneDeviceStrategy("/cpu:0"),
        max_grad_norm=MAX_GRAD_NORM,
        embedding_rows=words,
        mixout=mixout,
    )
    losses = take_steps(loop, examples, plan, rates, dropout_seed=0)
    words.write_back(words.factors(optimizer, rates)[-1])
    return losses


def torch_groups(
    model,
    *,
    weight_decay=0.0,
    layerwise_lr_decay=1.0,
    pretrained_weight_decay=0.0,
):
    """One group per parameter; with a pull, decay to zero is done by hand."""
    num_layers = model.config.num_hidden_layers
    groups = []
    for name, parameter in model.named_parameters():
        has_decay = not ("LayerNorm" in name or name.endswith("bias"))
        has_pull = has_decay and not name.startswith("classifier")
        exponent = 0
        if block := re.search(r"encoder\.layer\.(\d+)\.", name):
            exponent = num_layers - int(block[1])
        elif "embeddings" in name:
            exponent = num_layers + 1
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


def uncorrected_adam(groups, epsilon):
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
            p.addcdiv_(m, v.sqrt() + epsilon, value=-group["lr"])

    return step


def train_torch(
    model,
    examples,
    plan,
    rates,
    *,
    bias_correction=True,
    epsilon=1e-8,
    before_part=lambda step, part: None,
    **rules,
):
    """The same in PyTorch, and in its own AdamW as far as that goes."""
    import torch

    groups = torch_groups(model, **rules)
    step_adam = uncorrected_adam(groups, epsilon)
    if bias_correction:
        optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.999), eps=epsilon)
        groups, step_adam = optimizer.param_groups, optimizer.step
    losses = []
    for step, rate in enumerate(rates):
        for group in groups:
            group["lr"] = float(rate) * group["multiplier"]
        model.zero_grad()
        total = 0.0
        for part in range(plan.num_micro_batches):
            before_part(step, part)
            chosen = plan.examples[step, 0, part]
            loss = model(**padded_batch(examples, chosen)).loss
            loss = loss / plan.num_micro_batches
            loss.backward()
            total += loss.item()
        torch.nn.utils.clip_grad_norm_(model.parameters(), MAX_GRAD_NORM)
        with torch.no_grad():
            for group in groups:
                (p,) = group["params"]
                pull = group["to_start"] * (p - group["start"])
                p.sub_(group["lr"] * (group["to_zero"] * p + pull))
        step_adam()
        losses.append(total)
    return losses


def padded_batch(examples, chosen):
    """Examples as PyTorch takes them, padded to the longest."""
    import torch

    lengths = examples.lengths[chosen]
    shape = (len(chosen), lengths.max())
    batch = {
        name: np.zeros(shape, np.int64)
        for name in ("input_ids", "attention_mask", "token_type_ids")
    }
    for row, (example, length) in enumerate(zip(chosen, lengths, strict=True)):
        start = examples.row_splits[example]
        batch["input_ids"][row, :length] = examples.ids[start : start + length]
        batch["attention_mask"][row, :length] = 1
        first = examples.first_lengths[example]
        batch["token_type_ids"][row, first:length] = 1
    batch["labels"] = examples.labels[chosen].astype(np.int64)
    return {name: torch.from_numpy(value) for name, value in batch.items()}


def mix_every_linear(reference, p, gradient):
    """Replaces every `nn.Linear` by one that is mixed; name -> layer."""
    import torch

    class Mix(torch.autograd.Function):
        """The formula of the paper, term by term."""

        @staticmethod
        def forward(context, weight, target, mask):
            context.save_for_backward(mask)
            return ((1 - mask) * target + mask * weight - p * target) / (1 - p)

        @staticmethod
        def backward(context, gradient_of_mixed):
            (mask,) = context.saved_tensors
            factor = 1 / (1 - p) if gradient == "derivative" else 1.0
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


@pytest.mark.large
@pytest.mark.reference
class LossCurveTest(parameterized.TestCase):
    @parameterized.parameters(True, False)
    def test_minilm_on_rte_is_trained_as_pytorch_does(self, bias_correction):
        folder = resolve.resolve("minilm-l6")
        model = TFBertForSequenceClassification.from_pretrained(
            folder,
            num_labels=2,
            num_hidden_layers=3,  # Half of them, in half the time.
            seed=0,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
        )
        self._compare(
            model,
            read_examples(folder),
            (5e-5, 30, 5),
            bias_correction=bias_correction,
            weight_decay=0.01,
        )

    @parameterized.product(rules=RULES, bias_correction=(True, False))
    def test_rates_and_decays_of_every_block_are_those_of_pytorch(
        self, rules, bias_correction
    ):
        model = make_model(num_hidden_layers=3, vocab_size=2 * NUM_WORDS)
        rules = {**rules, "bias_correction": bias_correction}
        self._compare(model, make_examples(), (1e-3, 20, 3), **rules)

    @parameterized.parameters("derivative", "reference")
    def test_mixout_is_that_of_pytorch_with_the_same_masks(self, gradient):
        import torch

        examples = make_examples(num_labels=3)
        model = make_model(
            num_hidden_layers=3,
            vocab_size=2 * NUM_WORDS,
            num_labels=3,
            hidden_size=48,
            intermediate_size=96,
            initializer_range=0.1,
        )
        mixout = Mixout(model, 0.3, gradient=gradient)
        plan = make_plan(examples, 20, num_micro_batches=2)
        seeds = planning.dropout_seeds(0, plan)
        reference = to_torch(model)
        layers = mix_every_linear(reference, 0.3, gradient)
        self.assertLen(layers, len(mixout.paths))

        def set_masks(step, part):
            for path, mask in mixout.masks(seeds[step, 0, part]).items():
                name = names.torch_name(path).name.removesuffix(".weight")
                mask = np.float32(mask).T  # [1, in], as torch's [out, in].
                layers[name].mask = torch.from_numpy(mask)

        rates = np.full(20, 3e-3, np.float32)
        # Large, for with a small one Adam does not see the factor that the
        # two gradients differ by.
        rules = {"epsilon": 0.01}
        expected = train_torch(
            reference, examples, plan, rates, before_part=set_masks, **rules
        )
        actual = train(model, examples, plan, rates, mixout=mixout, **rules)
        np.testing.assert_allclose(actual, expected, rtol=1e-5)
        self._assert_same_weights(model, reference)

    def _compare(self, model, examples, schedule, **rules):
        peak, num_steps, num_warmup_steps = schedule
        steps = np.arange(num_steps)
        rates = np.asarray(WarmupDecay(*schedule)(steps))
        falling = (num_steps - steps) / (num_steps - num_warmup_steps)
        by_hand = peak * np.minimum(steps / num_warmup_steps, falling)
        plan = make_plan(examples, num_steps)
        reference = to_torch(model)
        expected = train_torch(reference, examples, plan, by_hand, **rules)
        actual = train(model, examples, plan, rates, **rules)
        np.testing.assert_allclose(actual, expected, rtol=1e-4)
        self._assert_same_weights(model, reference)

    def _assert_same_weights(self, model, reference):
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
