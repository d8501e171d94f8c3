"""Tests of tf_bert/runs/classifier.py: what a training starts from."""

import pathlib
import shutil

import numpy as np
import pytest
import safetensors.numpy
import transformers
from conftest import make_config

from tf_bert.checkpoints import names
from tf_bert.data.tasks import run_data
from tf_bert.models.sequence_classification import (
    TFBertForSequenceClassification,
)
from tf_bert.runs import build
from tf_bert.runs.classifier import load_classifier

HEAD = {"classifier/bias", "classifier/kernel"}
POOLER = {"bert/pooler/dense/bias", "bert/pooler/dense/kernel"}
KERNEL = "bert/encoder/layer_{}/output/dense/kernel"


@pytest.fixture(scope="module")
def load(flags):
    """Returns a function from flags to `new` and the weights by path."""

    def loaded(**changes):
        config = make_config(flags, label_names="bad,good", **changes)
        classifier = load_classifier(config, run_data.get_task(config))
        weights = classifier.model.weights_by_path()
        return classifier.new, {p: v.numpy() for p, v in weights.items()}

    return loaded


@pytest.fixture(scope="module")
def standard(load):
    return load(head_seed=3)


@pytest.fixture
def checkpoint(tiny_checkpoint, tmp_path) -> pathlib.Path:
    """A copy of the tiny checkpoint, to be changed."""
    return pathlib.Path(shutil.copytree(tiny_checkpoint, tmp_path / "tiny"))


class TestHead:
    def test_is_drawn_although_the_checkpoint_has_one(
        self, load, standard, tiny_checkpoint
    ):
        new, weights = standard
        stored = safetensors.numpy.load_file(
            f"{tiny_checkpoint}/model.safetensors"
        )["classifier.weight"]
        assert stored.shape == (2, 8)
        assert new == HEAD
        assert not np.array_equal(weights["classifier/kernel"], stored.T)

    def test_is_kept_if_wanted(self, load, tiny_checkpoint):
        new, weights = load(head_seed=3, keep_head=True)
        stored = safetensors.numpy.load_file(
            f"{tiny_checkpoint}/model.safetensors"
        )["classifier.weight"]
        assert new == frozenset()
        np.testing.assert_array_equal(weights["classifier/kernel"], stored.T)

    def test_is_the_same_if_the_checkpoint_has_none(
        self, load, standard, checkpoint
    ):
        """Nor has it a pooler, as a model of masked words alone."""
        path = checkpoint / "model.safetensors"
        tensors = safetensors.numpy.load_file(path)
        bare = {
            name: tensor
            for name, tensor in tensors.items()
            if name.startswith(("bert.embeddings", "bert.encoder"))
        }
        safetensors.numpy.save_file(bare, path)
        new, weights = load(head_seed=3, init_checkpoint=checkpoint)
        assert new == HEAD | POOLER
        np.testing.assert_array_equal(
            weights["classifier/kernel"], standard[1]["classifier/kernel"]
        )


class TestReinit:
    def test_the_top_block_is_fresh_and_the_head_as_ever(self, load, standard):
        new, weights = load(head_seed=3, reinit_layers=1)
        assert new == HEAD | POOLER | {
            path for path in weights if path.startswith("bert/encoder/layer_1/")
        }
        differing = {
            path
            for path, value in weights.items()
            if not np.array_equal(value, standard[1][path])
        }
        # Biases, and LayerNorms, were 0 and 1 in this checkpoint too.
        kernels = {path for path in new if path.endswith("/kernel")}
        assert differing == kernels - HEAD

    def test_the_pooler_may_be_fresh_alone(self, load, standard):
        new, weights = load(head_seed=3, reinit_pooler=True)
        assert new == HEAD | POOLER
        path = KERNEL.format(1)
        np.testing.assert_array_equal(weights[path], standard[1][path])

    def test_a_second_time_draws_the_same_another_seed_does_not(self, load):
        first, second, other = (
            load(head_seed=seed, reinit_layers=1)[1] for seed in (3, 3, 4)
        )
        for path, value in first.items():
            np.testing.assert_array_equal(value, second[path], path)
        differing = {p for p in first if not np.array_equal(first[p], other[p])}
        assert "classifier/kernel" in differing
        assert KERNEL.format(1) in differing
        assert KERNEL.format(0) not in differing


class TestOfAnotherProgram:
    """What this one or transformers has fine-tuned."""

    @pytest.fixture(scope="class")
    @classmethod
    def start(cls, flags):
        """Returns a function that builds a run from a checkpoint.

        It gives the run, and the paths of weights that are not the
        checkpoint's.
        """

        def built(folder, **changes):
            config = make_config(flags, init_checkpoint=folder, **changes)
            run = build.build(config)
            stored = safetensors.numpy.load_file(folder / "model.safetensors")
            found = set()
            for path, value in run.classifier.model.weights_by_path().items():
                name, is_transposed = names.torch_name(path)
                tensor = stored[name].T if is_transposed else stored[name]
                if not np.array_equal(value.numpy(), tensor):
                    found.add(path)
            return run, found

        return built

    def test_another_task_starts_from_all_but_the_head(self, checkpoint, start):
        TFBertForSequenceClassification.from_pretrained(
            str(checkpoint), num_labels=1
        ).save_pretrained(str(checkpoint))
        run, differing = start(checkpoint)
        assert run.classifier.new == differing == HEAD
        assert run.classifier.model.config.id2label == {0: "bad", 1: "good"}
        # Nothing but weights comes along.
        assert int(run.optimizer.iterations.numpy()) == 0
        for name, moment in run.optimizer.moments().items():
            assert not moment.numpy().any(), name

    @pytest.mark.large
    @pytest.mark.reference
    def test_a_head_that_transformers_wrote_is_drawn_or_kept(
        self, tiny_checkpoint, start, tmp_path
    ):
        import torch

        torch.manual_seed(0)
        config = transformers.BertConfig.from_pretrained(
            tiny_checkpoint,
            id2label={0: "bad", 1: "good"},
            label2id={"bad": 0, "good": 1},
        )
        model = transformers.BertForSequenceClassification(config)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.normal_()
        model.save_pretrained(tmp_path)
        transformers.AutoTokenizer.from_pretrained(
            tiny_checkpoint
        ).save_pretrained(tmp_path)
        assert start(tmp_path)[1] == HEAD
        assert start(tmp_path, keep_head=True)[1] == set()
