"""Tests of tf_bert/system/stop_requests.py."""

import contextlib
import signal
import subprocess
import sys
import threading

import pytest

from tf_bert.system import stop_requests
from tf_bert.system.stop_requests import StopRequested, Terminated

ERRORS = {signal.SIGINT: KeyboardInterrupt, signal.SIGTERM: Terminated}


def handlers():
    return [signal.getsignal(number) for number in ERRORS]


@contextlib.contextmanager
def handling(number, handler):
    previous = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, previous)


@pytest.fixture(autouse=True)
def _control_c():
    """Where the tests run in the background SIGINT is ignored."""
    with handling(signal.SIGINT, signal.default_int_handler):
        yield


@pytest.mark.parametrize("number", ERRORS)
def test_a_signal_is_noted_and_answered_by_the_training(number):
    with pytest.raises(ERRORS[number], match="^Saved.$"):
        with stop_requests.noted() as request:
            signal.raise_signal(number)
            with pytest.raises(StopRequested):
                request.check()
            raise request.ending("Saved.")


@pytest.mark.parametrize("first", ERRORS)
@pytest.mark.parametrize("second", ERRORS)
def test_a_second_one_ends_at_once(first, second):
    with pytest.raises(ERRORS[second]), stop_requests.noted():
        signal.raise_signal(first)
        signal.raise_signal(second)
        pytest.fail("It goes on.")


def test_a_request_that_nobody_answers_is_not_lost():
    reached = []
    with pytest.raises(Terminated), stop_requests.noted():
        signal.raise_signal(signal.SIGTERM)
        reached.append("end")
    assert reached == ["end"]


@pytest.mark.parametrize(
    "times", [stop_requests.noted, stop_requests.ending_at_sigterm]
)
def test_who_handled_signals_before_does_again(times):
    before = handlers()
    with pytest.raises(ZeroDivisionError), times():
        assert handlers() != before
        _ = 1 / 0
    assert handlers() == before


@pytest.mark.parametrize("number", ERRORS)
def test_what_is_ignored_stays_ignored(number):
    with (
        handling(number, signal.SIG_IGN),
        stop_requests.ending_at_sigterm(),
        stop_requests.noted() as request,
    ):
        signal.raise_signal(number)
        assert request.number is None


def test_another_thread_leaves_signals_alone():
    before, found = handlers(), []

    def look():
        with stop_requests.noted() as request:
            found.append(handlers())
            request.check()

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert found == [before]


def test_nothing_is_noted_where_nobody_attends():
    with pytest.raises(KeyboardInterrupt), stop_requests.unattended():
        signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("error", [Terminated, StopRequested])
def test_what_stores_errors_does_not_store_the_end(error):
    assert not issubclass(error, Exception)


def test_a_program_that_does_not_catch_it_has_the_status():
    """As a notebook's kernel, or a script that calls `fine_tune`."""
    code = (
        "import signal\n"
        "from tf_bert.system import stop_requests\n"
        "with stop_requests.noted() as request:\n"
        "    signal.raise_signal(signal.SIGTERM)\n"
        "    raise request.ending('Saved.')\n"
    )
    program = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True
    )
    assert (program.returncode, program.stderr) == (143, "")
