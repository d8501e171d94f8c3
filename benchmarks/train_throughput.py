"""Training speed against PyTorch: paired ratios of single steps.

    python benchmarks/train_throughput.py --data_dir=../shared/data

Two worker processes, this package and the PyTorch model of transformers, take
turns, one training step each, on the same batches of the same real examples
(forward, backward, clip at 1.0, AdamW, dropout 0.1, two threads each). PyTorch
pads each batch to its longest example and uses sdpa attention; batches are
ready before the clock starts in both. The machine may be shared: a step's time
means nothing, the median of the paired ratios does.

Needs the extra [reference] and the GLUE folders.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time

import numpy as np

BATCH_SIZE = 16
NUM_THREADS = 2
TASKS = {"RTE": 128, "SST-2": 128}


def prepare(task: str, data_dir: str, num_steps: int, path: str) -> None:
    """Tokenises a task and stores it with its plan for both workers."""
    from tf_bert.checkpoints import sources as checkpoint_sources
    from tf_bert.data import plan as planning
    from tf_bert.data import sources, tasks, tokenizer_files
    from tf_bert.data.tokenization import BertTokenizer

    folder = checkpoint_sources.resolve("minilm-l6")
    data = sources.load_splits(tasks.get_task(task), data_dir=data_dir)
    tokenizer = BertTokenizer.from_settings(
        tokenizer_files.read_tokenizer_settings(folder)
    )
    encoded = tokenizer.encode_all(
        data.train.texts, data.train.text_pairs, max_seq_length=TASKS[task]
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


def our_steps(stored):
    """Yields a function that runs the next step of this package."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(NUM_THREADS)
    from tf_bert.data import pipeline
    from tf_bert.data import plan as planning
    from tf_bert.data.tokenized_examples import TokenizedExamples
    from tf_bert.models.sequence_classification import (
        TFBertForSequenceClassification,
    )
    from tf_bert.optimization import create
    from tf_bert.training import distribution
    from tf_bert.training.loop import TrainingLoop, trained_variables
    from tf_bert.training.trained_words import TrainedWords

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
    strategy = distribution.get_strategy()
    with strategy.scope():
        model = TFBertForSequenceClassification.from_pretrained(
            str(stored["folder"]), num_labels=2, seed=0
        )
        optimizer, _ = create.create_optimizer(
            2e-5, plan.num_steps, 0, weight_decay_rate=0.01
        )
        words = TrainedWords(
            model.bert.embeddings.word_embeddings.embeddings, stored["ids"]
        )
        optimizer.build(trained_variables(model, words))
    loop = TrainingLoop(model, optimizer, strategy, trained_words=words)
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


def compare(task: str, data_dir: str, num_steps: int, num_warmup: int) -> None:
    """Prints the paired ratios of one task."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "data.npz")
        prepare(task, data_dir, num_steps + num_warmup, path)
        workers = {
            kind: subprocess.Popen(
                [sys.executable, __file__, f"--worker={kind}", path],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env={
                    **os.environ,
                    "TF_CPP_MIN_LOG_LEVEL": "2",
                    "OMP_NUM_THREADS": str(NUM_THREADS),
                },
            )
            for kind in ("ours", "torch")
        }
        seconds = {kind: [] for kind in workers}
        for step in range(num_warmup + num_steps):
            for kind, worker in workers.items():
                taken = ask(worker, "step")
                if step >= num_warmup:
                    seconds[kind].append(taken)
        memory = {kind: ask(w, "stop") for kind, w in workers.items()}
        for worker in workers.values():
            worker.wait()
    ratios = np.array(seconds["torch"]) / np.array(seconds["ours"])
    low, median, high = np.percentile(ratios, [25, 50, 75])
    print(
        f"{task}: {median:.2f} times PyTorch's examples per second (median of "
        f"{num_steps} paired steps, quartiles {low:.2f} and {high:.2f}); "
        f"{BATCH_SIZE / np.median(seconds['ours']):.0f} against "
        f"{BATCH_SIZE / np.median(seconds['torch']):.0f} examples per second; "
        f"peak memory {memory['ours']:.0f} against {memory['torch']:.0f} MiB",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data_dir", default="../shared/data")
    parser.add_argument("--tasks", nargs="+", default=list(TASKS))
    parser.add_argument("--num_steps", type=int, default=40)
    parser.add_argument("--num_warmup", type=int, default=5)
    parser.add_argument("--worker", choices=("ours", "torch"))
    parser.add_argument("path", nargs="?", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        work(arguments.worker, arguments.path)
        return
    for task in arguments.tasks:
        compare(
            task,
            arguments.data_dir,
            arguments.num_steps,
            arguments.num_warmup,
        )


if __name__ == "__main__":
    main()
