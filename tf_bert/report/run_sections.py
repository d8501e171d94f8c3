"""The report on one training: its scores, its course, its mistakes."""

import dataclasses
from typing import Any

from tf_bert.config import Config
from tf_bert.data.tasks.copies import copies_sentence
from tf_bert.data.tasks.data_name import data_name
from tf_bert.report import (
    report_tables,
    row_sections,
    sentences,
    setting_sections,
)
from tf_bert.report.figures import recorded_run, run_figures, trial_figures
from tf_bert.report.figures.recorded_run import RecordedRun
from tf_bert.report.page import Page, Part, Picture, Section
from tf_bert.runs import run_folder
from tf_bert.runs.run_folder import RunFolder
from tf_bert.scoring import number_texts, scored_rows
from tf_bert.scoring.scored_rows import ScoredRows
from tf_bert.system import file_io

# File name of a figure -> its title and caption.
_COURSE = {
    "loss_and_metric": (
        "Loss and metric by step",
        "The loss on the training batches since the last evaluation and on "
        "validation; below it the metric on validation, with a ring at the "
        "best. A validation loss that rises while the training loss falls "
        "shows that the model learns its training rows by heart.",
    ),
    "learning_rate": (
        "Learning rate",
        "The learning rate rises in the warm-up and falls afterwards, as "
        "--lr_schedule says.",
    ),
    "bias_ratio": (
        "The update as a multiple of bias-corrected Adam's",
        "1 is Adam with bias correction; the wide grey line is what its "
        "formula gives without.",
    ),
    "update_norm": (
        "How far each step moves each block",
        "L2 norm of the update of each block at each step. Layers go from dark "
        "(lowest) to light.",
    ),
    "distance": (
        "How far each block has come from step 0",
        "L2 distance of each block from the weights that the run started "
        "with, at each evaluation.",
    ),
}


def run_page(config: Config) -> Page:
    """Returns the report on a training, finished or not.

    Args:
        config: of `stored_config.stored_config`.

    Raises:
        FileNotFoundError: if the run has not been evaluated yet.
        ValueError: if a file of the run is damaged.
    """
    folder = RunFolder(config.output_dir)
    run = recorded_run.read(config)
    results: dict[str, Any] = {}
    if folder.is_finished():
        results = folder.read_json(run_folder.RESULTS)
    split, rows = _rows(folder)
    sections = (
        _scores_section(run, results),
        *([_baselines_section(run, results)] if results else []),
        _course_section(run),
        *_row_sections(run, split, rows),
        _settings_section(config),
    )
    return Page(
        title=f"Report on a training: {data_name(config.as_dict())}",
        summary=tuple(_summary(run, results)),
        parts=(Part("", "", sections),),
    )


def _summary(run: RecordedRun, results: dict[str, Any]) -> list[str]:
    title = sentences.capital(run.metric.title)
    last = run.history[-1]["step"]
    if not results:
        return [
            f"The training has not ended: it has done {last} steps, and this "
            "is what it has stored so far."
        ]
    train = results["train"]
    texts = [
        f"Trained on {train['num_examples']} rows for {train['num_steps']} "
        f"steps; the weights after step {train['chosen_step']} are kept."
    ]
    for split in ("test", "validation"):
        if split in results:
            score, interval = setting_sections.score_cells(
                results[split], run.metric_name
            )
            texts.append(
                f"{title} on {results[split]['num_examples']} {split} rows: "
                f"{score}{f' (95 % interval: {interval})' if interval else ''}."
            )
            break
    if "verdict" in results:
        texts.append(results["verdict"])
    return [
        *texts,
        "This is one training. Another seed may give another score, on small "
        "data a very different one: --mode=trials tells how different.",
    ]


def _scores_section(run: RecordedRun, results: dict[str, Any]) -> Section:
    splits = [x for x in ("validation", "test") if x in results]
    if not splits:
        return Section(
            "scores",
            "Scores",
            (
                "Left out: the training has not ended, or there is no split to "
                "score it on.",
            ),
        )
    notes = ["The intervals come from the choice of the rows alone."]
    if run.config.checkpoint_to_use == "best" and "validation" in splits:
        notes.append(
            "The validation rows chose the checkpoint, so their scores are a "
            "little too good."
        )
    for split in splits:
        if known := results[split].get("num_in_train"):
            size = results[split]["num_examples"]
            notes.append(copies_sentence(known, size, split))
    return Section(
        "scores",
        "Scores",
        (
            f"The checkpoint was chosen by {run.metric.title} "
            f"({run.config.checkpoint_to_use}).",
        ),
        tables=(setting_sections.metrics_table(results, run.positive_label),),
        notes=tuple(notes),
    )


def _baselines_section(run: RecordedRun, results: dict[str, Any]) -> Section:
    name, title = "baselines", "Simple baselines"
    models = results.get("baselines")
    if not models:
        return Section(
            name,
            title,
            (
                "Left out: the training was not compared with them "
                "(--compare_baselines).",
            ),
        )
    split = next(iter(next(iter(models.values()))))
    rows = [
        (model, *cells)
        for model, cells in setting_sections.baseline_rows(
            models, split, run.metric_name
        )
    ]
    rows.append(
        (
            "BERT",
            *setting_sections.score_cells(results[split], run.metric_name),
        )
    )
    return Section(
        name,
        title,
        (results["verdict"],),
        tables=(
            setting_sections.baselines_table(
                sentences.capital(f"{split} {run.metric.title}"), rows
            ),
        ),
    )


def _course_section(run: RecordedRun) -> Section:
    pictures, left_out = [], []
    for file_name, (_, draw) in run_figures.FIGURES.items():
        title, caption = _COURSE[file_name]
        figure = draw(run)
        if isinstance(figure, str):
            left_out.append(f"Left out: {title.lower()} ({figure}).")
            continue
        figure.set_figwidth(trial_figures.WIDTH)
        table = _history_table(run) if file_name == "loss_and_metric" else None
        name = file_name.replace("_", "-")
        pictures.append(Picture(name, title, figure, caption, table))
    return Section(
        "course",
        "The course of the training",
        (
            f"Evaluated {len(run.history)} times, the last time after step "
            f"{run.history[-1]['step']}.",
        ),
        pictures=tuple(pictures),
        notes=tuple(left_out),
    )


def _history_table(run: RecordedRun) -> report_tables.Table:
    rows = [
        (
            str(entry["step"]),
            number_texts.number(entry.get("train_loss")),
            *(
                number_texts.number(validation[key])
                if key in validation
                else ""
                for key in ("loss", run.metric_name)
            ),
            f"{entry['learning_rate']:.3g}",
            *(
                number_texts.number(value)
                for value in entry.get("distance", {}).values()
            ),
        )
        for entry in run.history
        for validation in [entry.get("validation") or {}]
    ]
    return report_tables.table(
        "history",
        "Every evaluation",
        (
            "step",
            "training loss",
            "validation loss",
            f"validation {run.metric.title}",
            "learning rate",
            *(
                f"distance of {block.replace('_', ' ')}"
                for block in run.history[0].get("distance", {})
            ),
        ),
        rows,
    )


def _rows(folder: RunFolder) -> tuple[str, list[ScoredRows]]:
    """The split that counts, and its rows; none: they are not stored."""
    path = folder.join(run_folder.SCORED_ROWS)
    if not file_io.exists(path):
        return "", []
    splits = scored_rows.read(file_io.read_text(path), path)
    for split in ("test", "validation"):
        if split in splits:
            return split, [splits[split]]
    return "", []


def _row_sections(
    run: RecordedRun, split: str, rows: list[ScoredRows]
) -> list[Section]:
    names = list(run.label_names)
    opening = f"The {split} rows, as the chosen checkpoint predicts them."
    if not rows:
        opening = (
            "Left out: no scored rows are stored. They are when a training "
            "ends."
        )
    elif rows[0].probabilities is not None and len(names) < 2:
        names = [str(i) for i in range(rows[0].probabilities.shape[1])]
    return [
        row_sections.predictions_section(opening, rows, names),
        row_sections.mistakes_section(
            run.config,
            rows,
            split=split,
            label_names=names,
            record=RunFolder(run.config.output_dir).read_optional(
                run_folder.SPLITS
            ),
        ),
    ]


def _settings_section(config: Config) -> Section:
    return Section(
        "settings",
        "Data and command",
        (
            "The command that repeats the training, with the same result on "
            "the same kind of machine.",
        ),
        tables=(setting_sections.data_table(config.as_dict()),),
        commands=(
            setting_sections.shell_command(
                dataclasses.replace(
                    config, mode="train", baseline=None, trials_dirs=None
                )
            ),
        ),
    )
