"""Tests of tf_bert/runs/state/folder_checkpoints.py: stop anywhere, go on."""

import contextlib
import errno
import re
import resource
import signal
import threading

import pytest

from tf_bert.config import Config, parse
from tf_bert.runs import build, restart, training_run
from tf_bert.runs.run_folder import RunFolder
from tf_bert.runs.state.folder_checkpoints import FolderCheckpoints
from tf_bert.runs.state.saved_states import SavedStates
from tf_bert.system import os_errors, stop_requests
from tf_bert.system.stop_requests import StopRequest, Terminated
from tf_bert.training.progress_bar import ProgressBar

NUM_STEPS = 8  # Evaluated after steps 4 and 8.

# What a state must hold beside weights, moments and the step.
TRAININGS = {
    "plain": {},
    "all": {
        "record_updates": True,
        "mixout": 0.3,
        "ema_decay": 0.9,
        "bias_correction": False,
        "layerwise_lr_decay": 0.9,
        "reinit_layers": 1,
        "checkpoint_to_use": "last",
    },
    "priors": {
        "pretrained_weight_decay": 0.5,
        "weight_decay": 0.1,
        "keep_head": True,
        "label_smoothing_factor": 0.1,
        "early_stopping_patience": 1,
        "num_evaluations": 8,
    },
    "frozen": {"freeze": "lower_1", "cache_frozen_features": True},
}


class Training:
    """One training, again and again below a folder; it is built once."""

    def __init__(self, config, folder):
        self._run = build.build(config)
        self._config = config
        self._folder = folder

    def train(self, name, **options):
        """Returns what a training ends in; None if SIGTERM stopped it."""
        try:
            state = self.begin(name, **options)
        except Terminated:
            return None
        return self._result(self._folder / name, state)

    def begin(
        self,
        name,
        *,
        stop_at=None,
        signals=(signal.SIGTERM,),
        attended=stop_requests.noted,
        save_every_seconds=1e-9,
    ):
        """Starts or continues the training in the folder of a name.

        The signals come at the step `stop_at`. Returns the checkpoints.
        """
        path = self._folder / name
        path.mkdir(exist_ok=True)
        self._run = restart.restart(self._run, self._config)
        state = FolderCheckpoints(
            RunFolder(str(path)),
            tensorboard=False,
            save_every_seconds=save_every_seconds,
        )
        state.attended = attended

        def make_bar(num_steps, first_step):
            return SignallingBar(num_steps, first_step, stop_at, signals)

        training_run.train(self._run, state, make_bar=make_bar)
        return state

    def _result(self, path, state):
        weights = self._run.classifier.model.weights_by_path()
        last = {name: v.numpy().tobytes() for name, v in weights.items()}
        state.load_best(self._run)
        return {
            "last": last,
            "best": {n: v.numpy().tobytes() for n, v in weights.items()},
            **{x.name: x.read_bytes() for x in path.iterdir() if x.is_file()},
        }

    def states(self, name):
        """The states of a training, newest first, and after which step."""
        paths = (self._folder / name / "checkpoints").glob("state_*")
        numbers = {
            path: [int(x) for x in path.name.split(".")[0].split("_")[1::2]]
            for path in paths
        }
        order = sorted(numbers, key=lambda path: numbers[path], reverse=True)
        return {path: numbers[path][1] for path in order}


class SignallingBar(ProgressBar):
    """Where signals come once a step is reached."""

    def __init__(self, num_steps, first_step, stop_at, signals):
        super().__init__(num_steps, first_step)
        self._step, self._stop_at = first_step, stop_at
        self._signals = signals

    def update(self, num_steps, num_examples, loss):
        super().update(num_steps, num_examples, loss)
        self._step += num_steps
        if self._stop_at is not None and self._step >= self._stop_at:
            for number in self._signals:
                signal.raise_signal(number)


class AtFirstCheck(StopRequest):
    """SIGTERM comes where it is looked for it first."""

    def check(self):
        self.number = signal.SIGTERM
        super().check()


@contextlib.contextmanager
def stopping_at_once():
    yield AtFirstCheck()


@contextlib.contextmanager
def small_files(num_bytes):
    """No file may be larger: as with a full disk, but for other files."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def assert_same(result, unbroken):
    assert result.keys() == unbroken.keys()
    for key, value in unbroken.items():
        assert result[key] == value, key


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
            training = Training(Config(**parse.parse(arguments)), folder)
            trainings[name] = training, training.train("unbroken")
        return trainings[name]

    return make


@pytest.mark.large
@pytest.mark.parametrize("name", TRAININGS)
def test_a_training_that_is_stopped_again_and_again_ends_the_same(
    training_of, name
):
    """At steps that no evaluation is at, and at one, and at the last one."""
    training, unbroken = training_of(name)
    for stop_at in (1, 4, 8):
        result = training.train("broken", stop_at=stop_at)
        if result is not None:  # Early stopping came before.
            break
    assert_same(training.train("broken"), unbroken)


@pytest.fixture
def control_c():
    """Where the tests run in the background, SIGINT is ignored."""
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, previous)


@pytest.mark.usefixtures("control_c")
class TestStopped:
    def test_says_where_and_that_the_state_is_saved(self, training_of):
        training, _ = training_of("plain")
        for number, error in (
            (signal.SIGTERM, Terminated),
            (signal.SIGINT, KeyboardInterrupt),
        ):
            handler = signal.getsignal(number)
            with pytest.raises(error) as raised:
                training.begin("told", stop_at=2, signals=[number])
            assert re.fullmatch(
                r"Stopped after step \d; the state is saved\. Give the same "
                r"command again \(without --overwrite_output_dir\) to "
                r"continue\.",
                str(raised.value),
            )
            assert signal.getsignal(number) == handler

    def test_a_second_signal_does_not_wait_for_the_state(self, training_of):
        training, _ = training_of("plain")
        with pytest.raises(KeyboardInterrupt, match="^$"):
            training.begin(
                "twice",
                stop_at=1,
                signals=[signal.SIGINT] * 2,
                save_every_seconds=0,
            )
        assert not training.states("twice")

    def test_an_evaluation_is_stopped_and_begins_anew(self, training_of):
        training, unbroken = training_of("plain")
        training.train("evaluation", stop_at=4)
        assert training.train("evaluation", attended=stopping_at_once) is None
        states = training.states("evaluation")
        # The one before is of step 3 where that was still being written.
        assert next(iter(states.values())) == 4
        assert not (next(iter(states)).parents[1] / "history.jsonl").exists()
        assert_same(training.train("evaluation"), unbroken)


class TestSaving:
    def test_at_evaluations_alone_and_two_states_are_kept(self, training_of):
        training, _ = training_of("plain")
        cost = training.begin("evaluations", save_every_seconds=0).cost()
        assert list(training.states("evaluations").values()) == [8, 4]
        assert 0 < cost["saving_share_of_step_time"]
        assert cost["saving_seconds"] > 0
        assert cost["saving_seconds_beside"] > 0

    def test_a_full_disk_ends_the_training_and_the_last_state_stays(
        self, training_of
    ):
        training, unbroken = training_of("plain")
        training.train("full", stop_at=2)
        before = training.states("full")
        with small_files(10_000), pytest.raises(OSError) as raised:
            training.begin("full")
        assert raised.value.errno == errno.EFBIG
        assert "state_" in raised.value.filename
        assert training.states("full") == before
        assert_same(training.train("full"), unbroken)

    @pytest.mark.parametrize("num_bytes", [0, 50])
    def test_a_full_disk_is_said_of_files_for_tensorboard_too(
        self, tmp_path, num_bytes
    ):
        """When the first one is made, and later."""
        entry = {"step": 1, "train_loss": 0.5, "learning_rate": 0.1}
        with small_files(num_bytes), pytest.raises(OSError) as raised:
            checkpoints = FolderCheckpoints(RunFolder(str(tmp_path)))
            assert num_bytes
            checkpoints.write_summaries(entry)
        assert raised.value.errno == errno.EFBIG
        assert raised.value.filename == str(tmp_path / "tensorboard")

    def test_what_else_is_in_the_way_of_tensorboard_is_a_sentence(
        self, tmp_path
    ):
        (tmp_path / "run").write_text("")
        with pytest.raises(OSError, match="Received: path=.*not a dir") as e:
            FolderCheckpoints(RunFolder(str(tmp_path / "run")))
        assert os_errors.explain(e.value)

    def test_a_thread_that_gets_no_signals_saves_too(self, training_of):
        training, unbroken = training_of("plain")
        results = []
        thread = threading.Thread(
            target=lambda: results.append(training.train("thread"))
        )
        thread.start()
        thread.join()
        assert_same(results[0], unbroken)

    def test_another_number_of_devices_is_no_secret(self, training_of, caplog):
        training, _ = training_of("plain")
        training.train("devices", stop_at=2)
        path, *_ = training.states("devices")
        folder = SavedStates(str(path.parent))
        state = folder.load()
        state.progress["num_replicas"] = 2
        folder.save(state)
        training.train("devices")
        assert "The run was on 2 devices and goes on with 1" in caplog.text
