"""The report on trials: one part for each task, and a table over all."""

from collections.abc import Sequence

from tf_bert.config import Config
from tf_bert.report import (
    conclusion_sections,
    course_sections,
    report_tables,
    row_sections,
    score_sections,
    sentences,
    setting_sections,
    sweep_sections,
    task_results,
    trials_content,
)
from tf_bert.report.page import Page, Part, Section
from tf_bert.report.task_results import TaskResults
from tf_bert.runs import run_folder
from tf_bert.runs.run_folder import RunFolder
from tf_bert.trials import sweep_data


def trials_page(folders: Sequence[str], *, baseline: str | None = None) -> Page:
    """Returns the report on the trials of folders.

    Args:
        folders: of `--mode=trials`, finished or not; at least one.
        baseline: label of the recipe that others are compared with; None:
            that of each folder's own configuration, else the first.

    Raises:
        FileNotFoundError: if a folder holds no finished trial.
        ValueError: if a file is damaged, or a folder has no such recipe.
    """
    every = [
        task_results.compute(task, baseline=baseline)
        for task in trials_content.read(folders)
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
    titles = sentences.listed([x.task.title for x in every])
    return Page(
        title=f"Report on trials: {titles}",
        summary=tuple(
            text for results in every for text in _summary(results, is_alone)
        ),
        parts=parts,
        overview=() if is_alone else (_overview(every),),
    )


def _summary(results: TaskResults, is_alone: bool) -> list[str]:
    texts = sentences.summary(results)
    if is_alone:
        return texts
    return [" ".join(texts)]


def _overview(every: Sequence[TaskResults]) -> report_tables.Table:
    """Mean and spread of each recipe on each task, as the paper's Table 1."""
    labels = list(
        dict.fromkeys(x.label for results in every for x in results.summaries)
    )
    return report_tables.table(
        "overview",
        "Mean of each recipe on each task, with the standard deviation over "
        "its trials",
        (
            "recipe",
            *(f"{x.task.title}, {x.score_title}" for x in every),
        ),
        [
            (label, *(_overview_cell(results, label) for results in every))
            for label in labels
        ],
    )


def _overview_cell(results: TaskResults, label: str) -> str:
    found = [x for x in results.summaries if x.label == label]
    if not found or found[0].mean is None:
        return ""
    spread = "" if found[0].std is None else f" ± {found[0].std:.3f}"
    return f"{found[0].mean:.3f}{spread}"


def _sections(results: TaskResults) -> tuple[Section, ...]:
    task = results.task
    opening, rows = row_sections.of_best_recipe(results)
    config = _data_config(results)
    data = RunFolder(task.folder).read_optional(run_folder.DATA)
    found = (
        score_sections.scores_section(results),
        conclusion_sections.comparisons_section(results),
        conclusion_sections.expected_section(results),
        sweep_sections.sweep_section(results),
        sweep_sections.seed_grid_section(results),
        setting_sections.baselines_section(results),
        course_sections.curves_section(results),
        course_sections.updates_section(results),
        course_sections.distances_section(results),
        row_sections.predictions_section(opening, rows, task.label_names),
        row_sections.mistakes_section(
            config,
            rows,
            split=task.split,
            label_names=task.label_names,
            record=sweep_data.record_of_rows(data, config),
        ),
        setting_sections.trials_settings(results),
    )
    return tuple(section for section in found if section is not None)


def _data_config(results: TaskResults) -> Config:
    """A configuration with the data of the best recipe's trials."""
    task = results.task
    fields = results.recipe(results.best or results.baseline).config
    return Config.from_dict(
        fields, positive_label=task.positive_label, output_dir=task.folder
    )
