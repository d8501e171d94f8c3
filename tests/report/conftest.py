"""Functions that write folders of trials and runs, without a training."""

import json

import numpy as np
import pytest

from tf_bert.config import Config
from tf_bert.report import task_results, trials_reader
from tf_bert.runs.run_folder import RunFolder
from tf_bert.scoring import scored_rows
from tf_bert.system import file_io
from tf_bert.training.update_log import UpdateLog
from tf_bert.trials import planned_trials
from tf_bert.trials.sweep_data import data_key
from tf_bert.trials.trial_folder import TrialFolder

_BLOCKS = ("embeddings", "layer_0", "layer_1", "pooler", "classifier")
_STEPS = (8, 16, 24, 32)


def _history(generator, final, *, metric, recorded):
    entries = []
    for index, step in enumerate(_STEPS):
        share = (index + 1) / len(_STEPS)
        entry = {
            "step": step,
            "epoch": step / 8,
            "learning_rate": 1e-4 * (1 - share),
            "train_loss": 0.7 - 0.5 * share * final,
            "validation": {
                "loss": 0.7 - 0.3 * share,
                metric: 0.5 + (final - 0.5) * share + generator.normal(0, 0.01),
            },
        }
        if recorded:
            entry["distance"] = {
                block: share * (1 + place) + generator.uniform(0, 0.1)
                for place, block in enumerate(_BLOCKS)
            }
        entries.append(entry)
    return entries


def _updates(generator, *, bias_correction):
    log = UpdateLog(_BLOCKS)
    for step in range(_STEPS[-1]):
        rate = np.float32(1e-4 * step * (_STEPS[-1] - step) / _STEPS[-1])
        norms = rate * generator.uniform(1, 2, len(_BLOCKS)).astype(np.float32)
        factor = 1 if bias_correction else 4
        log.append(rate, np.stack([factor * norms, norms]))
    return log.to_bytes()


def _scored_rows(generator, score, labels, *, is_regression):
    labels = np.array(labels)
    if is_regression:
        rows = (labels * 1.0, labels + generator.normal(0, 0.3, len(labels)))
        return scored_rows.write({"test": (*rows, None)}).encode()
    sure = generator.uniform(0.5, 1, len(labels))
    is_right = generator.random(len(labels)) < score
    predictions = np.where(is_right, labels, 1 - labels)
    second = np.where(predictions, sure, 1 - sure)
    rows = (labels, predictions, np.stack([1 - second, second], axis=1))
    return scored_rows.write({"validation": rows, "test": rows}).encode()


def _record(trial, score, task, generator):
    is_ok = isinstance(score, float)
    metric = "spearman" if task["is_regression"] else "accuracy"
    majority = 0.0 if task["is_regression"] else 0.5
    scores = None
    if is_ok:
        validation = score + generator.normal(0, 0.01)
        scores = {
            "step": _STEPS[-1],
            "validation": {"loss": 0.3, metric: validation},
            "test": {"loss": 0.3, metric: score},
        }
    return {
        "trial": trial.name,
        "recipe": trial.recipe,
        "config": trial.configuration,
        "seeds": trial.seeds,
        "status": "ok" if is_ok else "error" if score else "diverged",
        "error": None if is_ok else f"RuntimeError: {score}",
        "step": _STEPS[-1],
        "metric": metric,
        "task": task,
        "last": scores,
        "best": scores,
        "chosen": "best" if is_ok else "last",
        "majority": {"validation": majority, "test": majority},
        "is_constant": False,
        "is_failed": not is_ok or score <= majority,
        "is_degenerate": not is_ok or score <= majority,
        "data_digest": 7,
        "runtime": {"seconds": 12.3, "host": "h", "versions": {}},
    }


def _files(trial, score, record, labels, generator):
    """What lies beside a record; only what ended well has scored examples."""
    history = _history(
        generator,
        score if record["last"] else 0.5,
        metric=record["metric"],
        recorded=trial.config.record_updates,
    )
    lines = "".join(json.dumps(entry) + "\n" for entry in history)
    files = {"history.jsonl": lines.encode()}
    if record["last"]:
        files["scored_rows.tsv"] = _scored_rows(
            generator,
            score,
            labels,
            is_regression=record["task"]["is_regression"],
        )
    if trial.config.record_updates:
        files["updates.npz"] = _updates(
            generator, bias_correction=trial.config.bias_correction
        )
    return files


def _baselines(label_scores):
    return {
        model: {"test": {"accuracy": x, "accuracy_ci": [x - 0.05, x + 0.05]}}
        for model, x in label_scores.items()
    }


@pytest.fixture(scope="session")
def write_trials():
    """Returns a function that writes a folder of drawn trials.

    Its arguments: the folder; `scores`, label of a recipe -> test scores, one
    for each trial that has ended (None: it diverged; a text: it ended with that
    error); `sweep`, label -> fields that differ; `labels` of the rows of each
    split, and their names, or that they are scores; fields of the
    configuration. Returns the folder.
    """

    def write(
        folder,
        *,
        scores,
        sweep=None,
        labels=(0, 1) * 20,
        label_names=("negative", "positive"),
        is_regression=False,
        **fields,
    ):
        task = {
            "is_regression": is_regression,
            "label_names": None if is_regression else list(label_names),
        }
        most = max(map(len, scores.values()))
        chosen = {"task_name": "product_reviews", "num_trials": most, **fields}
        config = Config(
            mode="trials", output_dir=str(folder), sweep=sweep, **chosen
        )
        target = TrialFolder(str(folder))
        target.begin(config)
        generator = np.random.default_rng(0)
        left = {label: list(values) for label, values in scores.items()}
        trials = planned_trials.planned_trials(config)
        for trial in trials:
            if left.get(trial.recipe):
                score = left[trial.recipe].pop(0)
                record = _record(trial, score, task, generator)
                target.write_trial(
                    record, _files(trial, score, record, labels, generator)
                )
        models = _baselines({"majority": 0.5, "tfidf_svm": 0.78})
        key = data_key(trials[0].configuration)
        target.write_json(
            "baselines.json", {key: {"split": "test", "models": models}}
        )
        return folder

    return write


@pytest.fixture(scope="session")
def compute():
    """Returns a function from a folder with one task to its results."""

    def results(folder):
        (task,) = trials_reader.read([str(folder)])
        return task_results.compute(task)

    return results


@pytest.fixture(scope="session")
def write_run():
    """Returns a function that writes what a training leaves.

    Its arguments: the folder; whether it has ended; changes of each entry of
    its history; fields of the configuration. Returns the folder.
    """

    def write(path, *, finished=False, entry=None, **fields):
        config = Config(output_dir=str(path), **fields)
        folder = RunFolder(str(path))
        folder.begin(config)
        generator = np.random.default_rng(0)
        history = _history(
            generator, 0.8, metric="accuracy", recorded=config.record_updates
        )
        (path / "history.jsonl").write_text(
            "".join(f"{json.dumps({**x, **(entry or {})})}\n" for x in history)
        )
        if config.record_updates:
            updates = _updates(generator, bias_correction=True)
            (path / "updates.npz").write_bytes(updates)
        if finished:
            _finish(folder)
        return path

    return write


def _finish(folder):
    scores = {"accuracy": 0.75, "accuracy_ci": [0.6, 0.9], "num_examples": 20}
    results = {
        "train": {"num_examples": 18, "num_steps": 32, "chosen_step": 24},
        "validation": scores,
        "test": {**scores, "num_in_train": 2},
        "baselines": {
            "majority": {"test": {"accuracy": 0.5}},
            "tfidf_svm": {"test": scores},
        },
        "verdict": "BERT made no clear difference.",
    }
    folder.write_json("all_results.json", results)
    file_io.make_dirs(folder.join("model"))
    names = {"id2label": {"0": "bad", "1": "good"}}
    folder.write_json("model/config.json", names)
    rows = ([0, 1] * 10, [1] * 20, [[0.1, 0.9]] * 20)
    file_io.write_text(
        folder.join("scored_rows.tsv"), scored_rows.write({"test": rows})
    )
