"""`--mode=report`: writes `report.html` about trials, or about one training.

One part for each task, and a table over all of them. A single run is a sweep
of one trial. No TensorFlow, unless a folder lies on `gs://` or the data does.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from tf_bert.config import Config
from tf_bert.report import (
    block_sections,
    conclusion_sections,
    curve_sections,
    mistakes,
    page,
    row_sections,
    score_sections,
    sentences,
    setting_sections,
    sweep_sections,
    task_results,
    trials_reader,
)
from tf_bert.report.figures import style
from tf_bert.report.page import Page, Part, Section, Table
from tf_bert.report.task_results import TaskResults
from tf_bert.runs import run_folder
from tf_bert.runs.run_folder import RunFolder
from tf_bert.trials import sweep_data


def report_run(config: Config) -> str:
    """Writes `report.html`, and `report/` with its figures and tables.

    Of a sweep or a training that goes on, it is about what there is. Returns
    the path of `report.html`.

    Args:
        config: of `stored_config.stored_config`. With `trials_dirs` the
            report is about what these folders hold, and `output_dir` is where
            it goes; else it is about what `output_dir` holds.
    """
    folders = config.trials_dirs or (config.output_dir,)
    with style.settings():
        content = report_page(folders, baseline=config.baseline)
        path = page.write(content, config.output_dir)
    print("\n".join(content.summary))
    print(f"\nWrote {path}.")
    return path


def report_page(folders: Sequence[str], *, baseline: str | None = None) -> Page:
    """Returns the report on the trials of folders.

    Args:
        folders: of runs and of --mode=trials, finished or not; at least one.
        baseline: label of the recipe that others are compared with; None:
            that of each folder's own configuration, else the first.
    """
    every = [
        task_results.compute(task, baseline=baseline)
        for task in trials_reader.read(folders)
    ]
    is_alone = len(every) == 1
    parts = tuple(
        Part(
            "" if is_alone else f"task-{number}",
            results.task.title,
            _sections(results),
        )
        for number, results in enumerate(every, start=1)
    )
    summaries = [sentences.summary(results) for results in every]
    of_trials = any(results.task.is_sweep for results in every)
    titles = sentences.listed([results.task.title for results in every])
    return Page(
        title=f"Report on {'trials' if of_trials else 'a training'}: {titles}",
        summary=tuple(
            summaries[0] if is_alone else [" ".join(x) for x in summaries]
        ),
        parts=parts,
        overview=() if is_alone else (_overview(every),),
    )


def _overview(every: Sequence[TaskResults]) -> Table:
    """Mean and spread of each recipe on each task, as the paper's Table 1."""
    labels = dict.fromkeys(
        label for results in every for label in results.summaries
    )
    return Table(
        "overview",
        "Mean of each recipe on each task, with the standard deviation over "
        "its trials",
        ["recipe", *(f"{x.task.title}, {x.score_title}" for x in every)],
        [
            [label, *(_overview_cell(x, label) for x in every)]
            for label in labels
        ],
    )


def _overview_cell(results: TaskResults, label: str) -> str:
    summary = results.summaries.get(label)
    if summary is None or summary.mean is None:
        return ""
    spread = "" if summary.std is None else f" ± {summary.std:.3f}"
    return f"{summary.mean:.3f}{spread}"


def _sections(results: TaskResults) -> tuple[Section, ...]:
    opening, rows = row_sections.of_best_recipe(results)
    task = results.task
    label_names = row_sections.class_names(task.label_names, rows)
    # With the data of the best recipe's trials.
    config = Config.from_dict(
        results.recipe(results.best or results.baseline).config,
        positive_label=task.positive_label,
        output_dir=task.folder,
    )
    found = (
        score_sections.scores_section(results),
        conclusion_sections.comparisons_section(results),
        conclusion_sections.expected_section(results),
        sweep_sections.sweep_section(results),
        sweep_sections.seed_grid_section(results),
        setting_sections.baselines_section(results),
        curve_sections.curves_section(results),
        block_sections.updates_section(results),
        block_sections.distances_section(results),
        row_sections.predictions_section(opening, rows, label_names),
        mistakes.mistakes_section(
            config,
            rows,
            split=task.split,
            label_names=label_names,
            record=_record_of_rows(results, config),
        ),
        setting_sections.settings_section(results),
    )
    return tuple(section for section in found if section is not None)


def _record_of_rows(
    results: TaskResults, config: Config
) -> Mapping[str, Any] | None:
    """Returns which rows the trials had, see `run_data.load`."""
    folder = RunFolder(results.task.folder)
    if results.task.is_sweep:
        known = folder.read_optional(run_folder.DATA)
        return sweep_data.record_of_rows(known, config)
    return folder.read_optional(run_folder.SPLITS)
