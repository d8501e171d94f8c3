"""Tests of tf_bert/runs/state/background.py."""

import threading

from absl.testing import parameterized

from tf_bert.runs.state.background import Background


class BackgroundTest(parameterized.TestCase):
    def test_a_job_runs_beside(self):
        background, gate = Background(), threading.Event()
        self.assertFalse(background.is_busy())
        background.start(lambda: gate.wait(60))
        self.assertTrue(background.is_busy())
        gate.set()
        background.wait()
        self.assertFalse(background.is_busy())
        self.assertGreater(background.seconds, 0)

    def test_jobs_run_one_after_another(self):
        background, done = Background(), []
        for number in range(20):
            background.start(lambda number=number: done.append(number))
        background.wait()
        self.assertEqual(done, list(range(20)))

    @parameterized.parameters(
        Background.wait,
        Background.is_busy,
        lambda background: background.start(lambda: None),
    )
    def test_an_error_is_raised_once_by_what_is_called_next(self, call):
        background = Background()

        def fail():
            raise OSError(28, "No space left on device")

        background.start(fail)
        while threading.active_count() > 1 and background._thread.is_alive():
            pass
        with self.assertRaisesRegex(OSError, "No space left"):
            call(background)
        background.wait()
