"""Which trials a command is made of: every recipe with every seed.

A *recipe* is a configuration without its seeds; a *trial* is one training of
it. No TensorFlow.
"""

import dataclasses
import hashlib
import json
from typing import Any

from tf_bert.config import Config
from tf_bert.config.all_settings import OF_TRIALS, SETTINGS

# Without a sweep, there is one recipe.
ONLY_RECIPE = "all trials"


@dataclasses.dataclass(frozen=True)
class Trial:
    """One training of a sweep.

    Attributes:
        name: 16 hexadecimal digits, from the configuration and the seeds.
        recipe: label of its recipe.
        config: of the training, with mode train.
    """

    name: str
    recipe: str
    config: Config

    @property
    def seeds(self) -> dict[str, int]:
        """The seeds of what is drawn; `split_seed` is in the configuration."""
        return self.config.seeds

    @property
    def configuration(self) -> dict[str, Any]:
        """The fields that can change the result, seeds aside."""
        return {
            name: value
            for name, value in self.config.as_dict().items()
            if SETTINGS[name].is_of_recipes
        }


@dataclasses.dataclass(frozen=True)
class Job:
    """What is asked of a process that runs trials.

    Attributes:
        trial: to be run.
        beats: the model is kept if its score (see `trial_record.score`) is
            above this; None keeps every model, infinity none.
        record: of the rows that it has, see `run_data.load`. None: they are
            drawn.
        init_checkpoint: the trial's with its revision; None: as it is.
    """

    trial: Trial
    beats: float | None = None
    record: dict[str, Any] | None = None
    init_checkpoint: str | None = None

    @property
    def config(self) -> Config:
        """The configuration of the training."""
        name = self.init_checkpoint or self.trial.config.init_checkpoint
        return dataclasses.replace(self.trial.config, init_checkpoint=name)


def planned_trials(config: Config) -> list[Trial]:
    """Returns the trials of a command of mode trials, recipe after recipe."""
    return [
        _trial(recipe_config, label, seeds)
        for label, recipe_config in recipes(config).items()
        for seeds in _seeds(config)
    ]


def recipes(config: Config) -> dict[str, Config]:
    """Returns the training with the first seed of each recipe, by its label."""
    neutral = {name: SETTINGS[name].default for name in OF_TRIALS}
    changes_of = config.sweep or {ONLY_RECIPE: {}}
    return {
        label: Config.from_dict(
            {**config.as_dict(), **neutral, "mode": "train", **changes},
            # What concerns the folder of a single run.
            tensorboard=False,
            overwrite_output_dir=False,
        )
        for label, changes in changes_of.items()
    }


def _seeds(config: Config) -> list[tuple[int, int]]:
    """The pairs of a head seed and the seed of data and dropout."""
    first = config.seed
    if config.num_trials is not None:
        return [(first + i, first + i) for i in range(config.num_trials)]
    return [
        (first + head, first + data)
        for head in range(config.num_head_seeds)
        for data in range(config.num_data_seeds)
    ]


def _trial(config: Config, label: str, seeds: tuple[int, int]) -> Trial:
    head, data = seeds
    config = dataclasses.replace(
        config, head_seed=head, data_seed=data, dropout_seed=data
    )
    trial = Trial(name="", recipe=label, config=config)
    name = name_of(trial)
    # Where the trial would go if it were trained alone.
    config = dataclasses.replace(
        config, output_dir=f"{config.output_dir}_{name}"
    )
    return dataclasses.replace(trial, name=name, config=config)


def name_of(trial: Trial) -> str:
    """Returns 16 hexadecimal digits that tell a trial from all others.

    A later version, whose configuration has more fields, gives the same: what
    has its default is left out.
    """
    fields = {
        name: value
        for name, value in trial.configuration.items()
        if value != SETTINGS[name].default
    }
    text = json.dumps([fields, trial.seeds], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
