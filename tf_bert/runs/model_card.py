"""The model card: `model/README.md`, as the Hugging Face hub reads it.

Nothing in it depends on a clock or a machine: the same command writes the
same card.
"""

import shlex
from collections.abc import Sequence
from typing import Any

import huggingface_hub
import numpy as np

from tf_bert.baselines import comparison
from tf_bert.checkpoints.fetch import resolve as checkpoint_sources
from tf_bert.config import Config, command_line
from tf_bert.data.tasks.data_name import data_name, source_name
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
    sections = (
        _introduction(config, data),
        _data_section(config, data),
        _results_section(results),
        _usage_section(config, data),
        _making_section(config, results),
        _limits_section(config, data, results),
    )
    front = _metadata(config, data.task, results).to_yaml()
    return f"---\n{front}\n---\n\n" + "\n\n".join(sections) + "\n"


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
    name = config.output_dir.replace("\\", "/").rstrip("/").rpartition("/")[2]
    return name if name.strip(".") else "model"


def _introduction(config: Config, data: TaskData) -> str:
    task = data.task
    what = "a pair of texts" if task.text_pair_column else "a text"
    if task.is_regression:
        does = f"Gives {what} a score."
    else:
        names = ", ".join(map(_code, task.label_names))
        does = f"Gives {what} one of {len(task.label_names)} labels: {names}."
    hub_id = checkpoint_sources.find_hub_id(config.init_checkpoint)
    start = _code(hub_id or config.init_checkpoint)
    return (
        f"# {_model_name(config)}\n\n{does} It is {start}, "
        f"fine-tuned with tf_bert on {len(data.train)} labelled rows."
    )


def _data_section(config: Config, data: TaskData) -> str:
    splits = {s: x for s in _SPLITS if (x := getattr(data, s)) is not None}
    if data.task.is_regression:
        rows = _score_rows(splits)
    else:
        rows = _class_rows(splits, data.task.label_names)
    files = [
        f"- {split}: {_origin(split, examples, data.train)}"
        for split, examples in splits.items()
    ]
    return "\n".join(
        [
            "## Data",
            "",
            f"Rows of {_code(data_name(config.as_dict()))}, by split:",
            "",
            *_table(["", *splits], rows),
            "",
            *files,
        ]
    )


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
        return f"{file}, rows held out from training"
    return file


def _results_section(results: dict[str, Any]) -> str:
    splits = [s for s in ("validation", "test") if s in results]
    if not splits:
        return "## Results\n\nThere was no split to evaluate on."
    label = results.get("positive_label")
    rows = [
        [
            title_of(name, label),
            *(_score(results[split], name) for split in splits),
        ]
        for name in REPORTED
        if name in results[splits[0]]
    ]
    headings = [f"{s}, {results[s]['num_examples']} rows" for s in splits]
    lines = [
        "## Results",
        "",
        *_table(["", *headings], rows),
        "",
        "In brackets: 95 % intervals, from the choice of the rows alone.",
    ]
    if "baselines" in results:
        lines += ["", *_baseline_lines(results)]
    return "\n".join(lines)


def _baseline_lines(results: dict[str, Any]) -> list[str]:
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
    return [
        f"Beside simple baselines, trained on the same rows, on {split}:",
        "",
        *_table(["", *(title_of(name, label) for name in names)], rows),
        "",
        results["verdict"],
    ]


def _usage_section(config: Config, data: TaskData) -> str:
    given, further = '"A text."', ""
    if data.task.text_pair_column:
        given = '{"text": "A text.", "text_pair": "Another."}'
    if data.task.is_regression:
        further = ', function_to_apply="none"'
    return f"""## Use

In transformers (`MODEL` is this folder), cutting texts to \
{config.max_seq_length} tokens as in training:

```python
from transformers import pipeline

classify = pipeline("text-classification", MODEL{further})
classify({given}, truncation=True, max_length={config.max_seq_length})
```

In Keras:

```python
from tf_bert import TFBertForSequenceClassification

model = TFBertForSequenceClassification.from_pretrained(MODEL)
```"""


def _making_section(config: Config, results: dict[str, Any]) -> str:
    # What cannot change the model is no part of how it was made.
    flags = command_line.command_line(config.of_result())
    command = " \\\n    ".join(
        ["python -m tf_bert.run", *map(shlex.quote, flags)]
    )
    train = results["train"]
    chosen = f"the weights after step {train['chosen_step']}"
    if config.checkpoint_to_use == "best" and "validation" in results:
        chosen += ", the best on validation,"
    return f"""## How it was made

```
{command}
```

{train["num_steps"]} steps; {chosen} are kept. Seeds: {config.head_seed} for \
fresh weights, {config.data_seed} for the order of the rows, \
{config.dropout_seed} for dropout, {config.split_seed} for held-out rows."""


def _limits_section(
    config: Config, data: TaskData, results: dict[str, Any]
) -> str:
    limits = [
        f"It learned from {len(data.train)} rows. Texts of another kind, "
        "origin or language were not tried."
    ]
    if config.checkpoint_to_use == "best" and "validation" in results:
        limits += [
            "The validation rows chose the checkpoint, so their scores are a "
            "little too good."
        ]
    if "validation" in results or "test" in results:
        limits += [
            "The intervals tell what another choice of rows would change; not "
            "what another seed would, which on small data is much."
        ]
    what = "text"
    if data.task.text_pair_column:
        what = "pair, its longer text cut first,"
    limits += [
        f"Of a long {what} only {config.max_seq_length} tokens count, special "
        "ones included.",
        "Nobody examined whether it treats texts by or about different groups "
        "of people alike.",
        "Licences of the model that it began with, and of the data, apply.",
    ]
    return "\n".join(["## Limits", "", *(f"- {limit}" for limit in limits)])


def _score(scores: dict[str, Any], name: str) -> str:
    if scores[name] is None:
        return "not defined"
    interval = score_intervals.stored(scores, name)
    if interval is None:
        return f"{scores[name]:.3f}"
    return f"{scores[name]:.3f} {interval}"


def _table(headings: list[str], rows: list[list[str]]) -> list[str]:
    lines = [headings, ["---"] * len(headings), *rows]
    cells = [[cell.replace("|", "\\|") for cell in line] for line in lines]
    return [f"| {' | '.join(line)} |" for line in cells]


def _code(text: str) -> str:
    line = " ".join(text.split())
    return f"`` {line} ``" if "`" in line else f"`{line}`"
