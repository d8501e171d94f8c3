"""Training speed against PyTorch: paired ratios of single steps.

    python benchmarks/train_throughput.py --data_dir=../shared/data

Two worker processes, this package and the PyTorch model of transformers, take
turns, one training step each, on the same batches of the same real examples
(forward, backward, clip at 1.0, AdamW, dropout 0.1, two threads each). PyTorch
pads each batch to its longest example and uses sdpa attention; batches are
ready before the clock starts in both. The machine may be shared: a step's time
means nothing, the median of the paired ratios does.

A ratio to PyTorch moves with the machine. So after each pair of steps a float32
matrix product is timed (NumPy, 2048 x 2048, as many threads), and the work of
our step on real tokens, the matrix products of the formulas alone, is set
against its rate: the share of it that a step reaches.

    python benchmarks/train_throughput.py --against TF_ENABLE_ONEDNN_OPTS=0

sets this package against itself in another environment, without PyTorch.

Needs the extra [reference] and the GLUE folders. `--quick` takes two steps of
RTE with a tiny checkpoint.
"""

import argparse
import dataclasses
import json
import os
import resource
import subprocess
import sys
import tempfile
import textwrap
import time

import numpy as np
import processor
import quick

BATCH_SIZE = 16
NUM_THREADS = 2
TASKS = {"RTE": 128, "SST-2": 128}


def prepare(
    task: str,
    data_dir: str,
    num_steps: int,
    path: str,
    checkpoint: str = "minilm-l6",
) -> None:
    """Tokenises a task and stores it with its plan for both workers."""
    from tf_bert.checkpoints.fetch import resolve as checkpoint_sources
    from tf_bert.config import Config
    from tf_bert.data.batches import batch_plan as planning
    from tf_bert.data.tasks import run_data
    from tf_bert.data.tokens import tokenizer_files
    from tf_bert.data.tokens.tokenization import BertTokenizer

    folder = checkpoint_sources.resolve(checkpoint)
    config = Config(output_dir=".", task_name=task, data_dir=data_dir)
    data = run_data.load(config, run_data.get_task(config))
    tokenizer = BertTokenizer.from_settings(
        tokenizer_files.read_tokenizer_settings(folder)
    )
    encoded = tokenizer.encode_all(
        data.train.texts,
        data.train.text_pairs,
        max_seq_length=min(TASKS[task], _num_positions(folder)),
    )
    lengths = np.diff(encoded.row_splits)
    plan = planning.plan_training(
        lengths,
        batch_size=BATCH_SIZE,
        num_steps=num_steps,
        data_seed=0,
    )
    np.savez(
        path,
        folder=folder,
        ids=encoded.input_ids,
        row_splits=encoded.row_splits,
        first_lengths=encoded.first_lengths,
        labels=data.train.labels,
        **{f"plan_{name}": value for name, value in vars(plan).items()},
    )


def _num_positions(folder: str) -> int:
    with open(os.path.join(folder, "config.json"), encoding="utf-8") as file:
        return json.load(file)["max_position_embeddings"]


def work_of_steps(stored) -> np.ndarray:
    """Returns the floating-point operations of each step on real tokens.

    The matrix products of the formulas, forward and twice as many backward;
    nothing of embeddings, normalisation, softmax, dropout or optimizer.

    Args:
        stored: of `prepare`.

    Returns:
        float64 `[steps]`.
    """
    path = os.path.join(str(stored["folder"]), "config.json")
    with open(path, encoding="utf-8") as file:
        config = json.load(file)
    width, inner = config["hidden_size"], config["intermediate_size"]
    lengths = np.diff(stored["row_splits"]).astype(np.float64)
    of_token = 2 * (4 * width**2 + 2 * width * inner)
    of_layer = of_token * lengths + 4 * width * lengths**2
    # The pooler sees one token of each example.
    forward = config["num_hidden_layers"] * of_layer + 2 * width**2
    examples = stored["plan_examples"].reshape(len(stored["plan_examples"]), -1)
    return 3 * np.where(examples >= 0, forward[examples], 0).sum(axis=1)


def our_steps(stored):
    """Yields a function that runs the next step of this package."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(NUM_THREADS)
    from tf_bert.config import Config
    from tf_bert.data.batches import batch_plan as planning
    from tf_bert.data.batches import pipeline
    from tf_bert.data.tokens.tokenized_examples import TokenizedExamples
    from tf_bert.models.sequence_classification import (
        TFBertForSequenceClassification,
    )
    from tf_bert.optimization import create
    from tf_bert.training.devices import distribution
    from tf_bert.training.embedding_rows import EmbeddingRows
    from tf_bert.training.training_loop import TrainingLoop, trained_variables

    plan = planning.Plan(
        examples=stored["plan_examples"],
        places=stored["plan_places"],
        num_rows=stored["plan_num_rows"],
        widths=stored["plan_widths"],
        steps_per_epoch=int(stored["plan_steps_per_epoch"]),
    )
    examples = TokenizedExamples(
        stored["ids"],
        stored["row_splits"],
        stored["first_lengths"],
        stored["labels"],
    )
    strategy = distribution.get_strategy(Config(output_dir="."))
    with strategy.scope():
        model = TFBertForSequenceClassification.from_pretrained(
            str(stored["folder"]), num_labels=2, seed=0
        )
        optimizer, _ = create.create_optimizer(
            2e-5, plan.num_steps, 0, weight_decay_rate=0.01
        )
        words = EmbeddingRows(
            model.bert.embeddings.word_embeddings.embeddings, stored["ids"]
        )
        optimizer.build(trained_variables(model, words))
    loop = TrainingLoop(model, optimizer, strategy, embedding_rows=words)
    dataset = pipeline.packed_dataset(
        examples,
        plan,
        per_step={"learning_rate": np.full(plan.num_steps, 2e-5, np.float32)},
        per_replica={"dropout_seeds": planning.dropout_seeds(0, plan)},
    )
    iterator = iter(
        strategy.distribute_datasets_from_function(lambda _: dataset)
    )
    one = tf.constant(1)
    for _ in range(plan.num_steps):
        yield lambda: loop.train_steps(iterator, one).numpy()


def torch_steps(stored):
    """Yields a function that runs the next step of PyTorch."""
    import torch
    import transformers

    torch.set_num_threads(NUM_THREADS)
    torch.manual_seed(0)
    model = transformers.BertForSequenceClassification.from_pretrained(
        str(stored["folder"]), num_labels=2, attn_implementation="sdpa"
    ).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-5)
    ids, splits = stored["ids"], stored["row_splits"]
    for step in range(len(stored["plan_num_rows"])):
        chosen = stored["plan_examples"][step].ravel()
        chosen = chosen[chosen >= 0]
        longest = int((splits[chosen + 1] - splits[chosen]).max())
        batch = np.zeros((3, len(chosen), longest), np.int64)
        for row, example in enumerate(chosen):
            tokens = ids[splits[example] : splits[example + 1]]
            batch[0, row, : len(tokens)] = tokens
            batch[1, row, : len(tokens)] = 1
            first = stored["first_lengths"][example]
            batch[2, row, first : len(tokens)] = 1
        input_ids, mask, types = map(torch.tensor, batch)
        labels = torch.tensor(stored["labels"][chosen], dtype=torch.int64)

        def run(input_ids=input_ids, mask=mask, types=types, labels=labels):
            loss = model(
                input_ids=input_ids,
                attention_mask=mask,
                token_type_ids=types,
                labels=labels,
            ).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            return float(loss.detach())

        yield run


def work(kind: str, path: str) -> None:
    """Runs a step for each line of standard input, and prints its seconds."""
    stored = dict(np.load(path))
    steps = our_steps(stored) if kind == "ours" else torch_steps(stored)
    for line in sys.stdin:
        if line.strip() == "stop":
            break
        step = next(steps)
        start = time.perf_counter()
        step()
        print("seconds", time.perf_counter() - start, flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print("megabytes", peak, flush=True)


def ask(worker: subprocess.Popen, request: str) -> float:
    """Sends a line to a worker and returns the number that it answers."""
    worker.stdin.write(request + "\n")
    worker.stdin.flush()
    for line in worker.stdout:
        if line.startswith(("seconds", "megabytes")):
            return float(line.split()[1])
    raise RuntimeError("A worker ended early; its message is above.")


@dataclasses.dataclass(frozen=True)
class Peer:
    """What takes turns with this package.

    Attributes:
        name: in the sentence that is printed.
        kind: of its worker, `ours` or `torch`.
        environment: variables of its process, beside those of both.
    """

    name: str
    kind: str
    environment: dict[str, str]


PYTORCH = Peer("PyTorch", "torch", {})


@dataclasses.dataclass(frozen=True)
class Measured:
    """Of each worker, `ours` first: seconds of its steps `[2, steps]` and its
    peak memory in MiB; and the rate of the product after each step, GFLOP/s.
    """

    seconds: np.ndarray
    rates: np.ndarray
    memory: list[float]


def measure(
    path: str, peer: Peer, *, num_steps: int, num_warmup: int
) -> Measured:
    """Lets the workers take turns."""
    sides = (("ours", {}), (peer.kind, peer.environment))
    workers = [
        subprocess.Popen(
            [sys.executable, __file__, f"--worker={kind}", path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                "TF_CPP_MIN_LOG_LEVEL": "2",
                "OMP_NUM_THREADS": str(NUM_THREADS),
                **environment,
            },
        )
        for kind, environment in sides
    ]
    seconds, rates = [], []
    for _ in range(num_warmup + num_steps):
        seconds.append([ask(worker, "step") for worker in workers])
        rates.append(processor.product_rate(NUM_THREADS))
    memory = [ask(worker, "stop") for worker in workers]
    for worker in workers:
        worker.wait()
    return Measured(
        np.array(seconds)[num_warmup:].T, np.array(rates)[num_warmup:], memory
    )


def compare(
    task: str,
    peer: Peer,
    *,
    data_dir: str,
    checkpoint: str,
    num_steps: int,
    num_warmup: int,
) -> str:
    """Returns what is to be said of one task."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "data.npz")
        prepare(task, data_dir, num_steps + num_warmup, path, checkpoint)
        work_done = work_of_steps(np.load(path))[num_warmup:]
        found = measure(path, peer, num_steps=num_steps, num_warmup=num_warmup)
    ours, others = found.seconds
    low, ratio, high = np.percentile(others / ours, [25, 50, 75])
    shares = 1e-9 * work_done / ours / found.rates
    few, share, many = np.percentile(shares, [25, 50, 75])
    return (
        f"{task}: {ratio:.2f} times the examples per second of {peer.name} "
        f"(median of {num_steps} paired steps, quartiles {low:.2f} and "
        f"{high:.2f}); {BATCH_SIZE / np.median(ours):.0f} against "
        f"{BATCH_SIZE / np.median(others):.0f} examples per second; peak "
        f"memory {found.memory[0]:.0f} against {found.memory[1]:.0f} MiB; "
        f"{share:.2f} of the rate of the machine's float32 matrix product, "
        f"{np.median(found.rates):.0f} GFLOP/s (quartiles {few:.2f} and "
        f"{many:.2f})"
    )


def make_parser() -> argparse.ArgumentParser:
    """Returns the parser of the command line, and of the workers'."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data_dir", default="../shared/data")
    parser.add_argument("--tasks", nargs="+", default=list(TASKS))
    parser.add_argument("--num_steps", type=int, default=40)
    parser.add_argument("--num_warmup", type=int, default=5)
    parser.add_argument(
        "--against",
        nargs="+",
        metavar="NAME=VALUE",
        help="not PyTorch, but this package with these variables",
    )
    quick.add_flag(parser)
    parser.add_argument(
        "--worker", choices=("ours", "torch"), help=argparse.SUPPRESS
    )
    parser.add_argument("path", nargs="?", help=argparse.SUPPRESS)
    return parser


def main() -> None:
    """Prints a sentence for each task, or works for who does."""
    options = make_parser().parse_args()
    if options.worker:
        work(options.worker, options.path)
        return
    checkpoint, peer = "minilm-l6", PYTORCH
    if options.against:
        variables = dict(x.split("=", 1) for x in options.against)
        peer = Peer(
            f"itself with {' '.join(options.against)}", "ours", variables
        )
    if options.quick:
        checkpoint, options.tasks = quick.checkpoint(), ["RTE"]
        options.num_steps, options.num_warmup = 2, 1
    for task in options.tasks:
        sentence = compare(
            task,
            peer,
            data_dir=options.data_dir,
            checkpoint=checkpoint,
            num_steps=options.num_steps,
            num_warmup=options.num_warmup,
        )
        print(textwrap.fill(sentence, 80, subsequent_indent="    "), flush=True)
    print(textwrap.fill(processor.describe(NUM_THREADS), 80))


if __name__ == "__main__":
    main()
