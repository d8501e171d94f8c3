"""`--mode=evaluate` and `--mode=predict`: start from a finished run."""

import dataclasses
import sys
from typing import Any

from absl import logging

from tf_bert import predictions, run_data, run_folder, run_results
from tf_bert.classifier import load_finished
from tf_bert.config import Config
from tf_bert.data import sources, standard_input, unlabelled
from tf_bert.run_folder import RunFolder
from tf_bert.training import evaluate


def evaluate_run(config: Config) -> dict[str, Any]:
    """Evaluates a finished run on `test_file`, else on its own splits.

    Args:
        config: of `stored_config.stored_config`.

    Returns:
        Split -> metric and `metric_ci`; also in `evaluation.json`.
    """
    folder = RunFolder(config.output_dir)
    folder.check_writable()
    classifier = load_finished(folder.join(run_folder.MODEL), config)
    if config.test_file:
        test = sources.load_split(
            classifier.task, config.test_file, text_format=config.text_format
        )
        splits = {"test": test}
    else:
        task = dataclasses.replace(
            run_data.get_task(config), label_names=classifier.task.label_names
        )
        splits = run_data.load(config, task).splits()
        del splits["train"]
    task = classifier.task
    results: dict[str, Any] = {
        split: evaluate.evaluate(
            classifier.inference,
            classifier.tokenize(examples),
            positive=task.positive,
        ).with_intervals(task.label_names)
        for split, examples in splits.items()
    }
    if task.positive_label is not None:
        results["positive_label"] = task.positive_label
    folder.written.record(run_folder.EVALUATION)
    folder.write_json(run_folder.EVALUATION, results)
    logging.info("Wrote %s.", folder.join(run_folder.EVALUATION))
    print(run_results.flat_lines(results), end="")
    return results


def predict_run(config: Config) -> int:
    """Predicts `predict_file` with a finished run's model.

    Args:
        config: of `stored_config.stored_config`.

    Returns:
        The number of rows in `predictions.tsv` or, where the texts come from
        standard input, written to standard output.

    Raises:
        ValueError: if there is no `predict_file`, or a row of it is wrong;
            found before anything is predicted.
    """
    if not config.predict_file:
        raise ValueError(
            "`predict_file` must be given with --mode=predict. Received: "
            "predict_file=None. Pass --predict_file."
        )
    folder = RunFolder(config.output_dir)
    model = folder.join(run_folder.MODEL)
    if config.predict_file == standard_input.STANDARD_INPUT:
        return predictions.stream_predictions(
            load_finished(model, config),
            config,
            sys.stdin.buffer,
            sys.stdout.buffer,
        )
    task = run_data.get_task(config)
    unlabelled.check_unlabelled(
        config.predict_file,
        text_column=task.text_column,
        text_pair_column=task.text_pair_column,
        text_format=config.text_format,
    )
    folder.check_writable()
    classifier = load_finished(model, config)
    path = folder.join(run_folder.PREDICTIONS)
    folder.written.record(run_folder.PREDICTIONS)
    num_rows = predictions.write_predictions(classifier, config, path)
    print(f"Wrote {num_rows} predictions to {path}.")
    return num_rows
