import json

from absl.testing import parameterized

from tf_bert.training.devices.cluster import Cluster, read_cluster

TWO = ["a.example:2222", "b.example:2222"]


def environment(cluster=None, kind="worker", index=0):
    """Returns an environment with a TF_CONFIG."""
    cluster = {"worker": TWO} if cluster is None else cluster
    content = {"cluster": cluster, "task": {"type": kind, "index": index}}
    return {"TF_CONFIG": json.dumps(content)}


class ReadClusterTest(parameterized.TestCase):
    def test_the_first_worker_is_the_chief(self):
        for index in (0, 1):
            cluster = read_cluster(environment(index=index))
            self.assertEqual(cluster, Cluster(tuple(TWO), index))
            self.assertEqual(cluster.is_chief, index == 0)

    def test_a_job_chief_is_counted_before_the_workers(self):
        jobs = {"worker": TWO, "chief": ["c.example:1"]}
        expected = ("c.example:1", *TWO)
        for kind, index, number in (("chief", 0, 0), ("worker", 1, 2)):
            cluster = read_cluster(environment(jobs, kind, index))
            self.assertEqual(cluster.addresses, expected)
            self.assertEqual(cluster.index, number)
            self.assertEqual(cluster.of_task(kind, index), number)

    @parameterized.parameters(
        {},
        {"TF_CONFIG": ""},
        {"TF_CONFIG": "{}"},
        {"TF_CONFIG": '{"cluster": {}}'},
        environment({"worker": TWO[:1]}),
        environment({"chief": TWO[:1]}, "chief"),
    )
    def test_one_machine_alone_is_no_cluster(self, **variables):
        self.assertIsNone(read_cluster(variables))

    @parameterized.named_parameters(
        ("json", {"TF_CONFIG": "{"}, "is not JSON .*TF_CONFIG={"),
        ("object", {"TF_CONFIG": "[1]"}, "not a JSON object"),
        ("cluster", environment([1]), "cluster is not an object"),
        ("jobs", environment({"ps": TWO}, "ps"), "not 'ps'"),
        ("list", environment({"worker": TWO[0]}), "of 'worker' are not a list"),
        ("port", environment({"worker": ["a"]}), "'a' is not host:port"),
        ("large", environment({"worker": ["a:65536"]}), "not host:port"),
        ("twice", environment({"worker": TWO[:1] * 2}), "an address twice"),
        ("chiefs", environment({"chief": TWO}, "chief"), "more than one chief"),
        ("type", environment(kind="chief"), "task type 'chief' is not"),
        ("index", environment(index=2), r"index 2 is not in \[0, 2\)"),
        ("negative", environment(index=-1), "index -1"),
        ("text", environment(index="0"), "index '0' is not an integer"),
        (
            "task",
            {"TF_CONFIG": json.dumps({"cluster": {"worker": TWO}})},
            "no task",
        ),
    )
    def test_what_is_wrong_is_said(self, variables, message):
        with self.assertRaisesRegex(ValueError, message):
            read_cluster(variables)
