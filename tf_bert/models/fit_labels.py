"""Where `fit` finds the labels, and the model's own loss as Keras knows it.

transformers 4 took labels from either place, `y` or "labels" among the inputs;
Keras looks at `y` alone, and drops weights where there is none.
"""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

Tensor = Any

OWN_LOSS_NAMES = ("auto", "auto_with_warning", "passthrough")


class OwnLoss(keras.losses.Loss):
    """The mean, or weighted mean, of the losses that a model computed.

    Being one of Keras's losses it treats sample weights, `loss_weights` and
    replicas as those do. Where others take predictions it takes the loss of
    each example, float `[B]`; it does not look at `y_true`.
    """

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return y_pred


def is_own_loss(loss: Any) -> bool:
    """Whether what `compile` was given stands for the model's own loss."""
    return loss is None or (isinstance(loss, str) and loss in OWN_LOSS_NAMES)


def only_array(value: Any, name: str) -> Any:
    """Takes the array out of `{"labels": array}`, or out of `[array]`.

    None and an array are returned as they are. `name` is that of the
    argument, for the message if there are several arrays.
    """
    leaves = keras.tree.flatten(value)
    if len(leaves) != 1:
        kind = type(value).__name__
        raise ValueError(
            f"`{name}` must be one array, with a value for each example, or "
            f'a dictionary of one: {{"labels": array}}. Received: {name}=a '
            f"{kind} of {len(leaves)}. Leave out what is not a label; a list "
            "of numbers becomes an array with np.array(...)."
        )
    return leaves[0]


def find_labels(inputs: Any, y: Any) -> Any:
    """Takes the labels from `y`, else from among the inputs, else None."""
    if y is not None:
        return only_array(y, "y")
    return inputs.get("labels") if isinstance(inputs, Mapping) else None


def require_labels(inputs: Any, y: Any) -> Any:
    """Returns what `find_labels` does; `ValueError` if that is None."""
    labels = find_labels(inputs, y)
    if labels is None:
        given = sorted(inputs) if isinstance(inputs, Mapping) else ["input_ids"]
        raise ValueError(
            "There are no labels to train on or score by. Received: "
            f"inputs={', '.join(given)}, y=None. Pass `y`, or put the labels "
            'among the inputs under "labels".'
        )
    return labels


def check_same_labels(inputs: Any, y: Any) -> None:
    """Raises `ValueError` for labels in both places that differ.

    The model's own loss would train on those among the inputs, and metrics
    would be of `y`. The batches of a dataset are not looked at.
    """
    among = find_labels(inputs, None)
    if among is None or y is None:
        return
    among = np.ravel(keras.ops.convert_to_numpy(among))
    apart = np.ravel(keras.ops.convert_to_numpy(only_array(y, "y")))
    if among.size != apart.size:  # One column for each class, for a metric.
        return
    # Scores may be float32 in one place and float64 in the other.
    rows = np.flatnonzero(~np.isclose(among, apart, equal_nan=True))
    if rows.size:
        row = rows[0]
        raise ValueError(
            "The labels were given twice, among the inputs and as `y`, and "
            f"differ in {rows.size} of {among.size} examples. Received: "
            f'inputs["labels"][{row}]={among[row]}, y[{row}]={apart[row]}. '
            "Give them once."
        )


def move_labels(data: Any) -> Any:
    """Gives each batch of a dataset its labels as `y`, for class weights.

    Keras gives a class weight to the examples of batches that have a `y`. A
    `PyDataset` of batches without is a `ValueError`: Keras would leave the
    weights out, without a word. What is not a dataset stays as it is.
    """
    if isinstance(data, keras.utils.PyDataset):
        _, y, _ = keras.utils.unpack_x_y_sample_weight(data[0])
        if y is None:
            raise ValueError(
                "`class_weight` needs batches that are pairs (inputs, labels). "
                "Received: a PyDataset with a batch without `y`. Return "
                "`(inputs, labels)` from its __getitem__."
            )
    # Both are there in datasets of tf.data alone.
    if not (hasattr(data, "element_spec") and hasattr(data, "map")):
        return data
    return data.map(
        lambda inputs, y=None, *weights: (
            inputs,
            require_labels(inputs, y),
            *weights,
        )
    )
