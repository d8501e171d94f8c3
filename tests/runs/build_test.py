"""Tests of tf_bert/runs/build.py."""

import dataclasses
import json
import pathlib
import shutil

import numpy as np
import pytest
import safetensors.numpy

from tf_bert.config import Config, parse
from tf_bert.data.tasks import run_data
from tf_bert.runs import build
from tf_bert.runs.classifier import load_finished


def make_config(flags, **changes):
    return Config(**parse.parse(flags(output_dir="runs/x", **changes)))


@pytest.fixture(scope="module")
def built(flags, reviews):
    """36 rows train in batches of 12 for 6 steps, 4 validate, 12 test."""
    return build.build(make_config(flags, test_file=reviews / "test.csv"))


@pytest.fixture(scope="module")
def pulled(flags):
    return build.build(
        make_config(flags, pretrained_weight_decay=0.3, keep_head=True)
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

    def test_texts_without_labels_are_cut_and_counted(self, built):
        examples = dataclasses.replace(
            built.data.test,
            texts=("good " * 50, "bad"),
            labels=None,
            row_numbers=np.arange(2),
        )
        tokens = built.classifier.tokenize(examples)
        assert tokens.lengths.tolist() == [32, 3]
        assert tokens.labels is None

    def test_plan_has_the_steps_of_the_flags(self, built):
        assert built.schedule.plan.num_steps == 6
        assert built.schedule.plan.steps_per_epoch == 3
        assert built.schedule.evaluation_steps == (2, 4, 6)

    def test_learning_rate_is_that_of_each_step(self, flags):
        run = build.build(
            make_config(flags, num_train_steps=10, warmup_proportion=0.2)
        )
        expected = [0, 5, 10, 8.75, 7.5, 6.25, 5, 3.75, 2.5, 1.25]
        np.testing.assert_allclose(
            run.schedule.learning_rates, 0.001 * np.array(expected), rtol=1e-6
        )

    def test_model_knows_the_labels(self, built):
        config = built.classifier.model.config
        assert config.id2label == {0: "bad", 1: "good"}
        assert config.label2id == {"bad": 0, "good": 1}

    def test_optimizer_has_the_flags(self, flags):
        run = build.build(
            make_config(
                flags,
                bias_correction=False,
                adam_beta_1=0.8,
                adam_beta_2=0.99,
                adam_epsilon=1e-5,
                weight_decay=0.3,
            )
        )
        config = run.optimizer.get_config()
        assert config["bias_correction"] is False
        assert (config["beta_1"], config["beta_2"]) == (0.8, 0.99)
        assert config["epsilon"] == 1e-5
        assert config["weight_decay_rate"] == 0.3
        decayed = run.optimizer.decayed_paths
        assert decayed
        assert not [p for p in decayed if "bias" in p or "LayerNorm" in p]

    def test_layerwise_decay_sets_the_rates_of_layers(self, flags):
        run = build.build(make_config(flags, layerwise_lr_decay=0.5))
        multipliers = run.optimizer.get_config()["learning_rate_multipliers"]
        assert (
            multipliers.keys() == run.classifier.model.weights_by_path().keys()
        )
        assert (
            multipliers["bert/embeddings/word_embeddings/embeddings"] == 0.125
        )
        assert multipliers["bert/encoder/layer_0/output/dense/kernel"] == 0.25
        assert multipliers["bert/encoder/layer_1/output/dense/kernel"] == 0.5
        assert multipliers["bert/pooler/dense/kernel"] == 1
        assert multipliers["classifier/bias"] == 1

    def test_without_layerwise_decay_there_are_no_multipliers(self, built):
        assert built.optimizer.get_config()["learning_rate_multipliers"] == {}

    def test_state_holds_weights_and_moments(self, built):
        state = built.state()
        weights = built.classifier.model.weights_by_path()
        moments = built.optimizer.moments()
        names = {*weights, *moments, "iterations", "trained_words"}
        assert set(state) == names
        assert len(moments) == 2 * len(weights)

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

    def test_fresh_head_is_not_pulled_to_its_start(self, flags, tmp_path):
        """With three labels, so that the checkpoint's head does not fit."""
        path = tmp_path / "three.csv"
        rows = "".join(f"A mug {i}.,{i % 3}\n" for i in range(12))
        path.write_text("text,label\n" + rows, encoding="utf-8")
        run = build.build(
            make_config(flags, train_file=path, pretrained_weight_decay=0.3)
        )
        assert set(run.optimizer.pretrained_decayed_paths) == {
            path
            for path in run.optimizer.decayed_paths
            if not path.startswith("classifier/")
        }

    def test_kept_head_is_pulled_to_its_start(self, pulled):
        optimizer = pulled.optimizer
        assert "classifier/kernel" in optimizer.pretrained_decayed_paths
        assert optimizer.pretrained_decayed_paths == optimizer.decayed_paths

    def test_priors_are_the_first_weights_of_what_is_trained(self, pulled):
        priors = pulled.optimizer.priors()
        words = "bert/embeddings/word_embeddings/embeddings"
        rows = pulled.trained_words.rows
        assert len(rows.shape) == 2
        assert rows.shape[0] < pulled.classifier.model.config.vocab_size
        expected = {**pulled.classifier.model.weights_by_path(), words: rows}
        for path in pulled.optimizer.pretrained_decayed_paths:
            np.testing.assert_array_equal(
                priors[f"prior/{path}"].numpy(), expected[path].numpy()
            )

    def test_priors_are_in_the_state(self, pulled):
        priors = pulled.optimizer.priors()
        assert priors
        assert priors.keys() <= pulled.state().keys()

    def test_dropout_of_the_flags_replaces_the_checkpoints(self, flags):
        config = build.build(
            make_config(flags, dropout=0)
        ).classifier.model.config
        assert config.hidden_dropout_prob == 0
        assert config.attention_probs_dropout_prob == 0

    def test_casing_of_the_flags_replaces_the_checkpoints(self, flags, built):
        cased = build.build(make_config(flags, do_lower_case=False))
        assert built.classifier.tokenizer.settings.do_lower_case
        assert not cased.classifier.tokenizer.settings.do_lower_case


class TestSeeds:
    def test_head_seed_draws_the_head_alone(self, flags, built, tmp_path):
        """With three labels, so that the checkpoint's head does not fit."""
        path = tmp_path / "three.csv"
        rows = "".join(f"A mug {i}.,{i % 3}\n" for i in range(12))
        path.write_text("text,label\n" + rows, encoding="utf-8")
        kernels, bodies = [], []
        for seed in (1, 1, 2):
            run = build.build(
                make_config(flags, train_file=path, head_seed=seed)
            )
            weights = run.classifier.model.weights_by_path()
            kernels.append(weights["classifier/kernel"].numpy())
            bodies.append(weights["bert/pooler/dense/kernel"].numpy())
        np.testing.assert_array_equal(kernels[0], kernels[1])
        assert not np.array_equal(kernels[0], kernels[2])
        np.testing.assert_array_equal(bodies[0], bodies[2])

    def test_data_seed_decides_the_order_and_split_seed_the_split(
        self, flags, built
    ):
        def texts(run):
            return run.data.validation.texts

        other = build.build(make_config(flags, seed=1))
        assert texts(other) == texts(built)
        assert not np.array_equal(
            other.batches.iterate(0).at(0, 1)[0].get_next()["input_ids"],
            built.batches.iterate(0).at(0, 1)[0].get_next()["input_ids"],
        )
        other = build.build(make_config(flags, split_seed=1))
        assert texts(other) != texts(built)


class TestDataDigest:
    def test_depends_on_texts_and_labels(self, flags, built, reviews, tmp_path):
        original = (reviews / "train.csv").read_text(encoding="utf-8")
        digests = []
        changed = original.replace("kettle", "pillow")
        # "The lamp is fine, fine indeed." was good.
        relabelled = original.replace('fine indeed.",good', 'fine indeed.",bad')
        for text in (original, changed, relabelled):
            path = tmp_path / "train.csv"
            path.write_text(text, encoding="utf-8")
            run = build.build(make_config(flags, train_file=path))
            digests.append(run.data_digest())
        assert digests[0] == built.data_digest()
        assert len(set(digests)) == 3


class TestVocabulary:
    def test_padded_embeddings_are_accepted(
        self, flags, tiny_checkpoint, tmp_path, caplog
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


class TestLoadFinished:
    def test_has_the_weights_and_the_labels(self, finished_run):
        fields = json.loads((finished_run / "config.json").read_text("utf-8"))
        classifier = load_finished(
            str(finished_run / "model"), Config.from_dict(fields)
        )
        assert classifier.task.label_names == ("bad", "good")
        assert classifier.max_seq_length == 32
        stored = safetensors.numpy.load_file(
            finished_run / "model" / "model.safetensors"
        )
        weights = classifier.model.weights_by_path()
        np.testing.assert_array_equal(
            weights["classifier/kernel"].numpy(),
            stored["classifier.weight"].T,
        )


class TestFrozen:
    def test_word_embeddings_are_trained_unless_frozen(self, built, flags):
        assert built.trained_words is not None
        run = build.build(make_config(flags, freeze="embeddings"))
        assert run.trained_words is None

    def test_optimizer_has_moments_of_what_is_trained_alone(self, flags):
        run = build.build(make_config(flags, freeze="encoder"))
        assert set(run.optimizer.moments()) == {
            f"{kind}/{path}"
            for kind in "mv"
            for path in (
                "bert/pooler/dense/kernel",
                "bert/pooler/dense/bias",
                "classifier/kernel",
                "classifier/bias",
            )
        }


class TestCheck:
    def check(self, flags, **changes):
        config = make_config(flags, **changes)
        build.check(config, run_data.load(config, run_data.get_task(config)))

    def test_a_good_training_passes(self, flags):
        self.check(flags)

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"reinit_layers": 3}, "reinit_layers=3"),
            ({"max_seq_length": 100}, "max_position_embeddings=64"),
            ({"num_warmup_steps": 7}, "num_warmup_steps=7 of 6 steps"),
            (
                {"early_stopping_patience": 1, "validation_proportion": 0},
                "Early stopping must have a validation split",
            ),
        ],
    )
    def test_finds_what_is_wrong_without_weights(self, flags, changes, message):
        with pytest.raises(ValueError, match=message):
            self.check(flags, **changes)
