"""Tests of tf_bert/runs/memory.py, in a process that runs out of it.

What a process may have is limited there to little more than it has, so that
TensorFlow is refused what a batch of long texts needs: 300 MB for the shares
of the attention alone.
"""

import functools
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import textwrap

import pytest
import tensorflow as tf
import transformers
from conftest import make_config, read_json, write_csv

from tf_bert.models.sequence_classification import (
    TFBertForSequenceClassification,
)
from tf_bert.runs import build, memory
from tf_bert.runs.cost import MemoryEstimate
from tf_bert.system import limits

ROOT = pathlib.Path(__file__).parents[2]
NUM_ROWS = 150
HUGE = {
    "train_batch_size": NUM_ROWS,
    "max_seq_length": 256,
    "num_train_steps": 1,
    "num_evaluations": 1,
}
# Runs command lines one after another: JSON in, JSON out.
PROGRAM = """
    import contextlib, io, json, logging, re, resource, sys
    from tf_bert import run

    def limit(megabytes):
        with open("/proc/self/status") as file:
            size = 1024 * int(re.search(r"VmSize:\\s+(\\d+)", file.read())[1])
        resource.setrlimit(resource.RLIMIT_AS, (
            size + 2**20 * megabytes if megabytes else resource.RLIM_INFINITY,
            resource.RLIM_INFINITY))

    def ended(arguments):
        error = io.StringIO()
        for handler in logging.root.handlers:
            handler.setStream(error)
        with contextlib.redirect_stderr(error):
            status = run.main(arguments)
        return status, error.getvalue().strip().splitlines()

    commands = json.load(sys.stdin)
    # Starts all threads, whose stacks count too.
    found = {"first": ended(commands.pop("first"))}
    for name, (megabytes, arguments) in commands.items():
        limit(megabytes)
        found[name] = ended(arguments)
    print(json.dumps(found), file=sys.__stdout__)
"""


@pytest.fixture(scope="module")
def built(flags) -> build.Run:
    return build.build(make_config(flags, max_seq_length=64))


@pytest.mark.parametrize(
    "error", [MemoryError, tf.errors.ResourceExhaustedError]
)
def test_an_error_becomes_a_sentence(built, error):
    arguments = (
        (None, None, "OOM {x}") if error is not MemoryError else ("OOM {x}",)
    )
    with (
        pytest.raises(
            memory.OutOfMemory,
            match=r"OOM {x}.*--precision=mixed_bfloat16 \(about ",
        ),
        memory.explained_steps(built),
    ):
        raise error(*arguments)


def test_each_flag_saves_memory(built):
    """Not --remat: of two blocks one is computed at a time anyway."""
    config = built.config
    now = memory.step_memory(built, config).total
    ways = memory._ways(
        config, lambda x: memory.step_memory(built, x), now, None
    )
    found = {way.flag: way for way in ways}
    assert found.keys() == {
        "--precision=mixed_bfloat16",
        "--train_batch_size=6",
        "--gradient_accumulation_steps=4",
    }
    assert all(way.needed < now for way in found.values())


@pytest.mark.parametrize(
    ("with_remat", "expected"),
    [
        (1, "Pass one of --remat (about 2.0 GB). "),
        (
            7.9,
            "Pass several of --precision=mixed_bfloat16 (about 7.5 GB), --rem",
        ),
    ],
)
def test_what_fits_comes_first_and_what_goes_on_is_said(
    built, with_remat, expected
):
    def estimate(config):
        parts = {False: 8, True: with_remat}[config.remat]
        if config.precision == "mixed_bfloat16":
            parts -= 1.5
        return MemoryEstimate(10**9, 0, 0, int(parts * 10**9))

    strategy = built.classifier.strategy
    with (
        pytest.raises(memory.OutOfMemory) as caught,
        memory._explained("x", built.config, estimate, strategy, memory._GO_ON),
    ):
        raise MemoryError
    said = str(caught.value)
    assert "about 9.0 GB needed, 8.0 GB of them for activations" in said
    assert expected in said
    assert "With --remat alone the command goes on from it" in said


def test_a_processor_has_what_the_machine_has(built):
    assert memory._room(built.classifier.strategy) == limits.memory_bytes()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("memory")


@pytest.fixture(scope="module")
def wide_checkpoint(folder, tiny_checkpoint) -> pathlib.Path:
    """The tiny one's tokenizer, with a model for 256 tokens, of 8 heads."""
    path = pathlib.Path(shutil.copytree(tiny_checkpoint, folder / "wide"))
    config = transformers.BertConfig(
        vocab_size=read_json(path / "config.json")["vocab_size"],
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=8,
        intermediate_size=64,
        max_position_embeddings=256,
    )
    model = TFBertForSequenceClassification(config, seed=0)
    model.save_pretrained(str(path))
    return path


@pytest.fixture(scope="module")
def ended(folder, flags, wide_checkpoint) -> dict[str, tuple[int, list[str]]]:
    """Command -> exit status, and the lines of standard error."""
    rows = [("a b c d " * 62, ("good", "bad")[i % 2]) for i in range(NUM_ROWS)]
    long = folder / "long.csv"
    write_csv(long, [("text", "label"), *rows])
    huge = {"train_file": long, "validation_proportion": 0, **HUGE}
    of_wide = functools.partial(flags, init_checkpoint=wide_checkpoint)
    finished, predicted = folder / "first", folder / "predicted"
    wide = f"--eval_batch_size={NUM_ROWS}"
    of_finished = [f"--output_dir={finished}", "--max_seq_length=256", wide]
    predicting = [*of_wide(output_dir=predicted, predict_file=long), wide]
    predicting.append("--max_seq_length=256")
    commands = {
        "first": of_wide(output_dir=finished),
        "training": (200, of_wide(output_dir=folder / "training", **huge)),
        "trials": (
            200,
            of_wide(
                output_dir=folder / "trials",
                mode="trials",
                num_trials=1,
                test_file=long,
                **huge,
            ),
        ),
        "evaluation": (
            100,
            ["--mode=evaluate", f"--test_file={long}", *of_finished],
        ),
        "prediction": (
            100,
            ["--mode=predict", f"--predict_file={long}", *of_finished],
        ),
        "predicting": (100, predicting),
        "continued": (0, predicting),
        "unbroken": (
            0,
            [x.replace("predicted", "unbroken") for x in predicting],
        ),
    }
    process = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(PROGRAM)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        input=json.dumps(commands),
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout.splitlines()[-1])


@pytest.mark.large
@pytest.mark.parametrize(
    ("name", "what", "flags_named"),
    [
        (
            "training",
            "a step of the training",
            {
                "train_batch_size",
                "gradient_accumulation_steps",
                "max_seq_length",
                "precision",
            },
        ),
        (
            "evaluation",
            "a batch of an evaluation",
            {"eval_batch_size", "max_seq_length", "precision"},
        ),
        (
            "prediction",
            "a batch of an evaluation or prediction",
            {"eval_batch_size", "max_seq_length", "precision"},
        ),
    ],
)
def test_a_sentence_names_the_flags_and_what_is_needed_with_each(
    ended, name, what, flags_named
):
    status, (*_, said) = ended[name]
    assert status == 2
    assert said.startswith(
        f"OutOfMemory: There is not enough memory for {what}"
    )
    found = re.findall(r"--(\w+)\S* \(about [\d.]+ .B\)", said)
    assert set(found) <= flags_named
    assert found[0] in flags_named


@pytest.mark.large
def test_a_trial_that_lacks_memory_says_so_in_its_record(ended, folder):
    status, _ = ended["trials"]
    assert status == 1
    (path,) = (folder / "trials" / "trials").glob("*.json")
    assert read_json(path)["error"].startswith("OutOfMemory: There is not")


@pytest.mark.large
def test_nothing_that_was_saved_is_lost(ended, folder):
    assert ended["predicting"][0] == 2
    status, lines = ended["continued"]
    assert status == 0
    assert any(line.startswith("Continuing after step 6") for line in lines)
    for name in ("model/model.safetensors", "predictions.tsv", "history.jsonl"):
        expected = (folder / "unbroken" / name).read_bytes()
        assert (folder / "predicted" / name).read_bytes() == expected
