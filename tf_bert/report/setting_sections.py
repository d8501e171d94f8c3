"""The sections about what surrounds the scores: baselines, data, command."""

import dataclasses
import itertools
import json
import shlex
from collections.abc import Mapping
from typing import Any

from tf_bert.baselines import comparison as comparison_lib
from tf_bert.config import Config, command_line
from tf_bert.config.all_settings import SETTINGS
from tf_bert.report import report_tables, sentences
from tf_bert.report.page import Section
from tf_bert.report.task_results import TaskResults
from tf_bert.report.trials_content import TaskTrials
from tf_bert.scoring import number_texts, score_intervals
from tf_bert.scoring.metrics import REPORTED, title_of


def baselines_section(results: TaskResults) -> Section:
    """The simple baselines, and the mean of each recipe beside them."""
    name, title = "baselines", "Simple baselines"
    task = results.task
    if not task.baselines:
        return Section(
            name,
            title,
            (
                "Left out: no baselines are stored for this data. They are "
                "trained unless --nocompare_baselines is given, and where "
                "there is a test or a validation split.",
            ),
        )
    split = task.baselines["split"]
    rows = [
        (model, *cells)
        for model, cells in baseline_rows(
            task.baselines["models"], split, task.metric
        )
    ]
    if split == task.split:
        rows += [
            (
                f"BERT, {x.label}",
                number_texts.number(x.mean),
                number_texts.interval(x.mean_interval),
            )
            for x in results.summaries
        ]
    return Section(
        name,
        title,
        (sentences.baselines(results) or f"Scores on {split}.",),
        tables=(baselines_table(sentences.capital(results.score_title), rows),),
        notes=(
            "The baselines' intervals come from the choice of the rows, those "
            "of BERT's means from the choice of the seeds.",
        ),
    )


def baseline_rows(
    models: Mapping[str, Any], split: str, metric: str
) -> list[tuple[str, tuple[str, str]]]:
    """Returns, for each model, its title, its score and the interval.

    Args:
        models: model -> split -> metric -> score.
        split: of the scores.
        metric: of the task.
    """
    return [
        (comparison_lib.TITLES[model], score_cells(by_split[split], metric))
        for model, by_split in models.items()
    ]


def baselines_table(
    title: str, rows: list[tuple[str, ...]]
) -> report_tables.Table:
    """Returns the table of the simple baselines beside BERT.

    Args:
        title: of the score.
        rows: model, score, interval.
    """
    return report_tables.table(
        "baselines",
        f"{title} of simple baselines, trained on the same rows, and of BERT",
        ("model", "score", "95 % interval"),
        rows,
    )


def score_cells(scores: Mapping[str, Any], metric: str) -> tuple[str, str]:
    """Returns the score of a metric and its interval, or why it has none."""
    interval = score_intervals.stored(scores, metric)
    if interval is None:
        text = ""
    else:
        text = interval.note or number_texts.interval(interval.ends)
    return number_texts.number(scores.get(metric)), text


def metrics_table(
    results: Mapping[str, Any], positive_label: str | None
) -> report_tables.Table:
    """Returns every metric of a run on each split, with its interval.

    Args:
        results: as in `all_results.json`.
        positive_label: the class that F1 is of, where there are two.
    """
    splits = [split for split in ("validation", "test") if split in results]
    rows = []
    for metric in REPORTED:
        if splits and metric in results[splits[0]]:
            cells = [score_cells(results[x], metric) for x in splits]
            title = title_of(metric, positive_label)
            rows.append((title, *itertools.chain(*cells)))
    return report_tables.table(
        "metrics",
        "Every metric, with its 95 % interval where it has one",
        (
            "metric",
            *(
                heading
                for split in splits
                for heading in (
                    f"{split}, {results[split]['num_examples']} rows",
                    f"{split} interval",
                )
            ),
        ),
        rows,
    )


def trials_settings(results: TaskResults) -> Section:
    """The data, the flags in which the recipes differ, and the command."""
    task = results.task
    fields = sorted(set().union(*(recipe.config for recipe in task.recipes)))
    differing = [
        field
        for field in fields
        if len({json.dumps(x.config.get(field)) for x in task.recipes}) > 1
    ]
    found = [data_table(task.recipes[0].config, without=differing)]
    if differing:
        found.append(
            report_tables.table(
                "recipes",
                "The flags in which the recipes differ",
                ("recipe", *differing),
                [
                    (x.label, *(_shown(x.config.get(f)) for f in differing))
                    for x in task.recipes
                ],
                num_text_columns=1 + len(differing),
            )
        )
    commands = trials_commands(task)
    text = "The command that repeats the trials"
    if len(commands) > 1:
        text = "The commands that repeat the trials, recipe by recipe"
    return Section(
        "settings",
        "Data and command",
        (
            f"{text}. The same command gives the same scores on the same kind "
            "of machine.",
        ),
        tables=tuple(found),
        commands=tuple(commands),
    )


def data_table(
    config: Mapping[str, Any], *, without: tuple[str, ...] | list[str] = ()
) -> report_tables.Table:
    """Returns the flags that say where the data lies and how it is divided.

    Args:
        config: of a run, as JSON holds it.
        without: flags that are left out.
    """
    rows = [
        (f"--{name}", _shown(config[name]))
        for name, setting in SETTINGS.items()
        if setting.describes_data
        and name in config
        and name not in without
        # Files of a task have columns of their own.
        and (config[name] != setting.default or setting.is_shown)
    ]
    return report_tables.table(
        "data",
        "The data, as flags",
        ("flag", "value"),
        rows,
        num_text_columns=2,
    )


def trials_commands(task: TaskTrials) -> list[str]:
    """Returns what to give a shell for the same trials.

    One command, if it is stored how the sweep was given, which earlier
    versions did not; else one for each recipe, each into a folder of its own.

    Args:
        task: the trials.
    """
    base = Config.from_dict({**task.config, "mode": "trials"})
    alone = dataclasses.replace(base, sweep=None, baseline=None)
    if not base.sweep:
        return [shell_command(alone)]
    if base.sweep_given is not None:
        given = [f"--sweep={sweep}" for sweep in base.sweep_given]
        if base.baseline is not None:
            given.append(f"--baseline={base.baseline}")
        return [shell_command(alone, given)]
    return [
        shell_command(
            dataclasses.replace(
                alone, **changes, output_dir=f"{base.output_dir}_{number}"
            )
        )
        for number, changes in enumerate(base.sweep.values(), start=1)
    ]


def shell_command(config: Config, given: list[str] | None = None) -> str:
    """Returns a command for a shell, one flag on a line.

    Args:
        config: of the run.
        given: further flags.
    """
    flags = [*command_line.command_line(config), *(given or [])]
    return " \\\n    ".join(
        ["python -m tf_bert.run", *(shlex.quote(flag) for flag in flags)]
    )


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
