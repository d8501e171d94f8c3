"""What freezing costs and saves, against PyTorch's `requires_grad=False`.

    python benchmarks/freezing_cost.py --data_dir=../shared/data

For each part to freeze and each program: seconds of an epoch, the last
epoch's training loss, F1 on validation, and parameters. The same 2,000 SST-2
sentences for all, MiniLM, AdamW with its defaults at a constant rate, clipped
at 1.0, dropout 0.1, two threads. PyTorch pads each batch to its longest
example and uses sdpa attention; frozen there are the parameters alone, the
dropout is that of `train()`.

Worker processes take turns, an epoch each, so the machine may be shared: an
epoch's seconds mean little, the paired ratios do. Start-up and tracing are
left out; running the frozen part for the cache counts, in the first epoch.

Needs the extra [reference] and the GLUE folders. `--quick` takes two epochs of
48 sentences, one part to freeze and a tiny checkpoint.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import processor
import quick

LEARNING_RATE = 1e-4
NUM_THREADS = 2
NUM_VALIDATION = 400
# What is frozen, and the programs that take turns on it.
OURS, CACHED, TORCH = "ours", "ours, cached", "PyTorch"
ROWS = {
    "full": (OURS, TORCH),
    "lower_3": (OURS, CACHED, TORCH),
    "encoder": (OURS, CACHED, TORCH),
    "all_but_head": (OURS, CACHED, TORCH),
}


def prepare(path: str, options: argparse.Namespace) -> None:
    """Tokenises the sentences and stores them, with the order of examples."""
    from tf_bert.checkpoints.fetch import resolve as checkpoint_sources
    from tf_bert.config import Config
    from tf_bert.data.tasks import run_data
    from tf_bert.data.tokens import tokenizer_files
    from tf_bert.data.tokens.tokenization import BertTokenizer

    folder = checkpoint_sources.resolve(options.checkpoint)
    config = Config(
        output_dir=".", task_name="SST-2", data_dir=options.data_dir
    )
    data = run_data.load(config, run_data.get_task(config))
    tokenizer = BertTokenizer.from_settings(
        tokenizer_files.read_tokenizer_settings(folder)
    )
    stored = {"folder": folder, "batch_size": options.batch_size}
    chosen = np.random.default_rng(0).permutation(len(data.train))
    chosen = chosen[: options.num_examples]
    for split, examples, rows in (
        ("train", data.train, chosen),
        ("validation", data.validation, np.arange(NUM_VALIDATION)),
    ):
        encoded = tokenizer.encode_all(
            [examples.texts[row] for row in rows],
            None,
            max_seq_length=options.max_seq_length,
        )
        stored[f"{split}_ids"] = encoded.input_ids
        stored[f"{split}_row_splits"] = encoded.row_splits
        stored[f"{split}_labels"] = examples.labels[rows]
    np.savez(path, num_epochs=options.num_epochs, **stored)


def our_epochs(stored, what: str, cached: bool) -> Iterator[dict[str, Any]]:
    """Yields when all is traced, after each epoch, and a score."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(NUM_THREADS)
    from tf_bert.adaptation import freezing
    from tf_bert.config import Config
    from tf_bert.data.tokens.tokenized_examples import TokenizedExamples
    from tf_bert.models.sequence_classification import (
        TFBertForSequenceClassification,
    )
    from tf_bert.optimization import create
    from tf_bert.training import frozen_features
    from tf_bert.training.devices import distribution
    from tf_bert.training.embedding_rows import EmbeddingRows
    from tf_bert.training.evaluate import evaluate
    from tf_bert.training.inference import Inference
    from tf_bert.training.training_loop import TrainingLoop, trained_variables

    splits = {
        split: TokenizedExamples(
            stored[f"{split}_ids"],
            stored[f"{split}_row_splits"],
            # One segment: as long as the example.
            np.diff(stored[f"{split}_row_splits"]).astype(np.int32),
            stored[f"{split}_labels"],
        )
        for split in ("train", "validation")
    }
    strategy = distribution.get_strategy(Config(output_dir="."))
    with strategy.scope():
        model = TFBertForSequenceClassification.from_pretrained(
            str(stored["folder"]), num_labels=2, seed=0
        )
        freezing.freeze(model, None if what == "full" else what)
        words = model.bert.embeddings.word_embeddings.embeddings
        embedding_rows = None
        if words.trainable:
            embedding_rows = EmbeddingRows(words, splits["train"].ids)
        optimizer, _ = create.create_optimizer(
            LEARNING_RATE, 1, 0, weight_decay_rate=0.01
        )
        optimizer.build(trained_variables(model, embedding_rows))
    loop = TrainingLoop(
        model, optimizer, strategy, embedding_rows=embedding_rows
    )
    inference = Inference(model, strategy, batch_size=64)

    def losses(examples, num_epochs, num_steps, rate):
        """Trains, and returns the mean loss of each so many steps."""
        iterator = our_batches(
            stored, strategy, examples, num_epochs * num_steps, rate
        )
        for _ in range(num_epochs):
            steps = loop.train_steps(iterator, tf.constant(num_steps))
            yield float(steps.numpy().mean())

    def features(stack, chosen):
        if not cached:
            return chosen
        return stack.enter_context(frozen_features.cached(inference, chosen))

    counts = {
        "total": sum(v.value.shape.num_elements() for v in model.weights),
        "trainable": sum(
            v.value.shape.num_elements() for v in model.trainable_variables
        ),
    }
    # Traces everything, at a rate of 0, and then forgets what it moved.
    with contextlib.ExitStack() as stack:
        few = features(stack, {"few": splits["validation"]})["few"]
        list(losses(few, 1, 2, 0.0))
    for variable in optimizer.variables:
        variable.assign(tf.zeros_like(variable.value))
    yield counts
    num_epochs = int(stored["num_epochs"])
    num_steps = -(-len(splits["train"]) // int(stored["batch_size"]))
    with contextlib.ExitStack() as stack:
        begin = time.perf_counter()
        used = features(stack, splits)
        for loss in losses(used["train"], num_epochs, num_steps, LEARNING_RATE):
            yield {"seconds": time.perf_counter() - begin, "loss": loss}
            begin = time.perf_counter()
        if embedding_rows is not None:
            embedding_rows.write_back(1.0)
        # Of class 1, as on the other side.
        result = evaluate(inference, splits["validation"], positive=None)
        yield {"f1": result.metrics["f1"]}


def our_batches(stored, strategy, examples, num_steps: int, rate: float):
    """Returns an iterator over the packed batches of some steps."""
    from tf_bert.data.batches import batch_plan as planning
    from tf_bert.data.batches import pipeline

    plan = planning.plan_training(
        examples.lengths,
        batch_size=int(stored["batch_size"]),
        num_steps=num_steps,
        data_seed=0,
    )
    dataset = pipeline.packed_dataset(
        examples,
        plan,
        per_step={"learning_rate": np.full(num_steps, rate, np.float32)},
        per_replica={"dropout_seeds": planning.dropout_seeds(0, plan)},
    )
    return iter(strategy.distribute_datasets_from_function(lambda _: dataset))


def torch_epochs(stored, what: str) -> Iterator[dict[str, Any]]:
    """Yields when all is ready, after each epoch, and a score."""
    import torch
    import transformers

    torch.set_num_threads(NUM_THREADS)
    torch.manual_seed(0)
    model = transformers.BertForSequenceClassification.from_pretrained(
        str(stored["folder"]), num_labels=2, attn_implementation="sdpa"
    )
    bert = model.bert
    frozen = {
        "full": [],
        "lower_3": [bert.embeddings, *bert.encoder.layer[:3]],
        "encoder": [bert.embeddings, bert.encoder],
        "all_but_head": [bert],
    }[what]
    for module in frozen:
        module.requires_grad_(False)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=LEARNING_RATE)

    def logits(split, chosen):
        ids, splits = stored[f"{split}_ids"], stored[f"{split}_row_splits"]
        longest = int((splits[chosen + 1] - splits[chosen]).max())
        batch = np.zeros((2, len(chosen), longest), np.int64)
        for row, example in enumerate(chosen):
            tokens = ids[splits[example] : splits[example + 1]]
            batch[0, row, : len(tokens)] = tokens
            batch[1, row, : len(tokens)] = 1
        input_ids, mask = map(torch.tensor, batch)
        return model(input_ids=input_ids, attention_mask=mask).logits

    def step(chosen):
        labels = torch.tensor(stored["train_labels"][chosen], dtype=torch.int64)
        loss = torch.nn.functional.cross_entropy(
            logits("train", chosen), labels
        )
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        return float(loss.detach())

    with torch.no_grad():
        logits("train", np.arange(16))  # Its libraries start with this.
    yield {
        "total": sum(p.numel() for p in model.parameters()),
        "trainable": sum(p.numel() for p in trained),
    }
    size, batch_size = len(stored["train_labels"]), int(stored["batch_size"])
    for epoch in range(int(stored["num_epochs"])):
        order = np.random.default_rng(epoch).permutation(size)
        model.train()
        begin = time.perf_counter()
        losses = [
            step(order[first : first + batch_size])
            for first in range(0, size, batch_size)
        ]
        seconds = time.perf_counter() - begin
        yield {"seconds": seconds, "loss": float(np.mean(losses))}
    model.eval()
    rows = np.arange(len(stored["validation_labels"]))
    with torch.no_grad():
        predictions = [
            logits("validation", part).argmax(axis=1).numpy()
            for part in np.array_split(rows, len(rows) // 50)
        ]
    yield {
        "f1": f1_score(stored["validation_labels"], np.concatenate(predictions))
    }


def f1_score(labels: np.ndarray, predictions: np.ndarray) -> float:
    """F1 of class 1, in [0, 1]."""
    hits = int(((labels == 1) & (predictions == 1)).sum())
    return 2 * hits / int((labels == 1).sum() + (predictions == 1).sum())


def work(program: str, path: str, what: str) -> None:
    """Goes on for each line of standard input, and prints what it yields."""
    stored = dict(np.load(path))
    if program == TORCH:
        results = torch_epochs(stored, what)
    else:
        results = our_epochs(stored, what, cached=program == CACHED)
    for _ in sys.stdin:
        print("result", json.dumps(next(results)), flush=True)


def ask(worker: subprocess.Popen) -> dict[str, Any]:
    """Lets a worker go on, and returns what it answers."""
    worker.stdin.write("next\n")
    worker.stdin.flush()
    for line in worker.stdout:
        if line.startswith("result "):
            return json.loads(line.removeprefix("result "))
    raise RuntimeError("A worker ended early; its message is above.")


def compare(
    path: str, what: str, num_epochs: int
) -> dict[str, list[dict[str, Any]]]:
    """Returns what each answers: at the start, by epoch, and at the end."""
    environment = {
        **os.environ,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "OMP_NUM_THREADS": str(NUM_THREADS),
    }
    command = [sys.executable, __file__, f"--freeze={what}", path]
    with contextlib.ExitStack() as stack:
        workers = {
            program: stack.enter_context(
                subprocess.Popen(
                    [*command, f"--worker={program}"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                    env=environment,
                )
            )
            for program in ROWS[what]
        }
        answers = {program: [] for program in workers}
        for _ in range(2 + num_epochs):
            for program, worker in workers.items():
                answers[program].append(ask(worker))
        for worker in workers.values():
            worker.stdin.close()
    return answers


def rows(what: str, answers) -> Iterator[str]:
    """Yields a Markdown row of each program."""
    totals = {
        program: sum(epoch["seconds"] for epoch in epochs)
        for program, (_, *epochs, _) in answers.items()
    }
    for program, (counts, *epochs, score) in answers.items():
        seconds = [epoch["seconds"] for epoch in epochs]
        yield (
            f"| {what} | {program} | {seconds[0]:.2f} | "
            f"{np.median(seconds[1:] or seconds):.2f} | "
            f"{totals[program]:.1f} | {totals[TORCH] / totals[program]:.2f} | "
            f"{epochs[-1]['loss']:.3f} | {score['f1']:.3f} | "
            f"{counts['total']:,} | {counts['trainable']:,} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data_dir", default="../shared/data")
    parser.add_argument("--num_examples", type=int, default=2000)
    parser.add_argument("--num_epochs", type=int, default=5)
    parser.add_argument("--batch_size", type=int, default=16)
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS))
    quick.add_flag(parser)
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--freeze", help=argparse.SUPPRESS)
    parser.add_argument("path", nargs="?", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work(options.worker, options.path, options.freeze)
        return
    options.checkpoint, options.max_seq_length = "minilm-l6", 128
    if options.quick:
        options.checkpoint, options.max_seq_length = quick.checkpoint(), 32
        options.num_examples, options.num_epochs = 48, 2
        options.rows = ["encoder"]
    print(f"{processor.describe(NUM_THREADS)}\n")
    print(
        "| frozen | program | first epoch, s | a later one, s | all, s | "
        "speed, PyTorch = 1 | train loss | validation F1 | parameters | "
        "trained |\n|---|---|---|---|---|---|---|---|---|---|"
    )
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "data.npz")
        prepare(path, options)
        for what in options.rows:
            answers = compare(path, what, options.num_epochs)
            print("\n".join(rows(what, answers)), flush=True)


if __name__ == "__main__":
    main()
