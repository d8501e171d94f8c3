import signal

from absl.testing import parameterized

from tf_bert.system.stop_requests import StopRequest, StopRequested, Terminated
from tf_bert.training.devices import agreed_stop
from tf_bert.training.devices.workers import Workers


class AgreedRequestTest(parameterized.TestCase):
    def test_the_number_of_steps_comes_back(self):
        request = agreed_stop.AgreedRequest(StopRequest(), Workers())
        self.assertEqual(request.check(7), 7)
        self.assertIsNone(request.number)

    def test_a_signal_of_this_worker_counts(self):
        own = StopRequest()
        request = agreed_stop.AgreedRequest(own, Workers())
        own.number = signal.SIGTERM
        with self.assertRaises(StopRequested):
            request.check(7)
        self.assertIsInstance(request.ending("bye"), Terminated)


class NotedTest(parameterized.TestCase):
    def test_one_worker_asks_nobody(self):
        with agreed_stop.noted(Workers()) as request:
            self.assertIs(type(request), StopRequest)
