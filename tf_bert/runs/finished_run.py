"""`--mode=evaluate`: scores a finished run."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from absl import logging

from tf_bert.config import Config
from tf_bert.data.tasks import load_splits, row_digests, run_data
from tf_bert.data.tasks.examples import Examples
from tf_bert.data.tasks.stored_rows import ChangedDataError, StoredRows
from tf_bert.data.tasks.task_spec import TaskSpec
from tf_bert.runs import memory, run_folder, run_results
from tf_bert.runs.classifier import load_finished
from tf_bert.runs.run_folder import RunFolder
from tf_bert.training import evaluate


def evaluate_run(config: Config) -> dict[str, Any]:
    """Evaluates a finished run on `test_file`, else on its own splits.

    Returns split -> metric and `metric_ci`, as `evaluation.json` has it.

    Raises:
        ChangedDataError: if the run's own data is not what it was.
        ValueError: if examples of another `test_file` were trained on.
    """
    folder = RunFolder(config.output_dir)
    folder.check_writable()
    classifier = load_finished(folder.join(run_folder.MODEL), config)
    record = folder.read_optional(run_folder.SPLITS)
    if config.test_file:
        test = load_splits.load_split(
            classifier.task, config.test_file, text_format=config.text_format
        )
        own_file = folder.read_json(run_folder.CONFIG).get("test_file")
        known = _check_test(test, classifier.task, record, own_file=own_file)
        splits, num_in_train = {"test": test}, {"test": known} if known else {}
    else:
        task = dataclasses.replace(
            run_data.get_task(config), label_names=classifier.task.label_names
        )
        data = run_data.load(config, task, record=record, copies_together=False)
        splits, num_in_train = data.splits(), data.num_in_train
        del splits["train"]
    task = classifier.task
    with memory.explained_outputs(classifier, config):
        evaluations = {
            split: evaluate.evaluate(
                classifier.inference,
                classifier.tokenize(examples),
                positive=task.positive,
            )
            for split, examples in splits.items()
        }
    results = run_results.scores_of(evaluations, task, num_in_train)
    folder.written.record(run_folder.EVALUATION)
    folder.write_json(run_folder.EVALUATION, results)
    logging.info("Wrote %s.", folder.join(run_folder.EVALUATION))
    print(run_results.flat_lines(results), end="")
    return results


def _check_test(
    test: Examples,
    task: TaskSpec,
    record: Mapping[str, Any],
    *,
    own_file: str | None,
) -> int:
    """Refuses test examples that are not those of the run, or not new to it.

    Which of the two they are to be, their content says, and then whether they
    are of the run's `own_file`. Returns how many are known to be copies of
    training examples.
    """
    stored = StoredRows.parse(record) if record else None
    if stored is None or not stored.digests:
        logging.warning(
            "Whether the run was trained on rows of %s cannot be checked: it "
            "is of an earlier version, which stored no digests of its rows.",
            test.source,
        )
        return 0
    found = row_digests.digest_rows(test, task.label_names)
    if "test" in stored.digests:
        difference = row_digests.difference(stored.digests["test"], found)
        if not difference:
            return len(stored.copies_in("train", found))
        if test.source == own_file:
            raise ChangedDataError(difference)
    rows = stored.copies_in("train", found)
    if len(rows):
        raise ValueError(
            "`test_file` holds rows that the run was trained on. "
            f"Received: test_file={test.source}, of which {len(rows)} of "
            f"{len(test)} rows stand in the training data too, but for case "
            f"and spaces ({row_digests.list_rows(rows.tolist())}). Delete "
            "them, or pass another --test_file."
        )
    rows = stored.copies_in("validation", found)
    if len(rows):
        logging.warning(
            "%d of %d examples of %s stand in the validation examples too, "
            "which chose the checkpoint (%s): the score is a little too good "
            "by them.",
            len(rows),
            len(test),
            test.source,
            row_digests.list_rows(rows.tolist()),
        )
    return 0
