"""The part of the model card that programs read: its front matter.

The Hugging Face hub shows and searches models by it. What people read is in
`model_card.py`.
"""

from typing import Any

import huggingface_hub

from tf_bert.checkpoints.fetch import resolve
from tf_bert.config import Config
from tf_bert.data.tasks.data_name import data_name
from tf_bert.data.tasks.known_tasks import TaskSpec
from tf_bert.scoring.metrics import title_of

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


def card_metadata(
    config: Config, task: TaskSpec, results: dict[str, Any]
) -> huggingface_hub.ModelCardData:
    """Returns the front matter of the card.

    Args:
        config: of the run.
        task: that it was trained for.
        results: as in `all_results.json`; what has a name on the hub becomes
            the card's `model-index`, split by split.
    """
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
        base_model=resolve.find_hub_id(config.init_checkpoint),
        library_name="transformers",
        pipeline_tag="text-classification",
        tags=["bert", "tf_bert"],
        metrics=list(dict.fromkeys(x.metric_type for x in entries)) or None,
        model_name=model_name(config),
        eval_results=entries or None,
    )


def _metric_args(name: str, task: TaskSpec) -> dict[str, Any] | None:
    """Arguments of a metric of the hub, by the names that it has there."""
    if name == "macro_f1":
        return {"average": "macro"}
    if name == "f1" and task.positive is not None:
        return {"pos_label": task.positive.id}
    return None


def model_name(config: Config) -> str:
    """The last part of the run's folder."""
    name = config.output_dir.replace("\\", "/").rstrip("/").rpartition("/")[2]
    return name if name.strip(".") else "model"
