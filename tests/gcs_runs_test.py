"""Whole runs with every path on gs://, against a storage on loopback."""

import gzip
import json
import pathlib
import re

import gcs_client
import gcs_server
import pyarrow
import pyarrow.csv
import pyarrow.parquet
import pytest

_TF1 = pathlib.Path(__file__).parents[1] / "../shared/data/bert_ckpt_fixture"
Fault = gcs_server.Fault

pytestmark = pytest.mark.large


def put_folder(gcs, source, path: str) -> str:
    """Puts the files of a folder in; returns where they are."""
    name = path.removeprefix("gs://bucket/")
    for file in pathlib.Path(source).iterdir():
        gcs.objects["bucket"][f"{name}/{file.name}"] = file.read_bytes()
    return path


def contents(gcs, folder: str) -> dict[str, bytes]:
    """Returns what lies in a folder: name there -> content."""
    prefix = folder.removeprefix("gs://bucket/") + "/"
    return {
        name.removeprefix(prefix): content
        for name, content in gcs.objects["bucket"].items()
        if name.startswith(prefix)
    }


@pytest.fixture
def command(gcs, gcs_folder, flags, reviews, tiny_checkpoint):
    """Returns a function that makes a command line, all of it on gs://."""
    checkpoint = put_folder(gcs, tiny_checkpoint, f"{gcs_folder}/checkpoint")
    files = put_folder(gcs, reviews, f"{gcs_folder}/data")

    def command_line(**changes) -> list[str]:
        return flags(
            **{
                "init_checkpoint": checkpoint,
                "train_file": f"{files}/train.csv",
                "output_dir": f"{gcs_folder}/run",
                **changes,
            }
        )

    return command_line


def test_a_run_and_all_that_follows(gcs, gcs_folder, on_gcs, command):
    """With one fault of each kind on the way."""
    # Far enough from each other: the client tries only twice here.
    gcs.faults += [
        Fault("read", "train.csv", status=503),
        Fault("read", "safetensors"),
        Fault("upload", "config.json", status=429),
        Fault("begin_upload", "tfevents", after=2, status=503),
        Fault("upload", "history"),
        Fault("stat", "state"),
    ]
    files, run = f"{gcs_folder}/data", f"{gcs_folder}/run"
    status, errors = on_gcs(
        gcs_client.run_main,
        *command(
            test_file=f"{files}/test.csv",
            predict_file=f"{files}/predict.csv",
            tensorboard=True,
        ),
    )
    assert status == 0, errors
    assert [fault.times for fault in gcs.faults] == [0] * len(gcs.faults)
    # The first read of train.csv has met a fault.
    for name, count in (("train", 2), ("test", 1), ("predict", 1)):
        name = f"{files.removeprefix('gs://bucket/')}/{name}.csv"
        reads = [r for r in gcs.requests if (r.kind, r.name) == ("read", name)]
        assert len(reads) == count, reads
    for arguments in (
        ["--mode=evaluate", f"--test_file={files}/test.csv"],
        ["--mode=predict", f"--predict_file={files}/predict.csv"],
        ["--mode=export"],
        ["--mode=report"],
    ):
        status, errors = on_gcs(
            gcs_client.run_main, f"--output_dir={run}", *arguments
        )
        assert status == 0, errors
    names = contents(gcs, run)
    for name in (
        "all_results.json",
        "predictions.tsv",
        "report.html",
        "model/model.safetensors",
        "saved_model/saved_model.pb",
        "saved_model/variables/variables.index",
    ):
        assert name in names
    folder = files.rpartition("/")[2]
    assert f"Rows of `{folder}/train.csv`," in names["model/README.md"].decode()
    assert f": {folder}/train.csv</h1>" in names["report.html"].decode()
    events = [name for name in names if name.startswith("tensorboard/events")]
    assert len(events) == 1
    assert names[events[0]].count(b"train/loss") == 3
    assert any(name.startswith("report/figures/") for name in names)
    assert not any(name.startswith("checkpoints/") for name in names)
    labels = on_gcs(gcs_client.predict, run, ["The lamp is good."])
    assert labels[0] in ("good", "bad")


def test_a_run_that_lost_its_storage_is_continued(
    gcs, gcs_folder, on_gcs, command, finished_run
):
    gcs.faults.append(
        Fault("begin_upload", "state|history", after=2, status=503, times=None)
    )
    status, errors = on_gcs(gcs_client.run_main, *command())
    assert status == 2
    assert "ConnectionError: The storage did not answer" in errors
    assert "give the same command again" in errors
    assert "Traceback" not in errors
    left = contents(gcs, f"{gcs_folder}/run")
    assert "all_results.json" not in left
    assert any(name.startswith("checkpoints/") for name in left)
    gcs.faults.clear()
    status, errors = on_gcs(gcs_client.run_main, *command(resume="must"))
    assert status == 0, errors
    results, expected = (
        json.loads(content)["validation"]["loss"]
        for content in (
            contents(gcs, f"{gcs_folder}/run")["all_results.json"],
            (finished_run / "all_results.json").read_bytes(),
        )
    )
    assert results == expected


@pytest.mark.parametrize(
    "changes, fault, message",
    [
        (
            {"output_dir": "gs://missing/run"},
            None,
            "no such file, folder or bucket.*404",
        ),
        (
            {"init_checkpoint": "gs://missing/x"},
            None,
            "Could not find the checkpoint.*init_checkpoint",
        ),
        ({"train_file": "gs://bucket/no.csv"}, None, "no such data file"),
        ({}, Fault("read", "csv", status=403, times=None), "gcloud auth"),
        (
            {},
            Fault("begin_upload", "config", status=403, times=None),
            "gcloud auth",
        ),
        *(
            (
                {"tensorboard": True},
                Fault("begin_upload", "tfevents", status=status, times=None),
                rf"path='gs://.*/tensorboard' \((?!\{{).*{message}",
            )
            for status, message in ((403, "gcloud auth"), (503, "later"))
        ),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(
    gcs, on_gcs, command, changes, fault, message
):
    gcs.faults += [fault] if fault else []
    status, errors = on_gcs(gcs_client.run_main, *command(**changes))
    assert status == 2
    assert "Traceback" not in errors
    assert re.search(message, errors), errors


def test_a_release_of_google_is_opened(gcs, gcs_folder, on_gcs, command):
    """By the common beginning of its files, as its README names it."""
    folder = put_folder(gcs, _TF1, f"{gcs_folder}/release")
    status, errors = on_gcs(
        gcs_client.run_main,
        *command(
            init_checkpoint=f"{folder}/bert_model.ckpt",
            max_seq_length=8,
            num_train_steps=1,
            num_evaluations=1,
        ),
    )
    assert status == 0, errors


def test_data_of_every_kind(gcs, gcs_folder, on_gcs, reviews):
    """A `--flagfile` there names them."""
    folder = f"{gcs_folder}/kinds"
    name = folder.removeprefix("gs://bucket/")
    text = (reviews / "train.csv").read_bytes()
    table = pyarrow.csv.read_csv(reviews / "train.csv")
    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(table, sink)
    lines = "".join(f"{json.dumps(row)}\n" for row in table.to_pylist())
    half = len(text.splitlines(True)) // 2
    rows = text.splitlines(True)
    gcs.objects["bucket"] |= {
        f"{name}/a.parquet": sink.getvalue().to_pybytes(),
        f"{name}/a.jsonl": lines.encode(),
        f"{name}/a.csv.gz": gzip.compress(text),
        f"{name}/part-1.csv": b"".join(rows[:half]),
        f"{name}/part-2.csv": b"".join([rows[0], *rows[half:]]),
        f"{name}/a.flags": b"# Data.\n--text_column=text\n",
    }
    tables = [
        on_gcs(gcs_client.read_rows, f"{folder}/{file}")
        for file in ("a.parquet", "a.jsonl", "a.csv.gz", "part-*.csv")
    ]
    assert tables == [tables[0]] * 4
    assert len(tables[0]) == 40
    flag_file = f"--flagfile={folder}/a.flags"
    assert on_gcs(gcs_client.expand, flag_file) == ["--text_column=text"]


def test_trials_and_their_report(gcs, gcs_folder, on_gcs, command):
    sweep = f"{gcs_folder}/sweep"
    arguments = command(
        mode="trials",
        seed=1,
        num_trials=1,
        trials_save_model="best",
        output_dir=sweep,
    )
    for further in ([], ["--num_trials=2"]):
        status, errors = on_gcs(gcs_client.run_main, *arguments, *further)
        assert status == 0, errors
    names = contents(gcs, sweep)
    records = [n for n in names if n.startswith("trials/") and n.count("/") < 2]
    assert len(records) == 2
    assert "model/config.json" in names
    report = [f"--trials_dirs={sweep}", f"--output_dir={gcs_folder}/report"]
    status, errors = on_gcs(gcs_client.run_main, "--mode=report", *report)
    assert status == 0, errors
    assert "report.html" in contents(gcs, f"{gcs_folder}/report")
