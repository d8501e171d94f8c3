"""Tests of tf_bert/runs/build.py: a run that starts from another's model."""

import numpy as np
import pytest
import safetensors.numpy
import transformers

from tf_bert.checkpoints import names
from tf_bert.config import Config, parse
from tf_bert.runs import build

ROWS = [
    (f"The {thing} is {word}.", label)
    for thing in ("lamp", "tent", "mug", "desk", "kettle")
    for word, label in (("good", "up"), ("red", "level"), ("bad", "down"))
]
HEAD = {"classifier/kernel", "classifier/bias"}


@pytest.fixture(scope="module")
def three_labels(tmp_path_factory):
    """The flags of a task with three labels."""
    path = tmp_path_factory.mktemp("data") / "three.csv"
    rows = [f"{text},{label}\n" for text, label in ROWS]
    path.write_text("text,label\n" + "".join(rows), encoding="utf-8")
    return {"train_file": path, "validation_proportion": 0.2}


@pytest.fixture(scope="module")
def first(train, three_labels, tmp_path_factory):
    """The folder of a run with three labels."""
    return train(
        tmp_path_factory.mktemp("runs") / "first",
        num_train_steps=3,
        num_evaluations=1,
        **three_labels,
    )


@pytest.fixture(scope="module")
def second(flags):
    """Returns a function that builds a run which starts from a checkpoint."""

    def built(checkpoint, **changes):
        arguments = flags(
            output_dir="runs/second", init_checkpoint=checkpoint, **changes
        )
        return build.build(Config(**parse.parse(arguments)))

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


@pytest.mark.large
class TestIntermediateTask:
    def test_another_task_starts_from_all_but_the_head(self, first, second):
        run = second(first / "model")
        assert run.classifier.fresh == HEAD
        assert differing(run, first / "model") == HEAD
        assert run.classifier.model.config.id2label == {0: "bad", 1: "good"}

    def test_of_the_same_labels_the_head_is_drawn_too(
        self, first, second, three_labels
    ):
        run = second(first / "model", **three_labels)
        assert run.classifier.fresh == HEAD
        assert differing(run, first / "model") == HEAD

    def test_or_kept(self, first, second, three_labels):
        run = second(first / "model", keep_head=True, **three_labels)
        assert run.classifier.fresh == frozenset()
        assert differing(run, first / "model") == set()

    def test_nothing_but_weights_comes_along(self, first, second):
        run = second(first / "model")
        assert int(run.optimizer.iterations.numpy()) == 0
        for name, moment in run.optimizer.moments().items():
            assert not moment.numpy().any(), name

    def test_a_kept_head_wants_the_checkpoints_order(
        self, first, second, three_labels
    ):
        with pytest.raises(
            ValueError, match="Pass --label_names=down,level,up, the check"
        ):
            second(
                first / "model",
                keep_head=True,
                label_names="up,level,down",
                **three_labels,
            )

    def test_the_folder_of_the_run_is_not_its_model(self, first, second):
        with pytest.raises(
            ValueError, match="Pass --init_checkpoint=.*first/model."
        ):
            second(first)


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
