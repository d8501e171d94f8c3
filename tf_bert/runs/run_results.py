"""What a run that has ended says, writes and prints.

`finetune.py` calls it, and so do the trials of a sweep and finished runs.
"""

import dataclasses
import os
import platform
from collections.abc import Mapping
from importlib import metadata
from typing import Any

from absl import logging

from tf_bert.baselines import comparison
from tf_bert.data.tasks.copies import copies_sentence
from tf_bert.data.tasks.task_spec import TaskSpec, is_split, scored_split
from tf_bert.data.tokens import tokenizer_files
from tf_bert.runs import build, model_card, parameter_table, run_folder
from tf_bert.runs.run_folder import RunFolder
from tf_bert.scoring import score_intervals, scored_rows
from tf_bert.scoring.metrics import title_of
from tf_bert.system import file_io, onednn
from tf_bert.training import evaluate


def results_of(
    run: build.Run,
    evaluations: dict[str, evaluate.Evaluation],
    *,
    num_steps: int,
    chosen_step: int,
) -> dict[str, Any]:
    """Returns the scores on every split, and what the training was."""
    data = run.data
    results = scores_of(evaluations, data.task, data.num_in_train)
    results["train"] = {
        "num_examples": len(data.train),
        "num_steps": num_steps,
        "chosen_step": chosen_step,
        **parameter_table.count(run.classifier.model),
    }
    return results


def scores_of(
    evaluations: Mapping[str, evaluate.Evaluation],
    task: TaskSpec,
    num_in_train: Mapping[str, int],
) -> dict[str, Any]:
    """Returns the scores on every split, with what is to be known of them.

    Split -> metric, `metric_ci` and `num_in_train`, the number of its examples
    that are copies of training examples, where there are any; and
    `positive_label` where there are two classes.
    """
    results: dict[str, Any] = {
        split: evaluation.with_intervals(task.label_names)
        for split, evaluation in evaluations.items()
    }
    for split, count in num_in_train.items():
        results[split]["num_in_train"] = count
    if task.positive_label is not None:
        results["positive_label"] = task.positive_label
    return results


def machine() -> dict[str, Any]:
    """Returns what of the machine a result may depend on."""
    names = ("tensorflow", "keras", "transformers", "numpy")
    return {
        "host": platform.node(),
        "onednn": onednn.is_on(),
        "versions": {name: metadata.version(name) for name in names},
    }


def compare_with_baselines(
    run: build.Run, evaluations: dict[str, evaluate.Evaluation]
) -> dict[str, Any]:
    """Compares BERT with the simple baselines, on test if there is one.

    Returns `baselines` (model -> split -> metric), `difference`, `verdict` and
    the rendered `comparison`; nothing where there is nothing to compare on.
    """
    split = scored_split(evaluations)
    if split not in evaluations:
        logging.warning(
            "No comparison with baselines: there is neither a test nor a "
            "validation split. Pass --test_file or --test_proportion=0.2."
        )
        return {}
    # Whether validation had a say in which weights are used.
    has_chosen = split == "validation" and (
        run.config.checkpoint_to_use == "best"
        or run.config.early_stopping_patience > 0
    )
    if has_chosen:
        logging.warning(
            "No test split: BERT is compared on validation, which chose its "
            "checkpoint, so its score is a little too good. Pass --test_file "
            "or --test_proportion=0.2."
        )
    result = comparison.compare(
        run.data.train,
        getattr(run.data, split),
        evaluations[split].predictions,
        split=split,
        task=run.data.task,
        has_chosen=has_chosen,
    )
    if known := run.data.num_in_train.get(split):
        said = copies_sentence(known, result.num_rows, split)
        result = dataclasses.replace(result, verdict=f"{result.verdict} {said}")
    content = comparison.as_json(result)
    content.pop("bert")  # Stands under the split already.
    return {
        "difference": content.pop("difference"),
        "verdict": content.pop("verdict"),
        "baselines": {model: {split: m} for model, m in content.items()},
        "comparison": comparison.render(result),
    }


def scored_rows_text(evaluations: dict[str, evaluate.Evaluation]) -> str:
    """What the model says of every row that it was scored on: a file's text."""
    return scored_rows.write(
        {split: e.scored_rows() for split, e in evaluations.items()}
    )


def save_scored_rows(
    evaluations: dict[str, evaluate.Evaluation], path: str
) -> None:
    """Writes what the model says of every row that it was scored on."""
    file_io.write_text(path, scored_rows_text(evaluations))


def save_model(
    run: build.Run, folder: RunFolder, results: dict[str, Any]
) -> None:
    """Writes the model, its tokenizer and its card, as Hugging Face has them.

    The run has the weights that are used by now; `results` are those of
    `all_results.json`, with or without `runtime`.
    """
    path = folder.join(run_folder.MODEL)
    model = run.classifier.model
    model.save_pretrained(path)
    tokenizer_files.write_tokenizer_files(
        path,
        run.classifier.tokenizer.settings,
        model_max_length=model.config.max_position_embeddings,
    )
    file_io.write_text(
        os.path.join(path, model_card.FILE_NAME),
        model_card.render_model_card(run.config, run.data, results),
    )


def render(results: dict[str, Any]) -> str:
    """Returns the end of a run as text: the comparison, or the metrics."""
    if "comparison" in results:
        lines = ["", results["comparison"], *_further_splits(results)]
        return "\n".join(lines)
    lines = flat_lines({k: v for k, v in results.items() if k != "train"})
    return "\n" + (lines or "Trained; there was no split to evaluate on.")


def _further_splits(results: dict[str, Any]) -> list[str]:
    """One line for each split of a task beside its validation and test.

    They are told from these by an underscore, as `validation_mismatched`.
    """
    lines = []
    for split, scores in results.items():
        if is_split(split) and "_" in split:
            name = results["difference"]["metric"]
            interval = score_intervals.stored(scores, name)
            title = title_of(name, results.get("positive_label"))
            lines.append(
                f"\nOn the {scores['num_examples']} {split} examples BERT's "
                f"{title} is {scores[name]:.3f} {interval}."
            )
    return lines


def flat_lines(results: dict[str, Any]) -> str:
    """Returns sorted `split_metric = value` lines, numbers alone.

    And `positive_label = name` among them, where F1 is that of one class.
    """
    names = ["positive_label"] if "positive_label" in results else []
    lines = [f"{name} = {results[name]}" for name in names]
    lines += [
        f"{split}_{name} = {value}"
        for split in filter(is_split, results)
        for name, value in results[split].items()
        if isinstance(value, int | float)
    ]
    return "".join(line + "\n" for line in sorted(lines))


def cost_of_recording(run: build.Run) -> dict[str, float]:
    """Says and returns how much of the training's time the recorder took."""
    share = None
    if run.recorder is not None:
        share = run.recorder.share_of_step_time()
    if share is None:
        return {}
    logging.info(
        "Recording the updates took %.1f %% of a step's time.", 100 * share
    )
    return {"recording_share_of_step_time": round(share, 4)}
