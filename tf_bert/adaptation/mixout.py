"""Mixout: in each step, some input units have their pretrained weights.

Dropout takes a unit away; Mixout gives it back the weights that the training
began with, so the network stays near a model that is known to work. It is for
training only: inference uses the trained weights as they are.
"""

import copy
import dataclasses
from typing import Any

import keras
from absl import logging
from keras import ops

from tf_bert.models.dropout import site_seed

Tensor = Any

GRADIENTS = ("derivative", "reference")

# Beyond the sites of dropout, of which a block has three.
_FIRST_SITE = 2**16


def mixed_kernel(
    kernel: Tensor,
    target: Tensor,
    mask: Tensor,
    p: float,
    *,
    gradient: str = "derivative",
) -> Tensor:
    """Mixes the kernel of a linear layer with its target, float `[in, out]`.

    `((1 - M) u + M w - p u) / (1 - p)`, of which the expectation over M is
    the kernel w itself. It is u where M is 0, and for the other input units
    `w + p / (1 - p) (w - u)`.

    Args:
        kernel: w, float `[in, out]`.
        target: u, float `[in, out]`. It gets no gradient.
        mask: M, `[in, 1]`, of zeros and ones that are Bernoulli(1 - p): one
            for each *input unit*, so a row of the kernel is mixed whole, as
            in the paper's introduction and in the authors' code.
        p: in [0, 1). Probability of the target; 0 is the identity.
        gradient: `"derivative"` multiplies the kernel's gradient by
            `M / (1 - p)`, which is the derivative of the formula.
            `"reference"` multiplies it by M alone, as the authors' code does:
            Adam hardly sees the constant factor, but gradient clipping does,
            for biases, LayerNorms and embeddings do not have it.

    Example:
        >>> from keras import ops
        >>> mixed = mixed_kernel(
        ...     ops.array([[3.0, 4.0], [5.0, 6.0]]),
        ...     ops.array([[1.0, 2.0], [2.0, 2.0]]),
        ...     ops.array([[0.0], [1.0]]),
        ...     p=0.5,
        ... )
        >>> ops.convert_to_numpy(mixed).tolist()
        [[1.0, 2.0], [8.0, 10.0]]

    References:
        Lee et al., 2020, Section 3. https://arxiv.org/abs/1909.11299
        Their code: mixout.py of https://github.com/bloodwass/mixout
    """
    _check(p, gradient)
    mask = ops.cast(mask, kernel.dtype)
    scale = mask / (1 - p)
    if gradient == "derivative":
        kept = scale * kernel
    else:
        without_gradient = ops.stop_gradient(kernel)
        kept = mask * kernel + (scale - mask) * without_gradient
    # The formula, sorted by w and u: exact where M is 0, and where p is.
    return kept + (1 - scale) * target


@dataclasses.dataclass(frozen=True)
class _Mixed:
    """A kernel, its target, and the site of its mask."""

    kernel: keras.Variable
    target: keras.Variable
    site: int


class Mixout:
    """Mixes every trainable linear layer of a model, pass by pass.

    Make it after the weights were loaded, re-initialised and frozen, before
    the model is traced, and under its strategy. The targets are the weights
    at that moment; those of a re-initialised layer are its random start, as in
    the code of Zhang et al.

    It reaches the kernels of all linear layers (query, key, value, attention
    output, both of the feed-forward part, pooler, classifier), as in that
    code. (The example of Mixout's authors has only those that directly follow
    a dropout.) Biases, LayerNorms and embeddings are not mixed. Every dropout
    of the model is turned off, in its `config` too: what is saved says how it
    was trained.

    The targets are variables of their own, not of the model: they belong to
    the state of a training, not to the model that it leaves. In memory they
    are one more copy of the mixed kernels; the mixed kernels of a pass are
    another.

    Args:
        model: `TFBertForSequenceClassification`.
        p: in (0, 1). Probability that an input unit has the target's weights
            for a pass. Without Mixout, make none.
        gradient: see `mixed_kernel`.

    Attributes:
        paths: of the kernels that are mixed.

    Example:
        ```python
        mixout = Mixout(model, 0.1)
        with tf.GradientTape() as tape:
            with mixout.scope(dropout_seed):
                logits = model(inputs, training=True).logits
        ```

    References:
        Lee et al., 2020. https://arxiv.org/abs/1909.11299
        Zhang et al., 2021, Table 2. https://arxiv.org/abs/2006.05987
    """

    def __init__(
        self,
        model: keras.Model,
        p: float,
        *,
        gradient: str = "derivative",
    ):
        _check(p, gradient)
        if p == 0:
            raise ValueError(
                "Mixout of probability 0 does nothing. Received: p=0. Make "
                "none: leave out --mixout."
            )
        self.p = p
        self.gradient = gradient
        trainable = {v.path for v in model.trainable_variables}
        kernels = [v for v in model.weights if v.path.endswith("/kernel")]
        # A site is a kernel's place among all: what is frozen changes none.
        self._mixed = [
            _Mixed(kernel, _copy(kernel), _FIRST_SITE + index)
            for index, kernel in enumerate(kernels)
            if kernel.path in trainable
        ]
        if not self._mixed:
            raise ValueError(
                "Mixout has no trainable linear layer to act on. Received: a "
                f"model with {len(kernels)} kernels, all frozen. Leave out "
                "--mixout, or freeze less by --freeze."
            )
        self.paths = tuple(mixed.kernel.path for mixed in self._mixed)
        _turn_off_dropout(model)
        logging.info(
            "Mixout of probability %s instead of dropout, on %d kernels: %s.",
            p,
            len(self.paths),
            ", ".join(self.paths),
        )

    def scope(self, seed: Tensor) -> keras.StatelessScope:
        """Returns the scope in which a pass of the model is mixed.

        Inside, a kernel reads as the mixed one; the model's variables are not
        changed. Take gradients with respect to these variables' values as
        they are read *outside*.

        Args:
            seed: int32 `[2]`, the `dropout_seed` of the pass: its masks are
                those that `masks` returns.
        """
        masks = self.masks(seed)
        pairs = []
        for mixed in self._mixed:
            value = mixed_kernel(
                mixed.kernel.value,
                mixed.target.value,
                masks[mixed.kernel.path],
                self.p,
                gradient=self.gradient,
            )
            pairs.append((mixed.kernel, value))
        return keras.StatelessScope(pairs)

    def masks(self, seed: Tensor) -> dict[str, Tensor]:
        """Returns the masks of a pass: bool `[in, 1]` by path of a kernel.

        Each is True with probability 1 - p. They are a pure function of the
        seed that `scope` takes and the kernel's place in the model.
        """
        return {
            mixed.kernel.path: keras.random.uniform(
                (mixed.kernel.shape[0], 1),
                dtype="float32",
                seed=site_seed(seed, mixed.site),
            )
            >= self.p
            for mixed in self._mixed
        }

    def take_targets(self) -> None:
        """Takes the model's weights of this moment as targets, as when made."""
        for mixed in self._mixed:
            mixed.target.assign(mixed.kernel.value)

    def state(self) -> dict[str, keras.Variable]:
        """The targets by `mixout/<path of the kernel>`, to be saved."""
        return {
            f"mixout/{mixed.kernel.path}": mixed.target for mixed in self._mixed
        }


def _copy(variable: keras.Variable) -> keras.Variable:
    return keras.Variable(
        variable.numpy(), trainable=False, name="mixout_target"
    )


def _check(p: float, gradient: str) -> None:
    if not 0 <= p < 1:
        raise ValueError(
            f"`p` of Mixout must be in [0, 1). Received: p={p}. Correct "
            "--mixout."
        )
    if gradient not in GRADIENTS:
        raise ValueError(
            f"The gradient of Mixout must be one of {', '.join(GRADIENTS)}. "
            f"Received: gradient={gradient!r}. Correct --mixout_gradient."
        )


def _turn_off_dropout(model: keras.Model) -> None:
    """Turns every dropout off, and says so in the model's configuration."""
    # A copy: another model may have been made from the same.
    model.config = copy.deepcopy(model.config)
    model.config.hidden_dropout_prob = 0.0
    model.config.attention_probs_dropout_prob = 0.0
    model.config.classifier_dropout = None  # That of the hidden states.
    model.classifier_dropout = 0.0
    model.bert.embeddings.rate = 0.0
    for block in model.bert.encoder.blocks:
        block.attention.self_attention.rate = 0.0
        block.attention.output_layer.rate = 0.0
        block.output_layer.rate = 0.0
