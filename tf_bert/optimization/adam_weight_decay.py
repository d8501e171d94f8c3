"""`AdamWeightDecay`: Adam, bias-corrected or not, with decoupled decay."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from tf_bert.optimization import parameter_groups, weight_decay
from tf_bert.optimization.adam import adam_direction, adam_update

Tensor = Any


@keras.saving.register_keras_serializable(package="tf_bert")
class AdamWeightDecay(keras.optimizers.Optimizer):
    """Adam with decoupled weight decay, for any Keras model.

    A drop-in replacement for the class of that name in transformers 4, with
    the switch that no optimizer of Keras has: `bias_correction`. Per step and
    variable, with `lr` the scheduled rate times the variable's multiplier:

        variable = decay_update(variable, prior, lr)     (if it is decayed)
        variable -= lr * direction                       (see `adam_update`)

    where `prior` is the value that the variable had when the optimizer was
    built: load the weights before. It is a variable of the optimizer, stored
    and restored with it, for those variables alone that are pulled to it.

    Known differences from transformers 4: the place of epsilon; patterns are
    regular expressions on the variable's path; rules survive serialisation;
    patterns of which none matches are an error. From Keras: clipping sums the
    duplicate rows of an embedding's gradient before it takes norms.

    Args:
        learning_rate: float >= 0, or a Keras `LearningRateSchedule`.
        beta_1: in [0, 1). As in `adam_update`, like `beta_2`.
        epsilon: above 0. After bias correction (transformers: before).
        amsgrad: must be False; there for transformers' signature.
        weight_decay_rate: >= 0. Decay towards zero; 0 turns it off.
        include_in_weight_decay: regular expressions, see `decayed_paths`.
        exclude_from_weight_decay: the same. None excludes nothing, as in
            transformers; BERT's own are `parameter_groups.NO_DECAY`.
        bias_correction: False is BERTAdam (Zhang et al., Section 4).
        pretrained_weight_decay: lambda >= 0. Decay towards `prior`; 0 turns
            it off.
        exclude_from_pretrained_weight_decay: regular expressions. None
            excludes nothing: biases, LayerNorms and a new head are pulled
            too. (The paper's code never pulls biases and LayerNorms, and
            means to leave out its last group; but the condition is never
            true, so it pulls the head to its random start.)
        learning_rate_multipliers: path -> multiplier >= 0. Scales the rate of
            a variable, its decay too; 0 leaves the variable as it is, and
            one that is not named has 1.
        **kwargs: `clipnorm`, `global_clipnorm`, `use_ema`, ... of Keras. Under
            a distribution strategy, Keras clips each replica's gradient
            before they are summed; the package's own loop clips the sum.
            Keras's `weight_decay` is refused: it would decay biases too.

    References:
        Loshchilov and Hutter, 2019. https://arxiv.org/abs/1711.05101
    """

    def __init__(
        self,
        learning_rate: Any = 1e-3,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        weight_decay_rate: float = 0.0,
        include_in_weight_decay: Sequence[str] | None = None,
        exclude_from_weight_decay: Sequence[str] | None = None,
        *,
        bias_correction: bool = True,
        pretrained_weight_decay: float = 0.0,
        exclude_from_pretrained_weight_decay: Sequence[str] | None = None,
        learning_rate_multipliers: Mapping[str, float] | None = None,
        name: str = "AdamWeightDecay",
        **kwargs: Any,
    ):
        if kwargs.get("weight_decay") is not None:
            raise ValueError(
                "Keras's `weight_decay` decays every variable, whatever "
                "`exclude_from_weight_decay` says. Received: "
                f"weight_decay={kwargs['weight_decay']}. Pass "
                "`weight_decay_rate`, the argument of this class."
            )
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)
        _check_ranges(
            beta_1=beta_1,
            beta_2=beta_2,
            epsilon=epsilon,
            weight_decay_rate=weight_decay_rate,
            pretrained_weight_decay=pretrained_weight_decay,
            amsgrad=amsgrad,
        )
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.weight_decay_rate = weight_decay_rate
        self.include_in_weight_decay = _listed(include_in_weight_decay)
        self.exclude_from_weight_decay = _listed(exclude_from_weight_decay)
        self.bias_correction = bias_correction
        self.pretrained_weight_decay = pretrained_weight_decay
        self.exclude_from_pretrained_weight_decay = _listed(
            exclude_from_pretrained_weight_decay
        )
        self.learning_rate_multipliers = dict(learning_rate_multipliers or {})

    def build(self, variables: Sequence[keras.Variable]) -> None:
        """Creates moments and priors and decides, per variable, its rule."""
        if self.built:
            return
        super().build(variables)
        self._m = self.add_optimizer_variables(variables, "m")
        self._v = self.add_optimizer_variables(variables, "v")
        paths = [variable.path for variable in variables]
        unknown = set(self.learning_rate_multipliers) - set(paths)
        if unknown:
            raise ValueError(
                "`learning_rate_multipliers` names no variable of the model. "
                f"Received: {sorted(unknown)[0]!r}. Paths look like "
                f"{paths[0]!r}."
            )
        self._rates = [
            self.learning_rate_multipliers.get(path, 1.0) for path in paths
        ]
        self.decayed_paths = _paths_with_decay(
            self.weight_decay_rate,
            paths,
            include=self.include_in_weight_decay,
            exclude=self.exclude_from_weight_decay,
        )
        self.pretrained_decayed_paths = _paths_with_decay(
            self.pretrained_weight_decay,
            paths,
            exclude=self.exclude_from_pretrained_weight_decay,
            decay="pretrained_weight_decay",
        )
        self._check_has_pull()
        self._decays = [
            (
                self.weight_decay_rate * (path in self.decayed_paths),
                self.pretrained_weight_decay
                * (path in self.pretrained_decayed_paths),
            )
            for path in paths
        ]
        self._priors = [
            self._add_prior(variable) if to_prior else None
            for variable, (_, to_prior) in zip(
                variables, self._decays, strict=True
            )
        ]

    def _check_has_pull(self) -> None:
        if self.pretrained_weight_decay and not self.pretrained_decayed_paths:
            raise ValueError(
                "`pretrained_weight_decay` has no variable to act on. "
                f"Received: pretrained_weight_decay="
                f"{self.pretrained_weight_decay}, "
                "exclude_from_pretrained_weight_decay="
                f"{self.exclude_from_pretrained_weight_decay}, which exclude "
                "all. Leave out --pretrained_weight_decay, or train more."
            )

    def _add_prior(self, variable: keras.Variable) -> keras.Variable:
        # By an initializer: an assignment would run again in every step if
        # the optimizer is built inside of a traced function. And a copy, as
        # JAX refuses to donate one buffer twice.
        return self.add_variable_from_reference(
            variable,
            name="prior",
            initializer=lambda *_, **__: keras.ops.copy(variable.value),
        )

    def restart(self) -> None:
        """Forgets all steps: as if it were built for the weights of now."""
        self.assign(self.iterations, 0)
        for moment in (*self._m, *self._v):
            self.assign(moment, keras.ops.zeros_like(moment))
        for variable, prior in zip(
            self._trainable_variables, self._priors, strict=True
        ):
            if prior is not None:
                self.assign(prior, keras.ops.copy(variable.value))

    def decay_rates(self, variable: keras.Variable) -> tuple[float, float]:
        """How strongly a variable is decayed: towards zero, and to its prior.

        Both are multiplied by the variable's multiplier: with the scheduled
        rate as `lr`, they are the two rates of `decay_update`.
        """
        index = self._get_variable_index(variable)
        to_zero, to_prior = self._decays[index]
        return self._rates[index] * to_zero, self._rates[index] * to_prior

    def moments(self) -> dict[str, keras.Variable]:
        """The state of Adam, by `m/<path>` and `v/<path>`, once built."""
        return {
            f"{kind}/{variable.path}": moment
            for kind, moments in (("m", self._m), ("v", self._v))
            for variable, moment in zip(
                self._trainable_variables, moments, strict=True
            )
        }

    def priors(self) -> dict[str, keras.Variable]:
        """What weights are pulled to, by `prior/<path>`, once built."""
        priors = [prior for prior in self._priors if prior is not None]
        return {
            f"prior/{path}": prior
            for path, prior in zip(
                self.pretrained_decayed_paths, priors, strict=True
            )
        }

    def apply(self, grads, trainable_variables=None):
        """Applies one step; the gradients may be sparse (`IndexedSlices`)."""
        dense = [g if g is None else dense_gradient(g) for g in grads]
        return super().apply(dense, trainable_variables)

    def update_step(self, gradient, variable, learning_rate):
        """Updates one variable in place; see the class for the rule."""
        scalars = self.scalars(learning_rate, variable.dtype)
        self.update_variable(gradient, variable, *scalars)

    def scalars(self, learning_rate: Tensor, dtype: Any) -> tuple[Tensor, Any]:
        """Returns what a step computes once, for all variables of a dtype.

        These are the last two arguments of `update_variable`.
        """
        step = keras.ops.cast(self.iterations + 1, dtype)
        if _is_fused():
            from tf_bert.optimization import fused_adam

            step = fused_adam.factors(step, **self._rule())
        return keras.ops.cast(learning_rate, dtype), step

    def update_variable(self, gradient, variable, learning_rate, step) -> None:
        """Does what `update_step` does, with the two results of `scalars`."""
        index = self._get_variable_index(variable)
        rate = self._rates[index]
        if rate == 0:
            return
        lr = learning_rate if rate == 1 else learning_rate * rate
        if any(self._decays[index]):
            self.assign(variable, self._decayed(index, variable, lr))
        m, v = self._m[index], self._v[index]
        if _is_fused():
            from tf_bert.optimization import fused_adam

            fused_adam.apply(variable, gradient, m, v, lr, step)
            return
        direction, new_m, new_v = adam_update(
            gradient, m, v, step, **self._rule()
        )
        self.assign(m, new_m)
        self.assign(v, new_v)
        self.assign_sub(variable, lr * direction)

    def _rule(self) -> dict[str, Any]:
        return {
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
            "bias_correction": self.bias_correction,
        }

    def corrected_change(
        self, variable: keras.Variable, before: Tensor, learning_rate: Tensor
    ) -> Tensor:
        """What bias correction would have made of the step that has ended.

        From the moments after that step, whatever `bias_correction` is, with
        the same decay and rate. Where it is True, this is what the step has
        added to the variable, but for rounding.

        Args:
            variable: of the model.
            before: its value before the step, to which the result is added.
            learning_rate: float scalar, as the step got it.
        """
        index = self._get_variable_index(variable)
        lr = keras.ops.cast(learning_rate, before.dtype) * self._rates[index]
        direction = adam_direction(
            self._m[index],
            self._v[index],
            keras.ops.cast(self.iterations, before.dtype),
            # As float32 holds them, for so the moments were made: 1 - 0.999
            # is 1.3e-5 too small there.
            beta_1=float(np.float32(self.beta_1)),
            beta_2=float(np.float32(self.beta_2)),
            epsilon=self.epsilon,
            bias_correction=True,
        )
        # The difference of near values is exact, where the sum is not.
        return (self._decayed(index, before, lr) - before) - lr * direction

    def _decayed(self, index: int, value: Tensor, lr: Tensor) -> Tensor:
        """A variable's value after the decay of a step, by its own rule."""
        to_zero, to_prior = self._decays[index]
        if not (to_zero or to_prior):
            return value
        return weight_decay.decay_update(
            value,
            self._priors[index],
            lr,
            weight_decay=to_zero,
            pretrained_weight_decay=to_prior,
        )

    def get_config(self) -> dict[str, Any]:
        """Everything the constructor takes, the rules included."""
        config = super().get_config()
        config.pop("weight_decay", None)  # Keras's own, which is not used.
        config.update(
            beta_1=self.beta_1,
            beta_2=self.beta_2,
            epsilon=self.epsilon,
            weight_decay_rate=self.weight_decay_rate,
            include_in_weight_decay=_listed(self.include_in_weight_decay),
            exclude_from_weight_decay=_listed(self.exclude_from_weight_decay),
            bias_correction=self.bias_correction,
            pretrained_weight_decay=self.pretrained_weight_decay,
            exclude_from_pretrained_weight_decay=_listed(
                self.exclude_from_pretrained_weight_decay
            ),
            learning_rate_multipliers=dict(self.learning_rate_multipliers),
        )
        return config

    @classmethod
    def from_config(cls, config, custom_objects=None):
        # Keras replaces the learning rate in the dictionary it is given.
        return super().from_config(dict(config), custom_objects)


def _is_fused() -> bool:
    """Whether one kernel does the whole update; other backends have none."""
    return keras.backend.backend() == "tensorflow"


def _check_ranges(**arguments: float) -> None:
    for name, value in arguments.items():
        is_valid = {
            "beta_1": 0 <= value < 1,
            "beta_2": 0 <= value < 1,
            "epsilon": value > 0,
            "amsgrad": not value,
        }.get(name, value >= 0)
        if not is_valid:
            raise ValueError(
                "`beta_1` and `beta_2` must be in [0, 1), `epsilon` above 0, "
                "`weight_decay_rate` and `pretrained_weight_decay` at least "
                f"0 and `amsgrad` False. Received: {name}={value}."
            )


def _paths_with_decay(
    rate: float, paths: list[str], **patterns
) -> tuple[str, ...]:
    """Returns the paths that a decay of some rate acts on, in order."""
    if not rate:
        return ()
    decayed = parameter_groups.decayed_paths(paths, **patterns)
    return tuple(path for path in paths if path in decayed)


def dense_gradient(gradient: Tensor) -> Tensor:
    """Sums the rows of an embedding's gradient that come twice."""
    if keras.backend.backend() == "tensorflow":
        from tf_bert.optimization import fused_adam

        return fused_adam.dense(gradient)
    return gradient


def _listed(patterns: Sequence[str] | None) -> list[str] | None:
    return None if patterns is None else list(patterns)
