"""Tests of tf_bert/runs/build.py: a run that starts from another's model."""

import numpy as np
import pytest
import safetensors.numpy
import transformers
from conftest import make_config

from tf_bert.checkpoints import names
from tf_bert.runs import build

HEAD = {"classifier/kernel", "classifier/bias"}


@pytest.fixture(scope="module")
def second(flags):
    """Returns a function that builds a run which starts from a checkpoint."""

    def built(checkpoint, **changes):
        config = make_config(flags, init_checkpoint=checkpoint, **changes)
        return build.build(config)

    return built


def differing(run, checkpoint):
    """Returns the paths of the weights that are not the checkpoint's."""
    stored = safetensors.numpy.load_file(checkpoint / "model.safetensors")
    found = set()
    for path, variable in run.classifier.model.weights_by_path().items():
        name, is_transposed = names.torch_name(path)
        tensor = stored[name].T if is_transposed else stored[name]
        if not np.array_equal(variable.numpy(), tensor):
            found.add(path)
    return found


def test_another_task_starts_from_all_but_the_head(pairs_run, second):
    run = second(pairs_run / "model")
    assert run.classifier.fresh == HEAD
    assert differing(run, pairs_run / "model") == HEAD
    assert run.classifier.model.config.id2label == {0: "bad", 1: "good"}
    # Nothing but weights comes along.
    assert int(run.optimizer.iterations.numpy()) == 0
    for name, moment in run.optimizer.moments().items():
        assert not moment.numpy().any(), name


@pytest.mark.parametrize("keep_head, drawn", [(False, HEAD), (True, set())])
def test_of_the_same_labels_the_head_is_drawn_or_kept(
    finished_run, second, keep_head, drawn
):
    run = second(finished_run / "model", keep_head=keep_head)
    assert run.classifier.fresh == drawn
    assert differing(run, finished_run / "model") == drawn


@pytest.mark.large
@pytest.mark.reference
class TestTransformers:
    """A folder that transformers wrote, with PyTorch."""

    @pytest.fixture(scope="class")
    @classmethod
    def theirs(cls, tiny_checkpoint, tmp_path_factory):
        import torch

        torch.manual_seed(0)
        folder = tmp_path_factory.mktemp("theirs")
        config = transformers.BertConfig.from_pretrained(
            tiny_checkpoint,
            id2label={0: "bad", 1: "good"},
            label2id={"bad": 0, "good": 1},
        )
        model = transformers.BertForSequenceClassification(config)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.normal_()
        model.save_pretrained(folder)
        transformers.AutoTokenizer.from_pretrained(
            tiny_checkpoint
        ).save_pretrained(folder)
        return folder

    def test_its_head_is_drawn_or_kept(self, theirs, second):
        assert differing(second(theirs), theirs) == HEAD
        assert differing(second(theirs, keep_head=True), theirs) == set()

    def test_its_labels_are_checked(self, theirs, second):
        with pytest.raises(ValueError, match="labels bad, good in .*, good, b"):
            second(theirs, keep_head=True, label_names="good,bad")
