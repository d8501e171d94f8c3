"""The training step as a whole against PyTorch: 50 steps of MiniLM on RTE."""

import csv
import pathlib
import tempfile

import numpy as np
import pytest
import tensorflow as tf
import transformers
from absl.testing import parameterized

from tf_bert.checkpoints import names
from tf_bert.checkpoints.fetch import resolve
from tf_bert.data.batches import batch_plan as planning
from tf_bert.data.batches import pipeline
from tf_bert.data.tokens.tokenization import BertTokenizer
from tf_bert.data.tokens.tokenized_examples import TokenizedExamples
from tf_bert.data.tokens.tokenizer_files import read_tokenizer_settings
from tf_bert.models.sequence_classification import (
    TFBertForSequenceClassification,
)
from tf_bert.optimization import parameter_groups
from tf_bert.optimization.adam_weight_decay import AdamWeightDecay
from tf_bert.optimization.schedules import WarmupDecay
from tf_bert.training.training_loop import TrainingLoop

DATA_DIR = pathlib.Path(__file__).parents[2] / "../shared/data"
NUM_STEPS, WARMUP_STEPS, BATCH_SIZE = 50, 5, 8
LEARNING_RATE, WEIGHT_DECAY, EPSILON, MAX_GRAD_NORM = 5e-5, 0.01, 1e-8, 1.0


def read_examples(folder):
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


def train(model, examples, plan, *, bias_correction):
    """Trains by the package's loop, and returns the loss of each step."""
    strategy = tf.distribute.OneDeviceStrategy("/cpu:0")
    optimizer = AdamWeightDecay(
        epsilon=EPSILON,
        weight_decay_rate=WEIGHT_DECAY,
        exclude_from_weight_decay=parameter_groups.NO_DECAY,
        bias_correction=bias_correction,
    )
    optimizer.build(model.trainable_variables)
    loop = TrainingLoop(model, optimizer, strategy, max_grad_norm=MAX_GRAD_NORM)
    schedule = WarmupDecay(LEARNING_RATE, NUM_STEPS, WARMUP_STEPS)
    dataset = pipeline.packed_dataset(
        examples,
        plan,
        per_step={"learning_rate": np.asarray(schedule(np.arange(NUM_STEPS)))},
        per_replica={"dropout_seeds": planning.dropout_seeds(0, plan)},
    )
    iterator = iter(
        strategy.distribute_datasets_from_function(lambda _: dataset)
    )
    return loop.train_steps(iterator, tf.constant(NUM_STEPS)).numpy()


def padded_batch(examples, chosen):
    """One step's examples as PyTorch takes them, padded to the longest."""
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


def uncorrected_adam(groups):
    """BERTAdam in PyTorch: decay first, then m / (sqrt(v) + epsilon)."""
    import torch

    class UncorrectedAdam(torch.optim.Optimizer):
        @torch.no_grad()
        def step(self):
            for group in self.param_groups:
                for p in group["params"]:
                    state = self.state[p]
                    if not state:
                        state["m"] = torch.zeros_like(p)
                        state["v"] = torch.zeros_like(p)
                    m, v = state["m"], state["v"]
                    m.mul_(0.9).add_(p.grad, alpha=0.1)
                    v.mul_(0.999).addcmul_(p.grad, p.grad, value=0.001)
                    p.mul_(1 - group["lr"] * group["weight_decay"])
                    p.addcdiv_(m, v.sqrt() + EPSILON, value=-group["lr"])

    return UncorrectedAdam(groups, {"lr": 0.0})


def train_torch(model, examples, plan, *, bias_correction):
    """The same in PyTorch, with the usual recipe of BERT."""
    import torch

    kinds = {True: [], False: []}
    for name, parameter in model.named_parameters():
        is_decayed = not ("LayerNorm" in name or name.endswith("bias"))
        kinds[is_decayed].append(parameter)
    groups = [
        {"params": kinds[True], "weight_decay": WEIGHT_DECAY},
        {"params": kinds[False], "weight_decay": 0.0},
    ]
    if bias_correction:
        optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.999), eps=EPSILON)
    else:
        optimizer = uncorrected_adam(groups)
    losses = []
    for step in range(NUM_STEPS):
        factor = min(
            step / WARMUP_STEPS,
            (NUM_STEPS - step) / (NUM_STEPS - WARMUP_STEPS),
        )
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * factor
        chosen = plan.examples[step].ravel()
        loss = model(**padded_batch(examples, chosen)).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), MAX_GRAD_NORM)
        optimizer.step()
        losses.append(loss.item())
    return losses


@pytest.mark.large
@pytest.mark.reference
class LossCurveTest(parameterized.TestCase):
    @parameterized.parameters(True, False)
    def test_loss_curve_and_weights_equal_pytorch(self, bias_correction):
        folder = resolve.resolve("minilm-l6")
        examples = read_examples(folder)
        plan = planning.plan_training(
            examples.lengths,
            batch_size=BATCH_SIZE,
            num_steps=NUM_STEPS,
            data_seed=0,
        )
        self.assertTrue((plan.examples >= 0).all())
        model = TFBertForSequenceClassification.from_pretrained(
            folder,
            num_labels=2,
            num_hidden_layers=3,  # Half of them, in half the time.
            seed=0,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
        )
        with tempfile.TemporaryDirectory() as copy:
            model.save_pretrained(copy)
            reference = (
                transformers.BertForSequenceClassification.from_pretrained(copy)
            )
        reference.train()
        rule = {"bias_correction": bias_correction}
        expected = train_torch(reference, examples, plan, **rule)
        actual = train(model, examples, plan, **rule)
        np.testing.assert_allclose(actual, expected, rtol=1e-4)
        self.assert_same_weights(model, reference)

    def assert_same_weights(self, model, reference):
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
