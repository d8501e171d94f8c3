import contextlib
import json
import socket
import time
from concurrent import futures
from unittest import mock

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

    def visit(self) -> socket.socket:
        """Connects to worker 0, as soon as it listens."""
        while True:
            try:
                return socket.create_connection(self.clusters[0].place(0))
            except ConnectionRefusedError:
                continue

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

    @parameterized.parameters(
        (b"GET / HTTP/1.1", "b'GET / HTTP/1.1"),
        (b"{", "b'{"),
        (b"[1]", "b'.1.*"),
        (b"\xff\x00", "b'"),
        (b"[" * 99999, "b'"),  # Too deep for the parser.
        (b"{}", "index=None"),
        (b'{"index": [1], "cluster": [], "about": null}', "index=.1"),
        (b'{"index": true, "cluster": [], "about": null}', "index=True"),
        (b'{"index": 0, "cluster": [], "about": null}', "index=0"),
        (b'{"index": 3, "cluster": [], "about": null}', "index=3"),
        (b'{"index": 1, "cluster": 2, "about": null}', "index=1, cluster=2"),
        (b'{"index": 1, "cluster": [], "about": {}}', "about=.}"),
    )
    def test_what_else_knocks_at_the_port_is_answered_and_let_go(
        self, said, received
    ):
        with futures.ThreadPoolExecutor(1) as pool:
            chief = pool.submit(meet, self.clusters[:1], seconds=30)
            with self.visit() as stranger:
                stranger.sendall(said + b"\n")
                with stranger.makefile("rb") as file:
                    answer = json.loads(file.readline())
                self.assertRegex(
                    answer["error"], f"no message .* Received: {received}"
                )
                self.assertEqual(stranger.recv(1), b"")
            self.assertEqual(meet(self.clusters[1:]), [None, None])
            self.assertEqual(chief.result(), [None])

    def test_who_says_little_by_little_is_not_waited_for(self):
        with mock.patch.object(rendezvous, "_SECONDS_OF_A_MESSAGE", 0.5):
            with futures.ThreadPoolExecutor(1) as pool:
                chief = pool.submit(meet, self.clusters[:1], seconds=30)
                with self.visit() as stranger:
                    start = time.monotonic()
                    with contextlib.suppress(ConnectionError):
                        while time.monotonic() - start < 5:
                            stranger.sendall(b" ")
                            time.sleep(0.05)
                    self.assertLess(time.monotonic() - start, 2)
                self.assertEqual(meet(self.clusters[1:]), [None, None])
                self.assertEqual(chief.result(), [None])

    @parameterized.parameters(
        (b"{", "does not wait for workers"),
        (b"[" * 99999, "does not wait for workers"),
        (b'{"error": 1}', "does not wait for workers"),
        (b'{"error": "Another one."}', "^Another one"),
    )
    def test_what_worker_0_answers_is_checked(self, answer, message):
        with (
            socket.create_server(self.clusters[0].place(0)) as listener,
            futures.ThreadPoolExecutor(1) as pool,
        ):
            other = pool.submit(meet, self.clusters[1:2])
            with listener.accept()[0] as visitor:
                visitor.sendall(answer + b"\n")
                self.assertRegex(other.result()[0], message)

    @parameterized.parameters(
        ("127.0.0.1", ["127.0.0.1"]),
        ("localhost", ["127.0.0.1", "::1"]),
        # Of no interface of this machine (RFC 5737), and no name.
        ("192.0.2.9", ["::", "0.0.0.0"]),
        ("no.invalid", ["::", "0.0.0.0"]),
    )
    def test_listens_on_the_address_that_the_others_know(self, host, expected):
        ports = [address.split(":")[1] for address in self.addresses]
        cluster = Cluster(tuple(f"{host}:{port}" for port in ports), 0)
        with rendezvous._listening(cluster) as listeners:
            found = {each.getsockname()[0] for each in listeners}
        self.assertNotEmpty(found)
        self.assertContainsSubset(found, expected)

    def test_a_name_for_this_machine_alone_is_not_listened_on(self):
        """As Debian has it for the own name, and only there."""
        port = self.clusters[0].place(0)[1]
        cluster = Cluster((f"127.0.1.1:{port}", "192.0.2.9:1"), 0)
        with rendezvous._listening(cluster) as (listener,):
            self.assertIn(listener.getsockname()[0], ("::", "0.0.0.0"))

    def test_a_worker_that_left_may_come_again(self):
        hello = (
            b'{"index": 1, "about": null, "cluster": ["%s"]}\n'
            % '", "'.join(self.addresses).encode()
        )
        with futures.ThreadPoolExecutor(1) as pool:
            chief = pool.submit(meet, self.clusters[:1], seconds=30)
            with self.visit() as early:
                early.sendall(hello)
            self.assertEqual(meet(self.clusters[1:]), [None, None])
            self.assertEqual(chief.result(), [None])

    def test_a_port_in_use_is_said(self):
        port = int(self.addresses[0].split(":")[1])
        with socket.create_server(("", port)):
            (message,) = meet(self.clusters[:1])
        self.assertRegex(message, "port of worker 0 .*: Address already in use")
