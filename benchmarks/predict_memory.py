"""Peak memory of `--mode=predict`: does it grow with the number of rows?

Run it as `python benchmarks/predict_memory.py`. It trains a small BERT of
random weights (2 layers of width 128, a vocabulary of 30,522 words) for one
step, predicts 2,000 and then 200,000 rows with it, each in a process of its
own, and prints the peak memory of each. `--extension=.jsonl` or another of
.csv, .csv.gz, .tsv, .parquet does the same for that format, and `--quick` for
20 and 200 rows.
"""

import argparse
import csv
import gzip
import itertools
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator

import quick

_NUM_ROWS = (2_000, 200_000)
_NUM_ROWS_QUICK = (20, 200)
_VOCABULARY_SIZE = 30_522
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def main() -> None:
    """Prints one line for each number of rows, then the difference."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--extension", default=".csv", choices=WRITERS)
    quick.add_flag(parser)
    options = parser.parse_args()
    extension = options.extension
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        run = train_once(folder)
        peaks = []
        for num_rows in _NUM_ROWS_QUICK if options.quick else _NUM_ROWS:
            path = folder / f"rows{extension}"
            WRITERS[extension](path, num_rows)
            size = path.stat().st_size / 2**20
            peaks.append(predict(run, path, num_rows))
            print(
                f"{num_rows:,} rows ({extension}, {size:.1f} MiB): peak memory "
                f"{peaks[-1]:.0f} MiB",
                flush=True,
            )
    print(f"Difference: {peaks[1] - peaks[0]:+.0f} MiB")


def words() -> Iterator[str]:
    """Yields the vocabulary's words: aa, ab, ..., in some fixed order."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    for size in (1, 2, 3, 4):
        yield from map("".join, itertools.product(letters, repeat=size))


def train_once(folder: pathlib.Path) -> pathlib.Path:
    """Makes a checkpoint of random weights; returns the folder of a run."""
    import transformers

    from tf_bert.data.tokens import tokenizer_files
    from tf_bert.data.tokens.tokenizer_settings import TokenizerSettings
    from tf_bert.models.sequence_classification import (
        TFBertForSequenceClassification,
    )

    vocabulary = tuple(
        itertools.islice(itertools.chain(_SPECIAL, words()), _VOCABULARY_SIZE)
    )
    checkpoint = folder / "checkpoint"
    config = transformers.BertConfig(
        vocab_size=_VOCABULARY_SIZE,
        hidden_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=512,
    )
    model = TFBertForSequenceClassification(config, seed=0)
    model.save_pretrained(checkpoint)
    tokenizer_files.write_tokenizer_files(
        str(checkpoint), TokenizerSettings(vocabulary), model_max_length=512
    )
    train = folder / "train.csv"
    rows = [f"good {i},1\nbad {i},0\n" for i in range(10)]  # No copies.
    train.write_text("text,label\n" + "".join(rows), encoding="utf-8")
    run_program(
        f"--init_checkpoint={checkpoint}",
        f"--train_file={train}",
        "--num_train_steps=1",
        "--nocompare_baselines",
        f"--output_dir={folder / 'run'}",
    )
    return folder / "run"


def predict(run: pathlib.Path, path: pathlib.Path, num_rows: int) -> float:
    """Predicts a file in a process of its own; returns its peak, in MiB."""
    usage = run_program(
        "--mode=predict", f"--output_dir={run}", f"--predict_file={path}"
    )
    with open(run / "predictions.tsv", "rb") as file:
        num_written = sum(1 for _ in file) - 1
    if num_written != num_rows:
        raise RuntimeError(f"{num_written} rows for {num_rows}.")
    return usage.ru_maxrss / 2**10  # Linux gives KiB.


def run_program(*arguments: str):
    """Runs `tf_bert.run` to its end; returns what it used."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tf_bert.run", *arguments],
        stdout=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"Status {process.returncode} of {arguments}.")
    return usage


def rows(num_rows: int) -> Iterator[tuple[str, str]]:
    """Yields an id and a text of 2 to 17 words, none like another."""
    endless = itertools.cycle(words())
    for number in range(num_rows):
        text = " ".join(itertools.islice(endless, 2 + number % 16))
        yield str(number), text


def write_delimited(path: pathlib.Path, num_rows: int) -> None:
    """Writes .csv or .tsv, the former also compressed."""
    is_packed = path.suffix == ".gz"
    delimiter = "\t" if path.suffix == ".tsv" else ","
    open_text = gzip.open if is_packed else open
    with open_text(path, "wt", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter, lineterminator="\n")
        writer.writerow(("id", "text"))
        writer.writerows(rows(num_rows))


def write_json_lines(path: pathlib.Path, num_rows: int) -> None:
    """Writes one object to a line."""
    with open(path, "w", encoding="utf-8") as file:
        for number, text in rows(num_rows):
            file.write(json.dumps({"id": number, "text": text}) + "\n")


def write_parquet(path: pathlib.Path, num_rows: int) -> None:
    """Writes row groups of pyarrow's own size."""
    import pyarrow.parquet

    ids, texts = zip(*rows(num_rows), strict=True)
    table = pyarrow.table({"id": ids, "text": texts})
    pyarrow.parquet.write_table(table, path)


WRITERS = {
    ".csv": write_delimited,
    ".csv.gz": write_delimited,
    ".tsv": write_delimited,
    ".jsonl": write_json_lines,
    ".parquet": write_parquet,
}

if __name__ == "__main__":
    main()
