import socket
from concurrent import futures

from absl.testing import parameterized
from worker_processes import free_addresses

from tf_bert.training.devices import rendezvous
from tf_bert.training.devices.cluster import Cluster


def differences(one, other):
    return [] if one == other else [f"{one} -> {other}"]


def meet(clusters, abouts=None, *, seconds=30.0) -> list[str | None]:
    """Returns what each worker's rendezvous raises, None if nothing."""
    abouts = abouts or [None] * len(clusters)

    def one(cluster, about):
        try:
            with rendezvous.met(cluster, about, differences, seconds=seconds):
                return None
        except rendezvous.RendezvousFailed as error:
            return str(error)

    with futures.ThreadPoolExecutor(len(clusters)) as pool:
        return list(pool.map(one, clusters, abouts))


class MeetTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.addresses = free_addresses(3)
        self.clusters = [Cluster(self.addresses, i) for i in range(3)]

    def test_all_go_on_when_all_are_there_and_again_at_once(self):
        for _ in range(2):
            self.assertEqual(meet(self.clusters), [None] * 3)

    def test_who_is_missing_is_named_on_all_others(self):
        messages = meet(self.clusters[:2], seconds=0.3)
        self.assertLen(set(messages), 1)
        self.assertRegex(messages[0], r"from worker 2 \(127\.0\.0\.1:\d+\)")

    def test_without_worker_0_the_others_end(self):
        (message,) = meet(self.clusters[1:2], seconds=0.3)
        self.assertRegex(message, r"to worker 0 .*: Connection refused")

    def test_other_flags_are_refused_on_all(self):
        messages = meet(self.clusters[:2], ["seed: 1", "seed: 2"])
        self.assertLen(set(messages), 1)
        self.assertRegex(
            messages[0], "Worker 1 was started with other .* 1 -> seed: 2"
        )

    def test_an_index_that_two_workers_have_is_refused(self):
        messages = meet([*self.clusters[:2], self.clusters[1]])
        self.assertLen(set(messages), 1)
        self.assertRegex(messages[0], "two workers with index 1")

    def test_another_list_of_workers_is_refused(self):
        other = Cluster(self.addresses[:2], 1)
        messages = meet([self.clusters[0], other])
        self.assertLen(set(messages), 1)
        self.assertRegex(messages[0], "worker 1 with cluster")

    def test_what_else_knocks_at_the_port_is_let_go(self):
        host, port = self.addresses[0].split(":")
        with futures.ThreadPoolExecutor(1) as pool:
            chief = pool.submit(meet, self.clusters[:1], seconds=30)
            while True:
                try:
                    stranger = socket.create_connection((host, int(port)))
                    break
                except ConnectionRefusedError:
                    continue
            with stranger:
                stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
                self.assertEqual(meet(self.clusters[1:]), [None, None])
            self.assertEqual(chief.result(), [None])

    def test_a_worker_that_left_may_come_again(self):
        host, port = self.addresses[0].split(":")
        hello = (
            b'{"index": 1, "about": null, "cluster": ["%s"]}\n'
            % '", "'.join(self.addresses).encode()
        )
        with futures.ThreadPoolExecutor(1) as pool:
            chief = pool.submit(meet, self.clusters[:1], seconds=30)
            while True:
                try:
                    early = socket.create_connection((host, int(port)))
                    break
                except ConnectionRefusedError:
                    continue
            early.sendall(hello)
            early.close()
            self.assertEqual(meet(self.clusters[1:]), [None, None])
            self.assertEqual(chief.result(), [None])

    def test_a_port_in_use_is_said(self):
        port = int(self.addresses[0].split(":")[1])
        with socket.create_server(("", port)):
            (message,) = meet(self.clusters[:1])
        self.assertRegex(message, "port of worker 0 .*: Address already in use")
