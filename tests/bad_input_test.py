"""What a user meets who gets something wrong: the tables of bad_inputs.py.

Each case goes through the program itself: status 2, a sentence in three
parts, no traceback, and nothing is written.
"""

import contextlib
import json
import logging
import os
import pathlib
import re
import resource
import shutil
import tempfile

import bad_inputs
import numpy as np
import pytest
import safetensors.numpy
from bad_inputs import Case

from tf_bert import run


def tree(folder):
    """Everything below a folder: path -> content, None of what is no file."""
    return {
        path: path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def check_said(error, case):
    """A sentence in three parts and no traceback."""
    assert "Traceback" not in error, error
    *_, line = error.splitlines()
    name, _, message = line.partition(": ")
    assert re.fullmatch(case.error, name), error
    assert re.search(case.message, message), error
    what, received, rest = message.partition("Received: ")
    assert what, error
    assert received, error
    assert re.search(r"--\w+|/\w+", rest), error


@pytest.fixture
def refused(flags, tmp_path, capsys):
    """Returns a function that checks a run that cannot be."""

    def check(case, *, folder=tmp_path, user=contextlib.nullcontext):
        for name, content in case.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, bytes):
                path.write_bytes(content)
            else:
                path.write_text(content, encoding="utf-8")
        changes = {"output_dir": folder / "output", **case.changes}
        arguments = [*flags(**changes), *case.wrong.split()]
        before = tree(folder)
        capsys.readouterr()
        arguments = [x.replace("{folder}", str(folder)) for x in arguments]
        with user():
            status = run.main(arguments)
        shown = capsys.readouterr()
        assert status == 2, shown.err
        check_said(shown.err, case)
        assert shown.out == ""
        assert tree(folder) == before

    return check


@pytest.mark.parametrize("case", bad_inputs.CASES, ids=lambda x: x.name)
def test_a_wrong_input_is_refused(refused, case):
    refused(case)


def damage_header(folder):
    path = folder / "model.safetensors"
    path.write_bytes((2**60).to_bytes(8, "little") + path.read_bytes()[8:])


def truncate(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def change_weight(name, value):
    """Another value of a weight; None: without it."""

    def changed(folder):
        path = folder / "model.safetensors"
        weights = safetensors.numpy.load_file(path)
        old = weights.pop(name)
        if value is not None:
            weights[name] = np.full_like(old, value)
        safetensors.numpy.save_file(weights, path)

    return changed


def change_config(**fields):
    def changed(folder):
        path = folder / "config.json"
        old = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps({**old, **fields}), encoding="utf-8")

    return changed


def remove(*names):
    def removed(folder):
        for name in names:
            (folder / name).unlink()

    return removed


@pytest.mark.parametrize(
    "damage, message",
    [
        (truncate, "damaged or incomplete.*safetensors"),
        (damage_header, "damaged or incomplete"),
        (
            change_weight("bert.pooler.dense.bias", np.inf),
            "not finite.*bert.pooler.dense.bias",
        ),
        (
            change_weight("bert.encoder.layer.1.output.dense.weight", None),
            "without bert.encoder.layer.1.output.dense.weight",
        ),
        (
            change_config(vocab_size=1000),
            "belongs to another model. Received: 63 entries.*vocab_size=1000",
        ),
        (
            change_config(vocab_size=60),
            "belongs to another model. Received: 63 entries.*vocab_size=60",
        ),
        (
            change_config(intermediate_size=32),
            "bert.encoder.layer.0.intermediate.dense",
        ),
        (
            change_config(model_type="roberta"),
            "not a BERT. Received: model_type='roberta'",
        ),
        (remove("config.json"), "neither config.json nor bert_config.json"),
        (
            remove("model.safetensors"),
            "no weights in the folder.*Pass.*model.safetensors",
        ),
        (remove("vocab.txt", "tokenizer.json"), "vocab.txt"),
    ],
)
def test_a_wrong_checkpoint_is_refused(
    refused, tiny_checkpoint, tmp_path, damage, message
):
    folder = tmp_path / "checkpoint"
    shutil.copytree(tiny_checkpoint, folder)
    damage(folder)
    refused(
        Case(
            "checkpoint",
            message,
            changes={"init_checkpoint": folder},
            error="ValueError|FileNotFoundError",
        )
    )


@pytest.mark.parametrize(
    "flag, name, target, message",
    [
        *(
            (
                "output_dir",
                "output",
                target,
                "cannot be made or written.*output is not a folder",
            )
            for target in ("output", "nowhere")
        ),
        (
            "train_file",
            "link.csv",
            "gone.csv",
            "no such data file. .*path='.*link.csv': a link to 'gone.csv'",
        ),
        ("train_file", "bad.csv", "bad.csv", "path='.*bad.csv'"),
    ],
)
def test_a_link_that_leads_nowhere_is_refused(
    refused, tmp_path, flag, name, target, message
):
    path = tmp_path / name
    path.symlink_to(target)
    refused(
        Case(
            "link",
            message,
            changes={flag: path},
            error="FileNotFoundError|NotADirectoryError|OSError",
        )
    )


@contextlib.contextmanager
def ordinary_user():
    """Gives up the rights of root, which may read and write everything."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


@pytest.fixture(scope="module")
def open_folder(finished_run, tiny_checkpoint, reviews):
    """A folder that every user can read: of a checkpoint, data and a run.

    After a whole run, so that everything has been imported.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        shutil.copytree(tiny_checkpoint, folder / "checkpoint")
        shutil.copytree(finished_run, folder / "run")
        shutil.copy(reviews / "train.csv", folder / "train.csv")
        shutil.copy(reviews / "train.csv", folder / "secret.csv")
        (folder / "mine").mkdir()
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
        (folder / "mine").chmod(0o777)
        (folder / "secret.csv").chmod(0)
        yield folder
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755)


TWO = (
    '{"cluster": {"worker": ["127.0.0.1:2222", "127.0.0.1:2223"]}, '
    '"task": {"type": "worker", "index": %s}}'
)


@pytest.mark.parametrize(
    ("text", "message", "wrong"),
    [
        ("{", "TF_CONFIG does not say.*it is not JSON .*TF_CONFIG={", ""),
        (TWO % 2, r"index 2 is not in .*pass --distribution=one_dev", ""),
        (
            TWO % 0,
            "mode=trials and a TF_CONFIG",
            "--mode=trials --num_trials=2",
        ),
        (TWO % 0, "mode=inspect and a TF_CONFIG", "--mode=inspect"),
        (
            "",
            "no environment variable TF_CONFIG. Set it",
            "--distribution=multi_worker",
        ),
    ],
)
def test_workers_are_named_rightly(refused, monkeypatch, text, message, wrong):
    """TF_CONFIG, of which TensorFlow itself would say nothing, or wait."""
    monkeypatch.setenv("TF_CONFIG", text)
    if not text:
        monkeypatch.delenv("TF_CONFIG")
    refused(Case("workers", message, wrong))


@pytest.mark.parametrize(
    "changes, message",
    [
        ({}, "cannot be made or written.*/output, but .* may not be written"),
        (
            {
                "output_dir": "{folder}/mine/run",
                "train_file": "{folder}/secret.csv",
            },
            "may not be read.*path='.*/secret.csv'",
        ),
        *(
            (
                {"output_dir": "{folder}/run", **changes},
                "cannot be made or written.*/run may not be written",
            )
            for changes in (
                {"overwrite_output_dir": True},
                {**bad_inputs.NO_TRAINING, "mode": "evaluate"},
            )
        ),
    ],
)
def test_rights_are_needed(refused, open_folder, changes, message):
    case = Case(
        "rights",
        message,
        changes={
            "train_file": "{folder}/train.csv",
            "init_checkpoint": open_folder / "checkpoint",
            **changes,
        },
        error="PermissionError",
    )
    refused(case, folder=open_folder, user=ordinary_user)


@contextlib.contextmanager
def full_disk_at(line):
    """Lets no file grow over 10,000 bytes once a certain line is logged."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    class Fill(logging.Handler):
        def emit(self, record):
            if record.getMessage().startswith(line):
                resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))

    handler = Fill()
    logging.getLogger("absl").addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger("absl").removeHandler(handler)
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.large
def test_a_run_continues_once_the_disk_has_room(
    flags, finished_run, tmp_path, capsys, caplog
):
    folder = tmp_path / "run"
    command = flags(output_dir=folder, record_updates=True)
    with full_disk_at("step 4:"):
        status = run.main(command)
    assert status == 2
    check_said(
        capsys.readouterr().err,
        Case(
            "full_disk",
            "disk is full.*checkpoints/.*.safetensors' .*continue",
            error="OSError",
        ),
    )
    names = sorted(path.name for path in folder.glob("checkpoints/*"))
    assert [re.sub(r"\..*", "", name) for name in names] == [
        "best_step_2",
        "state_1_step_2",
    ]
    assert run.main(command) == 0
    assert "Continuing after step 2." in caplog.text
    for name in ("history.jsonl", "model/model.safetensors"):
        expected = (finished_run / name).read_bytes()
        assert (folder / name).read_bytes() == expected
