"""The sections about what surrounds the scores: baselines, data, command."""

import dataclasses
import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from tf_bert.baselines import comparison as comparison_lib
from tf_bert.config import Config, command_line
from tf_bert.config.all_settings import SETTINGS
from tf_bert.report import sentences
from tf_bert.report.page import Section, Table
from tf_bert.report.sentences import score_cells
from tf_bert.report.task_results import TaskResults
from tf_bert.report.trials_content import TaskTrials
from tf_bert.scoring import number_texts


def baselines_section(results: TaskResults) -> Section:
    """The simple baselines, and the mean of each recipe beside them."""
    name, title = "baselines", "Simple baselines"
    task = results.task
    if not task.baselines:
        return Section(
            name,
            title,
            "Left out: no baselines are stored for this data. They are "
            "trained unless --nocompare_baselines is given, and where "
            "there is a test or a validation split.",
        )
    split = task.baselines["split"]
    rows = [
        (comparison_lib.TITLES[model], *score_cells(x[split], task.metric))
        for model, x in task.baselines["models"].items()
    ]
    notes = ()
    if task.is_one_training and split in task.trials[0].scores:
        scores = task.trials[0].scores[split]
        rows.append(("BERT", *score_cells(scores, task.metric)))
    elif split == task.split:
        rows += [
            (
                f"BERT, {x.label}",
                number_texts.number(x.mean),
                number_texts.interval(x.mean_interval),
            )
            for x in results.summaries.values()
        ]
        notes = (
            "The baselines' intervals come from the choice of the examples, "
            "those of BERT's means from the choice of the seeds.",
        )
    table = Table(
        "baselines",
        f"{sentences.capital(split)} {task.metric_title} of simple baselines, "
        "trained on the same examples, and of BERT",
        ("model", "score", "95 % interval"),
        rows,
    )
    text = sentences.baselines(results) or f"Scores on {split}."
    return Section(name, title, text, tables=(table,), notes=notes)


def settings_section(results: TaskResults) -> Section:
    """The data, the flags in which the recipes differ, and the command."""
    task = results.task
    differing = task.varied
    found = [data_table(task.recipes[0].config, without=differing)]
    if differing:
        found.append(
            Table(
                "recipes",
                "The flags in which the recipes differ",
                ("recipe", *differing),
                [
                    (x.label, *(flag_value(x.config.get(f)) for f in differing))
                    for x in task.recipes
                ],
                num_text_columns=1 + len(differing),
            )
        )
    commands = commands_of(task)
    what = "trials" if task.is_sweep else "training"
    text = f"The command that repeats the {what}"
    if len(commands) > 1:
        text = "The commands that repeat the trials, recipe by recipe"
    return Section(
        "settings",
        "Data and command",
        f"{text}. The same command gives the same scores on the same kind "
        "of machine.",
        tables=tuple(found),
        commands=tuple(commands),
    )


def data_table(
    config: Mapping[str, Any], *, without: Sequence[str] = ()
) -> Table:
    """Returns the flags that say where the data lies and how it is divided."""
    rows = [
        (f"--{name}", flag_value(config[name]))
        for name, setting in SETTINGS.items()
        if setting.describes_data
        and name in config
        and name not in without
        # Files of a task have columns of their own.
        and (config[name] != setting.default or setting.is_shown)
    ]
    return Table(
        "data",
        "The data, as flags",
        ("flag", "value"),
        rows,
        num_text_columns=2,
    )


def commands_of(task: TaskTrials) -> list[str]:
    """Returns what to give a shell for the same run, or the same trials.

    One command, if it is stored how the sweep was given, which earlier
    versions did not; else one for each recipe, each into a folder of its own.
    """
    base = Config.from_dict(task.config)
    alone = dataclasses.replace(base, sweep=None, baseline=None)
    if not base.sweep:
        return [_shell_command(alone)]
    if base.sweep_given is not None:
        given = [f"--sweep={sweep}" for sweep in base.sweep_given]
        if base.baseline is not None:
            given.append(f"--baseline={base.baseline}")
        return [_shell_command(alone, given)]
    return [
        _shell_command(
            dataclasses.replace(
                alone, **changes, output_dir=f"{base.output_dir}_{number}"
            )
        )
        for number, changes in enumerate(base.sweep.values(), start=1)
    ]


def _shell_command(config: Config, given: Sequence[str] = ()) -> str:
    """Returns a command for a shell, one flag on a line."""
    flags = [*command_line.command_line(config), *given]
    return " \\\n    ".join(
        ["python -m tf_bert.run", *(shlex.quote(flag) for flag in flags)]
    )


def flag_value(value: Any) -> str:
    """Returns a value of a setting as it is shown."""
    return value if isinstance(value, str) else json.dumps(value)
