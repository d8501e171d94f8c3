"""The model card: `model/README.md`, as the Hugging Face hub reads it.

Nothing in it depends on a clock or a machine: the same command writes the
same card. Of paths it has the last part alone. Its text is
`templates/model_card.md.jinja`.
"""

import dataclasses
import shlex
from collections.abc import Sequence
from typing import Any

import huggingface_hub
import jinja2
import numpy as np

from tf_bert.baselines import comparison
from tf_bert.checkpoints.fetch import resolve as checkpoint_sources
from tf_bert.config import Config, command_line
from tf_bert.data.tasks.data_name import base_name, data_name, source_name
from tf_bert.data.tasks.examples import Examples
from tf_bert.data.tasks.load_splits import TaskData
from tf_bert.data.tasks.task_spec import TaskSpec
from tf_bert.scoring import score_intervals
from tf_bert.scoring.metrics import METRICS, REPORTED, title_of

FILE_NAME = "README.md"

# Name here -> name on the hub, https://hf.co/metrics. The others have none.
_HUB_METRICS = {
    "accuracy": "accuracy",
    "f1": "f1",
    "macro_f1": "f1",
    "matthews": "matthews_correlation",
    "roc_auc": "roc_auc",
    "pearson": "pearsonr",
    "spearman": "spearmanr",
    "mse": "mse",
    "mae": "mae",
}
_SPLITS = ("train", "validation", "test")


def render_model_card(
    config: Config, data: TaskData, results: dict[str, Any]
) -> str:
    """Returns the card: YAML for programs, then Markdown for people."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("tf_bert.runs"),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["code"] = _code
    hub_id = checkpoint_sources.find_hub_id(config.init_checkpoint)
    return environment.get_template("model_card.md.jinja").render(
        metadata=_metadata(config, data.task, results).to_yaml(),
        name=_model_name(config),
        start=hub_id or base_name(config.init_checkpoint),
        dataset=data_name(config.as_dict()),
        config=config,
        data=data,
        task=data.task,
        results=results,
        validation_has_chosen=config.checkpoint_to_use == "best"
        and "validation" in results,
        command=_command(config),
        **_data_parts(data),
        **_scores_parts(results),
    )


def _metadata(
    config: Config, task: TaskSpec, results: dict[str, Any]
) -> huggingface_hub.ModelCardData:
    """Returns the front matter of the card."""
    dataset = data_name(config.as_dict())
    entries = [
        huggingface_hub.EvalResult(
            task_type="text-classification",
            task_name="Text regression" if task.is_regression else None,
            dataset_type=dataset,
            dataset_name=dataset,
            dataset_split=split,
            metric_type=_HUB_METRICS[name],
            metric_name=title_of(name, task.positive_label),
            metric_value=results[split][name],
            metric_args=_metric_args(name, task),
        )
        for split in ("validation", "test")
        for name in _HUB_METRICS
        if results.get(split, {}).get(name) is not None
    ]
    return huggingface_hub.ModelCardData(
        base_model=checkpoint_sources.find_hub_id(config.init_checkpoint),
        library_name="transformers",
        pipeline_tag="text-classification",
        tags=["bert", "tf_bert"],
        metrics=list(dict.fromkeys(x.metric_type for x in entries)) or None,
        model_name=_model_name(config),
        eval_results=entries or None,
    )


def _metric_args(name: str, task: TaskSpec) -> dict[str, Any] | None:
    """Arguments of a metric of the hub, by the names that it has there."""
    if name == "macro_f1":
        return {"average": "macro"}
    if name == "f1" and task.positive is not None:
        return {"pos_label": task.positive.id}
    return None


def _model_name(config: Config) -> str:
    """The last part of the run's folder."""
    name = base_name(config.output_dir)
    return name if name.strip(".") else "model"


def _command(config: Config) -> str:
    """The command that trains the same model, a flag on each line."""
    # What cannot change the model is not part of how it was made.
    flags = command_line.command_line(_without_folders(config.of_result()))
    return " \\\n    ".join(["python -m tf_bert.run", *map(shlex.quote, flags)])


def _without_folders(config: Config) -> Config:
    """The same without what is of one machine: where the files are."""
    paths = {name: path for name, path in config.inputs.items() if path}
    if checkpoint_sources.find_hub_id(config.init_checkpoint):
        del paths["init_checkpoint"]
    names = {name: base_name(path) or "." for name, path in paths.items()}
    return dataclasses.replace(config, output_dir=_model_name(config), **names)


def _data_parts(data: TaskData) -> dict[str, Any]:
    """Where the rows of each split are from, and how many there are."""
    splits = {s: x for s in _SPLITS if (x := getattr(data, s)) is not None}
    if data.task.is_regression:
        rows = _score_rows(splits)
    else:
        rows = _class_rows(splits, data.task.label_names)
    return {
        "splits_table": _table(["", *splits], rows),
        "origins": {
            split: _origin(split, examples, data.train)
            for split, examples in splits.items()
        },
    }


def _class_rows(
    splits: dict[str, Examples], label_names: Sequence[str]
) -> list[list[str]]:
    counts = [
        np.bincount(examples.labels, minlength=len(label_names))
        for examples in splits.values()
    ]
    rows = [
        [_code(name), *(str(count[index]) for count in counts)]
        for index, name in enumerate(label_names)
    ]
    return [*rows, ["all", *(str(len(x)) for x in splits.values())]]


def _score_rows(splits: dict[str, Examples]) -> list[list[str]]:
    labels = [examples.labels for examples in splits.values()]
    return [
        ["rows", *(str(len(x)) for x in labels)],
        ["lowest score", *(f"{x.min():.6g}" for x in labels)],
        ["mean score", *(f"{x.mean(dtype=np.float64):.6g}" for x in labels)],
        ["highest score", *(f"{x.max():.6g}" for x in labels)],
    ]


def _origin(split: str, examples: Examples, train: Examples) -> str:
    file = _code(source_name(examples.source))
    if split != "train" and examples.source == train.source:
        return f"{file}, examples held out from training"
    return file


def _scores_parts(results: dict[str, Any]) -> dict[str, Any]:
    """The tables of scores, of BERT alone and beside the simple baselines."""
    splits = [s for s in ("validation", "test") if s in results]
    if not splits:
        return {"scores_table": None}
    label = results.get("positive_label")
    rows = [
        [
            title_of(name, label),
            *(_score(results[split], name) for split in splits),
        ]
        for name in REPORTED
        if name in results[splits[0]]
    ]
    headings = [f"{s}, {results[s]['num_examples']} examples" for s in splits]
    parts = {"scores_table": _table(["", *headings], rows)}
    if "baselines" in results:
        parts |= _baseline_parts(results)
    return parts


def _baseline_parts(results: dict[str, Any]) -> dict[str, str]:
    """The simple baselines beside BERT, on the split they were compared on."""
    baselines = results["baselines"]
    split = next(iter(next(iter(baselines.values()))))
    scores = {name: by_split[split] for name, by_split in baselines.items()}
    names = [x for x in next(iter(scores.values())) if x in METRICS]
    label = results.get("positive_label")
    rows = [
        [comparison.TITLES[model], *(_score(values, name) for name in names)]
        for model, values in {**scores, "bert": results[split]}.items()
    ]
    headings = [title_of(name, label) for name in names]
    return {
        "compared_on": split,
        "baselines_table": _table(["", *headings], rows),
    }


def _score(scores: dict[str, Any], name: str) -> str:
    if scores[name] is None:
        return "not defined"
    interval = score_intervals.stored(scores, name)
    if interval is None:
        return f"{scores[name]:.3f}"
    return f"{scores[name]:.3f} {interval}"


def _table(headings: list[str], rows: list[list[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    cells = [[cell.replace("|", "\\|") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def _code(text: str) -> str:
    line = " ".join(text.split())
    return f"`` {line} ``" if "`" in line else f"`{line}`"
