"""Whether the head of a checkpoint can be kept for a task: `--keep_head`."""

import shlex

import transformers

from tf_bert.checkpoints import formats
from tf_bert.data.tasks.labels import class_key
from tf_bert.data.tasks.task_spec import TaskSpec


def check_kept_head(
    model_config: transformers.BertConfig, task: TaskSpec, folder: str
) -> None:
    """Refuses a head that does not give the labels of a task, in their order.

    Reads shapes and no weights. The reference code keeps a head whenever the
    number of labels is the same, whatever they are called, and so does
    transformers.
    """
    weights = formats.open_weights(folder)
    for path in ("classifier/kernel", "classifier/bias"):
        if weights.shape(path) is None:
            raise ValueError(
                "The checkpoint has no head to keep. Received: "
                f"keep_head=True, {weights.file} without "
                f"{weights.stored_name(path).name}. Leave out --keep_head to "
                "draw a new head."
            )
    stored = _label_names(model_config)
    wanted = task.label_names
    if not task.is_regression and stored and _keys(stored) != _keys(wanted):
        raise ValueError(
            "The checkpoint's head has other labels than the data, or another "
            f"order. Received: keep_head=True, labels {', '.join(stored)} in "
            f"{folder}, {', '.join(wanted)} in the data. "
            f"{_advice(stored, task)}"
        )
    num_outputs = weights.shape("classifier/kernel")[1]
    num_wanted = 1 if task.is_regression else len(wanted)
    if num_outputs != num_wanted:
        raise ValueError(
            "The checkpoint's head has another number of outputs than the "
            f"task. Received: keep_head=True, {num_outputs} outputs in "
            f"{weights.file}, {num_wanted} wanted. Leave out "
            "--keep_head to draw a new head."
        )


def _label_names(
    model_config: transformers.BertConfig,
) -> tuple[str, ...] | None:
    """Returns the labels of a checkpoint, None if they are only numbered."""
    found = model_config.id2label
    names = tuple(str(found[index]) for index in sorted(found))
    numbered = tuple(f"LABEL_{index}" for index in range(len(names)))
    return None if names == numbered else names


def _keys(names: tuple[str, ...]) -> list:
    return [class_key(name) for name in names]


def _advice(stored: tuple[str, ...], task: TaskSpec) -> str:
    # The label names of a task of the table cannot be changed by a flag.
    is_custom = task.name == "custom"
    if is_custom and set(_keys(task.label_names)) <= set(_keys(stored)):
        names = shlex.quote(",".join(stored))
        return f"Pass --label_names={names}, the checkpoint's order."
    return (
        "Leave out --keep_head to draw a new head, or give the data the "
        "checkpoint's labels."
    )
