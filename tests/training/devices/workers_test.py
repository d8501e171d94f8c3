import signal

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from tf_bert.system.stop_requests import StopRequest, StopRequested, Terminated
from tf_bert.training.devices import workers
from tf_bert.training.devices.cluster import Cluster

# As TensorFlow 2.21 says it of one worker of four, and of a neighbour.
_UNHEALTHY = (
    "Collective ops is aborted by: Error reported from /job:worker/task:2: The "
    "following tasks are unhealthy (stopped sending heartbeats):\n"
    "/job:worker/replica:0/task:2\nThe tasks have crashed."
)
_CLOSED = (
    "Collective ops is aborted by: Socket closed\nAdditional GRPC error "
    "information from remote target /job:worker/replica:0/task:1 while "
    "calling /tensorflow.WorkerService/RecvBuf:"
)


alone = workers.Workers


class AloneTest(parameterized.TestCase):
    def test_one_worker_is_the_chief(self):
        self.assertTrue(alone().is_chief)

    def test_what_is_sent_comes_back_as_the_same_object(self):
        value = {"a": [1]}
        self.assertIs(alone().of_chief(value), value)
        self.assertIs(alone().by_chief(lambda: value), value)

    def test_an_error_stays_what_it_is(self):
        with self.assertRaises(ZeroDivisionError):
            alone().by_chief(lambda: 1 / 0)

    def test_the_table_of_all_workers_has_one_row(self):
        np.testing.assert_array_equal(alone().of_each([3, -4]), [[3, -4]])

    def test_variables_are_not_touched(self):
        # None has no value: it would be found out.
        alone().send([None])


class LossesExplainedTest(parameterized.TestCase):
    @parameterized.parameters((_UNHEALTHY, "worker 2"), (_CLOSED, "worker 1"))
    def test_the_worker_is_named(self, message, name):
        cluster = Cluster(("a:1", "b:1", "c:1", "d:1"), 0)
        with (
            self.assertRaisesRegex(
                workers.WorkerLost, rf"Lost {name} \(.*:1\)\. "
            ),
            workers.losses_explained(cluster),
        ):
            raise tf.errors.UnavailableError(None, None, message)

    def test_itself_is_not_blamed(self):
        cluster = Cluster(("a:1", "b:1", "c:1"), 2)
        with (
            self.assertRaisesRegex(workers.WorkerLost, "Lost another worker"),
            workers.losses_explained(cluster),
        ):
            raise tf.errors.UnavailableError(None, None, _UNHEALTHY)

    def test_other_errors_stay_what_they_are(self):
        error = tf.errors.UnavailableError(None, None, "gs:// is busy")
        for cluster in (None, Cluster(("a:1", "b:1"), 0)):
            with (
                self.assertRaises(tf.errors.UnavailableError),
                workers.losses_explained(cluster),
            ):
                raise error

    def test_one_worker_alone_loses_none(self):
        with (
            self.assertRaises(tf.errors.UnavailableError),
            workers.losses_explained(None),
        ):
            raise tf.errors.UnavailableError(None, None, _CLOSED)


class AgreedRequestTest(parameterized.TestCase):
    def test_the_number_of_steps_comes_back(self):
        request = workers.AgreedRequest(StopRequest(), alone())
        self.assertEqual(request.check(7), 7)
        self.assertIsNone(request.number)

    def test_a_signal_of_this_worker_counts(self):
        own = StopRequest()
        request = workers.AgreedRequest(own, alone())
        own.number = signal.SIGTERM
        with self.assertRaises(StopRequested):
            request.check(7)
        self.assertIsInstance(request.ending("bye"), Terminated)


class NotedTest(parameterized.TestCase):
    def test_one_worker_asks_nobody(self):
        with workers.noted(alone()) as request:
            self.assertIs(type(request), StopRequest)
