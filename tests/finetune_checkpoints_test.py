"""Tests of tf_bert/finetune.py: checkpoints that are refused."""

import json
import pathlib
import shutil

import pytest
import torch_files


@pytest.fixture
def checkpoint(tiny_checkpoint, tmp_path) -> pathlib.Path:
    """A copy of the tiny checkpoint, to be changed."""
    return pathlib.Path(shutil.copytree(tiny_checkpoint, tmp_path / "tiny"))


def change_config(folder, **changes):
    path = folder / "config.json"
    fields = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(fields | changes), encoding="utf-8")


class TestRefused:
    def check(self, train_error, checkpoint, message):
        output_dir = checkpoint.parent / "run"
        train_error(output_dir, message, init_checkpoint=checkpoint)
        assert not output_dir.exists()

    def test_a_bin_that_tries_to_run_something(self, checkpoint, train_error):
        trace = checkpoint / "trace"
        (checkpoint / "model.safetensors").unlink()
        body = torch_files.call(
            torch_files.name("posix", "mkdir"), torch_files.text(str(trace))
        )
        torch_files.write_zip(
            checkpoint / "pytorch_model.bin", torch_files.zip_file(body, {})
        )
        self.check(train_error, checkpoint, "it tries to run posix.mkdir")
        assert not trace.exists()

    @pytest.mark.parametrize(
        "field, value",
        [
            ("hidden_size", 10**18),
            ("hidden_size", 10**9),
            ("hidden_size", 16),
            ("hidden_size", "8"),
            ("num_hidden_layers", 10**9),
            ("num_hidden_layers", 1),
            ("num_attention_heads", 3),
            ("type_vocab_size", -2),
            ("vocab_size", 10**9),
        ],
    )
    def test_a_configuration_that_contradicts_the_weights(
        self, field, value, checkpoint, train_error
    ):
        change_config(checkpoint, **{field: value})
        self.check(train_error, checkpoint, f"Received: .*{field}={value!r}")

    @pytest.mark.parametrize(
        "name", ["config.json", "model.safetensors", "vocab.txt"]
    )
    def test_a_link_that_leads_nowhere(self, name, checkpoint, train_error):
        (checkpoint / name).unlink()
        (checkpoint / name).symlink_to("gone")
        self.check(
            train_error,
            checkpoint,
            f"symbolic link.*Received: .*{name} -> gone",
        )
