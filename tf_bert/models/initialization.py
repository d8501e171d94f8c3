"""New weights, as BERT draws them."""

from collections.abc import Iterable

import keras
import numpy as np

from tf_bert.system import seeding

# For layers whose kernels are drawn by `initialize`, or loaded, once they are
# there: not by Keras before.
NOT_DRAWN = {"kernel_initializer": "zeros"}


def initialize(
    variables: Iterable[keras.Variable],
    *,
    initializer_range: float,
    seed: int,
) -> None:
    """Gives variables new values: kernels and embeddings normal(0, range).

    LayerNorm gains become 1, biases and LayerNorm shifts 0. The values of a
    variable depend on `seed` and its path alone, not on which others are
    drawn: a head is the same whether or not layers below it are drawn too.

    Plain normal, as in PyTorch and the paper's code. TensorFlow's BERT drew
    truncated normals, whose standard deviation at 0.02 is 0.0176.
    """
    for variable in variables:
        variable.assign(
            new_value(
                variable.path,
                tuple(variable.shape),
                initializer_range=initializer_range,
                seed=seed,
            )
        )


def new_value(
    path: str, shape: tuple[int, ...], *, initializer_range: float, seed: int
) -> np.ndarray:
    """Returns the float32 array that `initialize` gives to one variable."""
    leaf = path.rsplit("/", 1)[-1]
    if leaf == "gamma":
        return np.ones(shape, np.float32)
    if leaf in ("beta", "bias"):
        return np.zeros(shape, np.float32)
    draw = seeding.generator(seed, path).standard_normal(shape, np.float32)
    return draw * np.float32(initializer_range)
