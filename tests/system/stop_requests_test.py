"""Tests of tf_bert/system/stop_requests.py."""

import contextlib
import signal
import subprocess
import sys
import threading

from absl.testing import parameterized

from tf_bert.system import stop_requests
from tf_bert.system.stop_requests import StopRequested, Terminated

BOTH = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def handling(number, handler):
    previous = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, previous)


class StopRequestsTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        # Where the tests run in the background SIGINT is ignored.
        stack = contextlib.ExitStack()
        self.addCleanup(stack.close)
        stack.enter_context(handling(signal.SIGINT, signal.default_int_handler))

    @parameterized.parameters(
        (signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, Terminated)
    )
    def test_a_signal_is_noted_and_answered_by_the_training(
        self, number, error
    ):
        with self.assertRaisesRegex(error, "^Saved.$"):
            with stop_requests.noted() as request:
                signal.raise_signal(number)
                with self.assertRaises(StopRequested):
                    request.check()
                raise request.ending("Saved.")

    @parameterized.product(first=BOTH, second=BOTH)
    def test_a_second_one_ends_at_once(self, first, second):
        error = Terminated if second == signal.SIGTERM else KeyboardInterrupt
        with self.assertRaises(error), stop_requests.noted():
            signal.raise_signal(first)
            signal.raise_signal(second)
            self.fail("It goes on.")

    def test_a_request_that_nobody_answers_is_not_lost(self):
        reached = []
        with self.assertRaises(Terminated), stop_requests.noted():
            signal.raise_signal(signal.SIGTERM)
            reached.append("end")
        self.assertEqual(reached, ["end"])

    @parameterized.parameters(
        stop_requests.noted, stop_requests.ending_at_sigterm
    )
    def test_who_handled_signals_before_does_again(self, times):
        before = [signal.getsignal(number) for number in BOTH]
        with self.assertRaises(ZeroDivisionError), times():
            self.assertNotEqual(
                [signal.getsignal(number) for number in BOTH], before
            )
            _ = 1 / 0
        self.assertEqual([signal.getsignal(x) for x in BOTH], before)

    @parameterized.parameters(*BOTH)
    def test_what_is_ignored_stays_ignored(self, number):
        with handling(number, signal.SIG_IGN):
            with (
                stop_requests.ending_at_sigterm(),
                stop_requests.noted() as request,
            ):
                signal.raise_signal(number)
                self.assertIsNone(request.number)

    def test_another_thread_leaves_signals_alone(self):
        before = [signal.getsignal(number) for number in BOTH]
        found = []

        def look():
            with stop_requests.noted() as request:
                found.append([signal.getsignal(number) for number in BOTH])
                request.check()

        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
        self.assertEqual(found, [before])

    def test_nothing_is_noted_where_nobody_attends(self):
        with self.assertRaises(KeyboardInterrupt):
            with stop_requests.unattended():
                signal.raise_signal(signal.SIGINT)

    def test_what_stores_errors_does_not_store_the_end(self):
        for error in (Terminated, StopRequested):
            self.assertFalse(issubclass(error, Exception), error)

    def test_a_program_that_does_not_catch_it_has_the_status(self):
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
        self.assertEqual((program.returncode, program.stderr), (143, ""))
