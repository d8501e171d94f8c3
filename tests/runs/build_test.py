"""Tests of tf_bert/runs/build.py."""

import dataclasses
import pathlib
import shutil

import numpy as np
import pytest
from conftest import make_config

from tf_bert.data.tasks import run_data
from tf_bert.runs import build
from tf_bert.training import frozen_features

WORDS = "bert/embeddings/word_embeddings/embeddings"
KERNELS = (
    "bert/encoder/layer_0/output/dense/kernel",
    "bert/encoder/layer_1/output/dense/kernel",
    "bert/pooler/dense/kernel",
    "classifier/kernel",
)


@pytest.fixture(scope="module")
def built(flags, reviews):
    """36 rows train in batches of 12 for 6 steps, 4 validate, 12 test."""
    return build.build(make_config(flags, test_file=reviews / "test.csv"))


@pytest.fixture(scope="module")
def other(flags, tmp_path_factory):
    """Of most flags another value; and a head that the checkpoint lacks."""
    path = tmp_path_factory.mktemp("three") / "three.csv"
    rows = "".join(f"A mug {i}.,{i % 3}\n" for i in range(12))
    path.write_text("text,label\n" + rows, encoding="utf-8")
    return build.build(
        make_config(
            flags,
            train_file=path,
            num_train_steps=10,
            warmup_proportion=0.2,
            bias_correction=False,
            adam_beta_1=0.8,
            adam_beta_2=0.99,
            adam_epsilon=1e-5,
            weight_decay=0.3,
            pretrained_weight_decay=0.3,
            layerwise_lr_decay=0.5,
            dropout=0,
            do_lower_case=False,
        )
    )


@pytest.fixture(scope="module")
def kept(flags):
    """Pulled to its start, with the checkpoint's head; of other seeds."""
    return build.build(
        make_config(flags, pretrained_weight_decay=0.3, keep_head=True, seed=1)
    )


class TestBuild:
    def test_splits_have_their_rows(self, built):
        sizes = {split: len(rows) for split, rows in built.tokenized.items()}
        assert sizes == {"train": 36, "validation": 4, "test": 12}
        assert built.data.task.label_names == ("bad", "good")

    def test_tokens_belong_to_the_texts(self, built):
        tokens = built.tokenized["test"]
        text = built.data.test.texts[3]
        (expected,) = built.classifier.tokenizer.encode(
            [text], max_seq_length=32
        ).input_ids.to_list()
        first, last = tokens.row_splits[3:5]
        assert tokens.ids[first:last].tolist() == expected
        assert tokens.labels.tolist() == built.data.test.labels.tolist()

    def test_schedule_has_the_steps_of_the_flags(self, built, other):
        assert built.schedule.plan.num_steps == 6
        assert built.schedule.plan.steps_per_epoch == 3
        assert built.schedule.evaluation_steps == (2, 4, 6)
        expected = [0, 5, 10, 8.75, 7.5, 6.25, 5, 3.75, 2.5, 1.25]
        np.testing.assert_allclose(
            other.schedule.learning_rates, 0.001 * np.array(expected), rtol=1e-6
        )

    def test_model_has_the_labels_and_the_flags(self, built, other):
        config = built.classifier.model.config
        assert config.id2label == {0: "bad", 1: "good"}
        assert config.label2id == {"bad": 0, "good": 1}
        config = other.classifier.model.config
        assert config.hidden_dropout_prob == 0
        assert config.attention_probs_dropout_prob == 0
        assert built.classifier.tokenizer.settings.do_lower_case
        assert not other.classifier.tokenizer.settings.do_lower_case

    def test_optimizer_has_the_flags(self, other):
        config = other.optimizer.get_config()
        assert config["bias_correction"] is False
        assert (config["beta_1"], config["beta_2"]) == (0.8, 0.99)
        assert config["epsilon"] == 1e-5
        assert config["weight_decay_rate"] == 0.3
        decayed = other.optimizer.decayed_paths
        assert decayed
        assert not [p for p in decayed if "bias" in p or "LayerNorm" in p]

    def test_layerwise_decay_sets_the_rates_of_layers(self, built, other):
        assert built.optimizer.get_config()["learning_rate_multipliers"] == {}
        multipliers = other.optimizer.get_config()["learning_rate_multipliers"]
        weights = other.classifier.model.weights_by_path()
        assert multipliers.keys() == weights.keys()
        found = {path: multipliers[path] for path in (WORDS, *KERNELS)}
        assert list(found.values()) == [0.125, 0.25, 0.5, 1, 1]

    def test_targets_of_mixout_are_the_weights_of_the_start(self, flags, built):
        assert built.mixout is None
        run = build.build(make_config(flags, mixout=0.3))
        weights = run.classifier.model.weights_by_path()
        targets = run.mixout.state()
        assert set(targets) == {
            f"mixout/{path}" for path in weights if path.endswith("/kernel")
        }
        state = run.state()
        for name, target in targets.items():
            weight = weights[name.removeprefix("mixout/")]
            np.testing.assert_array_equal(target.numpy(), weight.numpy(), name)
            assert state[name] is target
        assert run.loop.mixout is run.mixout

    def test_a_kept_head_is_pulled_to_its_start_a_fresh_one_is_not(
        self, kept, other
    ):
        paths = kept.optimizer.pretrained_decayed_paths
        assert "classifier/kernel" in paths
        assert paths == kept.optimizer.decayed_paths
        assert set(other.optimizer.pretrained_decayed_paths) == {
            path
            for path in other.optimizer.decayed_paths
            if not path.startswith("classifier/")
        }

    def test_priors_are_the_first_weights_of_what_is_trained(self, kept):
        priors = kept.optimizer.priors()
        rows = kept.embedding_rows.rows
        assert len(rows.shape) == 2
        assert rows.shape[0] < kept.classifier.model.config.vocab_size
        expected = {**kept.classifier.model.weights_by_path(), WORDS: rows}
        for path in kept.optimizer.pretrained_decayed_paths:
            np.testing.assert_array_equal(
                priors[f"prior/{path}"].numpy(), expected[path].numpy()
            )
        assert priors
        assert priors.keys() <= kept.state().keys()


def test_each_seed_decides_its_part(flags, built, kept):
    """The order of the examples, and which are held out."""

    def first_batch(run):
        return run.batches.iterate(0).at(0, 1)[0].get_next()["input_ids"]

    def held_out(**changes):
        return build.read_data(make_config(flags, **changes)).validation.texts

    assert not np.array_equal(first_batch(kept), first_batch(built))
    assert held_out(seed=1) == built.data.validation.texts
    assert held_out(split_seed=1) != built.data.validation.texts


def test_the_digest_of_the_data_depends_on_texts_and_labels(built):
    tokens = built.tokenized["train"]
    changed = (
        dataclasses.replace(tokens, ids=np.roll(tokens.ids, 1)),
        dataclasses.replace(tokens, labels=1 - tokens.labels),
    )
    digests = {
        dataclasses.replace(built, tokenized={"train": x}).data_digest()
        for x in changed
    }
    assert len({built.data_digest(), *digests}) == 3


def test_padded_embeddings_are_accepted(
    flags, tiny_checkpoint, tmp_path, caplog
):
    """Some releases have more word embeddings than entries."""
    folder = pathlib.Path(shutil.copytree(tiny_checkpoint, tmp_path / "x"))
    path = folder / "vocab.txt"
    lines = path.read_text(encoding="utf-8").splitlines()[:-2]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "tokenizer.json").unlink()
    run = build.build(make_config(flags, init_checkpoint=folder))
    assert run.classifier.model.config.vocab_size == len(lines) + 2
    assert "last 2 word embeddings" in caplog.text


def test_what_is_frozen_has_no_moments(flags, built):
    assert built.embedding_rows is not None
    run = build.build(make_config(flags, freeze="encoder"))
    assert run.embedding_rows is None
    trained = (
        "bert/pooler/dense/kernel",
        "bert/pooler/dense/bias",
        "classifier/kernel",
        "classifier/bias",
    )
    moments = {f"{kind}/{path}" for kind in "mv" for path in trained}
    assert set(run.optimizer.moments()) == moments


def test_without_room_for_spilled_features_nothing_is_written(
    train_error, tmp_path, monkeypatch
):
    monkeypatch.setattr(frozen_features, "MAX_BYTES_IN_MEMORY", 0)
    monkeypatch.setattr(
        shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(9, 9, 0)
    )
    train_error(
        tmp_path / "run",
        "room for the features.*TMPDIR",
        freeze="embeddings",
        cache_frozen_features=True,
    )
    assert not (tmp_path / "run").exists()


class TestCheck:
    """No weights are there that could be read."""

    @pytest.fixture
    def check(self, flags, tiny_checkpoint, tmp_path):
        """Returns a function that checks a training of these flags."""
        folder = pathlib.Path(shutil.copytree(tiny_checkpoint, tmp_path / "x"))
        (folder / "model.safetensors").write_bytes(b"")

        def check(is_regression=False, **changes):
            config = make_config(flags, init_checkpoint=folder, **changes)
            data = run_data.load(config, run_data.get_task(config))
            task = dataclasses.replace(data.task, is_regression=is_regression)
            build.check(config, dataclasses.replace(data, task=task))

        return check

    def test_a_good_training_passes(self, check):
        check()
        check(freeze="lower_1", layerwise_lr_decay=0.9)

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"reinit_layers": 3}, "reinit_layers=3"),
            ({"max_seq_length": 100}, "max_position_embeddings=64"),
            ({"num_warmup_steps": 7}, "num_warmup_steps=7 of 6 steps"),
            (
                {"early_stopping_patience": 1, "validation_proportion": 0},
                "Early stopping needs a validation split",
            ),
            (
                {"freeze": "lower_2", "layerwise_lr_decay": 0.9},
                "has no block to act on.*layerwise_lr_decay=0.9",
            ),
            (
                {"is_regression": True, "label_smoothing_factor": 0.1},
                "for a regression.*label_smoothing_factor=0.1",
            ),
        ],
    )
    def test_finds_what_is_wrong_without_weights(self, check, changes, message):
        with pytest.raises(ValueError, match=message):
            check(**changes)
