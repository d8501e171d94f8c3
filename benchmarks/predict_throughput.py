"""Rows per second of predictions, against PyTorch: paired ratios.

    python benchmarks/predict_throughput.py --data_dir=../shared/data

Two workers, this package's `--mode=predict` and the text-classification
pipeline of transformers (batches of 32), take turns, 2,000 sentences of SST-2
each time, 12,000 in all, with the same MiniLM-L6 fine-tuned for one step. The
machine may be shared: the median of the paired ratios counts.

    python benchmarks/predict_throughput.py --against=../before

sets this package against a checkout of another version of it, without PyTorch,
which is needed otherwise (extra [reference]). `--quick` takes 40 sentences and
a tiny checkpoint.
"""

import argparse
import csv
import dataclasses
import importlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator

import numpy as np
import processor
import quick

ROOT = pathlib.Path(__file__).parents[1]
_NUM_SENTENCES = 12_000
_NUM_ROUNDS = 6
_MAX_SEQ_LENGTH = 128
_BATCH_OF_PYTORCH = 32


def write_files(
    folder: pathlib.Path, data_dir: str, num_sentences: int
) -> list[str]:
    """Writes a file of sentences for each round; returns their paths."""
    path = pathlib.Path(data_dir) / "SST-2" / "train.tsv"
    with open(path, encoding="utf-8") as file:
        lines = [line.rstrip("\n").split("\t") for line in file][1:]
    size = num_sentences // _NUM_ROUNDS
    paths = []
    for number in range(_NUM_ROUNDS):
        paths.append(str(folder / f"{number}.csv"))
        some = lines[number * size : (number + 1) * size]
        write_rows(paths[-1], [[sentence.strip()] for sentence, _ in some])
    write_rows(
        str(folder / "train.csv"),
        [[sentence.strip(), label] for sentence, label in lines[-64:]],
    )
    return paths


def write_rows(path: str, rows: list[list[str]]) -> None:
    """Writes a .csv file with the columns `text` and perhaps `label`."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"][: len(rows[0])])
        writer.writerows(rows)


def train_once(folder: pathlib.Path, flags: list[str]) -> pathlib.Path:
    """Fine-tunes for one step on `train.csv`; returns the run's folder."""
    run = folder / "run"
    subprocess.run(
        [
            *(sys.executable, "-m", "tf_bert.run"),
            f"--train_file={folder / 'train.csv'}",
            f"--output_dir={run}",
            *flags,
            *("--num_train_steps=1", "--nocompare_baselines"),
        ],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return run


def our_predictions(run: str) -> Iterator[None]:
    """Predicts the file of each path that is sent, with this package."""
    import tf_bert
    from tf_bert.config import Config

    # Versions before the rooms have them in the root.
    has_rooms = (pathlib.Path(tf_bert.__file__).parent / "runs").is_dir()
    room = "tf_bert.runs" if has_rooms else "tf_bert"
    predictions = importlib.import_module(f"{room}.predictions")
    classifiers = importlib.import_module(f"{room}.classifier")
    with open(os.path.join(run, "config.json"), encoding="utf-8") as file:
        stored = json.load(file)
    known = {field.name for field in dataclasses.fields(Config)}
    config = Config.from_dict({n: x for n, x in stored.items() if n in known})
    classifier = classifiers.load_finished(os.path.join(run, "model"), config)
    path = yield
    while True:
        config = dataclasses.replace(config, predict_file=path)
        # It took the configuration, and opened the file then.
        is_old = not hasattr(predictions, "open_rows")
        rows = (
            config if is_old else predictions.open_rows(config, classifier.task)
        )
        predictions.write_predictions(classifier, rows, f"{path}.ours.tsv")
        path = yield


def torch_predictions(run: str) -> Iterator[None]:
    """The same with the pipeline of transformers."""
    import torch
    import transformers

    torch.set_num_threads(os.cpu_count() or 1)
    classify = transformers.pipeline(
        "text-classification", os.path.join(run, "model"), top_k=None
    )
    path = yield
    while True:
        with open(path, encoding="utf-8", newline="") as file:
            texts = [row["text"] for row in csv.DictReader(file)]
        outputs = classify(
            texts,
            batch_size=_BATCH_OF_PYTORCH,
            truncation=True,
            max_length=_MAX_SEQ_LENGTH,
        )
        with open(f"{path}.torch.tsv", "w", encoding="utf-8") as file:
            for text, output in zip(texts, outputs, strict=True):
                scores = {x["label"]: x["score"] for x in output}
                file.write(f"{text}\t{sorted(scores.items())}\n")
        path = yield


def work(kind: str, run: str) -> None:
    """Predicts each file named on standard input, and prints the seconds."""
    predict = (our_predictions if kind == "ours" else torch_predictions)(run)
    next(predict)
    for line in sys.stdin:
        start = time.perf_counter()
        predict.send(line.strip())
        print("seconds", time.perf_counter() - start, flush=True)


def ask(worker: subprocess.Popen, path: str) -> float:
    """Sends a path to a worker; returns the seconds that it took."""
    worker.stdin.write(path + "\n")
    worker.stdin.flush()
    for line in worker.stdout:
        if line.startswith("seconds"):
            return float(line.split()[1])
    raise RuntimeError("A worker ended early; its message is above.")


def measure(
    run: pathlib.Path, paths: list[str], against: str | None
) -> np.ndarray:
    """Lets the workers take turns; returns seconds `[2, rounds]`, ours first.

    The first file is predicted once more before, for nothing.
    """
    sides = [("ours", str(ROOT)), ("torch", str(ROOT))]
    if against:
        sides[1] = ("ours", os.path.abspath(against))
    workers = [
        subprocess.Popen(
            [sys.executable, __file__, f"--worker={kind}", str(run)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", "PYTHONPATH": path},
        )
        for kind, path in sides
    ]
    seconds = [[ask(w, path) for w in workers] for path in [paths[0], *paths]]
    for worker in workers:
        worker.stdin.close()
        worker.wait()
    return np.array(seconds)[1:].T


def make_parser() -> argparse.ArgumentParser:
    """Returns the parser of the command line, and of the workers'."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data_dir", default="../shared/data")
    parser.add_argument(
        "--against", metavar="FOLDER", help="a checkout, in place of PyTorch"
    )
    quick.add_flag(parser)
    parser.add_argument(
        "--worker", choices=("ours", "torch"), help=argparse.SUPPRESS
    )
    parser.add_argument("run", nargs="?", help=argparse.SUPPRESS)
    return parser


def main() -> None:
    """Prints a sentence, or works for who does."""
    options = make_parser().parse_args()
    if options.worker:
        work(options.worker, options.run)
        return
    num_sentences, flags = _NUM_SENTENCES, ["--init_checkpoint=minilm-l6"]
    if options.quick:
        num_sentences, flags = 42, quick.flags()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        paths = write_files(folder, options.data_dir, num_sentences)
        run = train_once(folder, flags)
        ours, others = measure(run, paths, options.against)
    low, ratio, high = np.percentile(others / ours, [25, 50, 75])
    size = num_sentences // _NUM_ROUNDS
    sentence = (
        f"Predicting: {ratio:.2f} times the rows per second of "
        f"{options.against or 'PyTorch'} (median of {_NUM_ROUNDS} paired "
        f"rounds of {size:,} sentences, quartiles {low:.2f} and {high:.2f}); "
        f"{size / np.median(ours):.0f} against {size / np.median(others):.0f} "
        "rows per second"
    )
    print(textwrap.fill(sentence, 80, subsequent_indent="    "), flush=True)
    print(textwrap.fill(processor.describe(), 80))


if __name__ == "__main__":
    main()
