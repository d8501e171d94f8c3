"""Tests of tf_bert/folder_state.py: a training stops anywhere and goes on."""

import signal

import pytest

from tf_bert import build, cli, stop_requests, training_run
from tf_bert.config import Config
from tf_bert.folder_state import FolderState
from tf_bert.run_folder import RunFolder
from tf_bert.training.progress import ProgressBar

NUM_STEPS = 8  # Evaluated after steps 4 and 8.

# What a state must hold beside weights, moments and the step.
TRAININGS = {
    "plain": {},
    "recorder": {"record_updates": True},
    "early_stopping": {"early_stopping_patience": 1, "num_evaluations": 8},
    "mixout": {"mixout": 0.3},
    "priors": {"pretrained_weight_decay": 0.5, "weight_decay": 0.1},
    "frozen": {"freeze": "lower_1", "cache_frozen_features": True},
    "last": {"checkpoint_to_use": "last", "bias_correction": False},
}
QUICK = ("plain",)


class Training:
    """One training, again and again; it is built once.

    Args:
        config: of the training.
        folder: below which each has one of its own.
    """

    def __init__(self, config, folder):
        self._run = build.build(config)
        self._config = config
        self._folder = folder

    def train(self, name, *, stop_at=None, attended=None):
        """Starts or continues the training of a name.

        Args:
            name: of its folder.
            stop_at: at which SIGTERM comes; None lets it end.
            attended: see `training_run.train`; None notes signals.

        Returns:
            What it ends in; None if it was stopped.
        """
        path = self._folder / name
        path.mkdir(exist_ok=True)
        self._run = build.restart(self._run, self._config)
        state = FolderState(
            RunFolder(str(path)), tensorboard=False, save_every_seconds=1e-9
        )

        def make_bar(num_steps, first_step):
            return SignallingBar(num_steps, first_step, stop_at)

        try:
            training_run.train(
                self._run,
                state,
                make_bar=make_bar,
                attended=attended or stop_requests.noted,
            )
        except stop_requests.Terminated:
            return None
        return self._result(path, state)

    def _result(self, path, state):
        weights = self._run.classifier.model.weights_by_path()
        last = {name: v.numpy().tobytes() for name, v in weights.items()}
        state.load_best(self._run)
        return {
            "last": last,
            "best": {n: v.numpy().tobytes() for n, v in weights.items()},
            **{
                file.name: file.read_bytes()
                for file in path.iterdir()
                if file.is_file()
            },
        }

    def states(self, name):
        """The steps of the states in a folder, and their evaluations."""
        paths = (self._folder / name / "checkpoints").glob("state_*")
        return sorted(
            tuple(map(int, path.name.split(".")[0].split("_")[1:]))
            for path in paths
        )


class SignallingBar(ProgressBar):
    """Where SIGTERM comes once a step is reached."""

    def __init__(self, num_steps, first_step, stop_at):
        super().__init__(num_steps, first_step)
        self._step, self._stop_at = first_step, stop_at

    def update(self, num_steps, num_examples, loss):
        super().update(num_steps, num_examples, loss)
        self._step += num_steps
        if self._stop_at is not None and self._step >= self._stop_at:
            signal.raise_signal(signal.SIGTERM)


@pytest.fixture(scope="module")
def training_of(flags, tmp_path_factory):
    """Returns a function that makes the training of a row of the table."""
    trainings = {}

    def make(name):
        if name not in trainings:
            folder = tmp_path_factory.mktemp(name)
            arguments = flags(
                output_dir=folder,
                **{
                    "num_train_steps": NUM_STEPS,
                    "num_evaluations": 2,
                    "weight_decay": 0.5,
                    **TRAININGS[name],
                },
            )
            training = Training(Config(**cli.parse(arguments)), folder)
            trainings[name] = training, training.train("unbroken")
        return trainings[name]

    return make


@pytest.mark.parametrize(
    "name",
    [
        name if name in QUICK else pytest.param(name, marks=pytest.mark.large)
        for name in TRAININGS
    ],
)
def test_a_training_that_is_stopped_again_and_again_ends_the_same(
    training_of, name
):
    """At steps that no evaluation is at, and at one, and at the last one."""
    training, unbroken = training_of(name)
    for stop_at in (1, 3, 4, 6, 7, 8):
        result = training.train("broken", stop_at=stop_at)
        if result is not None:  # Early stopping came before.
            break
    result = training.train("broken")
    assert result.keys() == unbroken.keys()
    for key, value in unbroken.items():
        assert result[key] == value, key
