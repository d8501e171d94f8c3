"""`--mode=inspect`: what a training would meet, without training."""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
from absl import logging

from tf_bert.config import Config
from tf_bert.data.tasks import run_data
from tf_bert.data.tasks.examples import Examples
from tf_bert.data.tasks.known_tasks import TaskSpec
from tf_bert.data.tokens.tokenization import BertTokenizer
from tf_bert.inspection import (
    duplicates,
    inspection_report,
    similarity,
    text_statistics,
    timing,
)
from tf_bert.inspection.contents import Inspection, SplitContents
from tf_bert.inspection.text_statistics import EncodedRows, TextStatistics
from tf_bert.runs import build, cost, memory, run_folder
from tf_bert.runs.run_folder import RunFolder
from tf_bert.system import file_io


def inspect_run(config: Config) -> Inspection:
    """Looks at data, model and plan; prints what it finds and what to do.

    Nothing is trained. With an `output_dir`, all that was found is written
    to its `inspect.json`, and nothing else.
    """
    if config.output_dir:
        RunFolder(config.output_dir).check_writable()
    run = build.build(config)
    inspection = inspect(run)
    print(inspection_report.render(inspection))
    if config.output_dir:
        folder = RunFolder(config.output_dir)
        file_io.make_dirs(folder.path)
        folder.write_json(
            run_folder.INSPECTION, inspection_report.as_json(inspection)
        )
        logging.info("Wrote %s.", folder.join(run_folder.INSPECTION))
    return inspection


def inspect(run: build.Run) -> Inspection:
    """Returns all that is known of a training before it starts."""
    task, model = run.data.task, run.classifier.model
    tokenizer = run.classifier.tokenizer
    labelled = {
        split: examples
        for split, examples in run.data.splits().items()
        if split in ("train", "validation", "test")
    }
    encoded = {
        split: text_statistics.encode_whole(tokenizer, examples)
        for split, examples in labelled.items()
    }
    training, needed = _costs(run)
    physical_memory = timing.physical_memory()
    has_room = physical_memory is None or needed.total < physical_memory
    return Inspection(
        config=run.config,
        task=task,
        splits=_split_contents(run, encoded),
        overlaps=duplicates.find_overlaps(
            labelled, _piece_sets(tokenizer, encoded)
        ),
        contradictions=duplicates.find_contradictions(
            labelled,
            label_names=task.label_names,
            # Scores within a standard deviation do not contradict each other.
            tolerance=float(labelled["train"].labels.astype(np.float64).std())
            if task.is_regression
            else 0.0,
        ),
        max_positions=model.config.max_position_embeddings,
        num_parameters=memory.count_parameters(
            model.weights_by_path().values()
        ),
        num_trainable=memory.count_parameters(model.trainable_variables),
        num_updated=memory.num_updated(run),
        hidden_size=model.config.hidden_size,
        training=training,
        memory=needed,
        physical_memory=physical_memory,
        measurement=timing.measure(run) if has_room else None,
    )


def _costs(run: build.Run) -> tuple[cost.TrainingCost, cost.MemoryEstimate]:
    config = run.config
    has_validation = "validation" in run.tokenized
    training = cost.training_cost(
        run.schedule.plan,
        run.tokenized["train"].lengths,
        max_seq_length=config.max_seq_length,
        num_evaluations=len(run.schedule.evaluation_steps)
        if has_validation
        else 0,
    )
    return training, memory.step_memory(run, config)


def _split_contents(
    run: build.Run, encoded: Mapping[str, EncodedRows]
) -> dict[str, SplitContents]:
    config, task = run.config, run.data.task

    def texts(chunks: Iterable[EncodedRows]) -> TextStatistics:
        return text_statistics.measure_texts(
            run.classifier.tokenizer,
            chunks,
            max_seq_length=config.max_seq_length,
        )

    contents = {
        split: SplitContents(
            file=rows.examples.source,
            labels=_label_summary(task, rows.examples),
            texts=texts([rows]),
        )
        for split, rows in encoded.items()
    }
    if config.predict_file:
        contents["predict"] = SplitContents(
            file=config.predict_file,
            labels=None,
            texts=texts(_rows_to_predict(run)),
        )
    return contents


def _label_summary(task: TaskSpec, examples: Examples) -> dict[str, float]:
    """Class -> rows, of every class; of scores their range and spread."""
    labels = examples.labels
    if not task.is_regression:
        counts = np.bincount(labels, minlength=len(task.label_names))
        return dict(zip(task.label_names, counts.tolist(), strict=True))
    scores = labels.astype(np.float64)
    return {
        "min": float(scores.min()),
        "mean": float(scores.mean()),
        "max": float(scores.max()),
        "std": float(scores.std()),
    }


def _rows_to_predict(run: build.Run) -> Iterator[EncodedRows]:
    """Encodes the rows of a file a few at a time."""
    first = 1
    file = run_data.file_to_predict(run.config, run.data.task)
    for chunk in file.chunks(allow_empty_texts=True):
        numbers = np.arange(first, first + len(chunk.texts))
        first += len(chunk.texts)
        yield text_statistics.encode_whole(
            run.classifier.tokenizer,
            Examples(chunk.texts, chunk.text_pairs, None, numbers, file.path),
        )


def _piece_sets(
    tokenizer: BertTokenizer, encoded: Mapping[str, EncodedRows]
) -> similarity.PieceSets:
    """Returns the word pieces of all splits; those of second texts apart.

    Special tokens are in every row, and [UNK] stands for any word: both would
    make rows alike that are not.
    """
    silent = (
        tokenizer.cls_token_id,
        tokenizer.sep_token_id,
        tokenizer.unk_token_id,
    )
    ids, lengths = [], [np.zeros(1, np.int64)]
    for rows in (part.encoded for part in encoded.values()):
        sizes = np.diff(rows.row_splits)
        inside = np.arange(len(rows.input_ids)) - np.repeat(
            rows.row_splits[:-1], sizes
        )
        is_second = inside >= np.repeat(rows.first_lengths, sizes)
        is_kept = ~np.isin(rows.input_ids, silent)
        offset = len(tokenizer.settings.vocabulary)
        ids.append((rows.input_ids + offset * is_second)[is_kept])
        kept = np.concatenate([[0], np.cumsum(is_kept)])
        lengths.append(np.diff(kept[rows.row_splits]))
    return similarity.piece_sets(
        np.concatenate(ids), np.cumsum(np.concatenate(lengths))
    )
