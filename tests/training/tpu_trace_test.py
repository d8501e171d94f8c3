"""Traces what a TPU would be sent, without one, and checks it.

TensorFlow's own `TPUStrategy` builds the graph, for a resolver and a topology
that are made up, with variables on the CPU. It cannot be run; but every
operation of the part that TPUs compute can be looked up in the list of those
that TensorFlow has a kernel for, and its shapes can be looked at.
"""

import collections
import json
import pathlib
import subprocess
import sys
import textwrap

import pytest

from tf_bert.config import Config, parse

HERE = pathlib.Path(__file__).parent
NUM_CORES = 4

TRACE = """
    import json, sys

    sys.path.insert(0, sys.argv[1])
    import tpu_trace_test as this

    strategy = this.make_strategy()
    results = {"negative control": this.trace_text(strategy)}
    for name, fields in json.load(open(sys.argv[2])).items():
        results |= this.trace(name, fields, strategy)
    print(json.dumps(results))
"""


def make_strategy():
    """A `TPUStrategy` of cores that are not there; for tracing alone."""
    import numpy as np
    import tensorflow as tf
    from tensorflow.python.tpu import (
        device_assignment,
        topology,
        tpu_system_metadata,
    )

    (cpu,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * NUM_CORES
    )
    place = "/job:localhost/replica:0/task:0/device:"
    Device = collections.namedtuple("Device", "name device_type")

    class Assignment(device_assignment.DeviceAssignment):
        """Puts the variables of each core on a part of the CPU."""

        def tpu_device(self, replica=0, logical_core=0, job=None):
            return f"{place}CPU:{replica}"

        def host_device(self, replica=0, logical_core=0, job=None):
            return f"{place}CPU:0"

    class Resolver:
        """Says that one machine has all cores."""

        def get_tpu_system_metadata(self):
            return tpu_system_metadata.TPUSystemMetadata(
                num_cores=NUM_CORES,
                num_hosts=1,
                num_of_cores_per_host=NUM_CORES,
                topology=None,
                devices=[
                    Device(f"{place}TPU:{core}", "TPU")
                    for core in range(NUM_CORES)
                ],
            )

    cores = np.array([[core, 0, 0, 0] for core in range(NUM_CORES)])
    mesh = topology.Topology(
        mesh_shape=[NUM_CORES, 1, 1, 1],
        device_coordinates=cores.reshape(1, NUM_CORES, 4),
    )
    return tf.distribute.TPUStrategy(
        Resolver(),
        experimental_device_assignment=Assignment(
            mesh, cores.reshape(NUM_CORES, 1, 4)
        ),
    )


def report(function):
    """What is in the part of a traced function that TPUs compute.

    Returns:
        `operations`: type -> how often it occurs, called functions included;
        and `open`: names of inputs whose shape is not known.
    """
    graph = function.graph.as_graph_def(add_shapes=True)
    library = {f.signature.name: f.node_def for f in graph.library.function}
    operations, open_shapes, seen = collections.Counter(), [], set()

    def walk(nodes, is_inside):
        for node in nodes:
            # What `strategy.run` marks: it goes to the cores as a whole.
            here = is_inside or "_tpu_replicate" in node.attr
            if here:
                operations[node.op] += 1
            if node.op == "TPUReplicatedInput" and any(
                shape.unknown_rank or any(d.size < 0 for d in shape.dim)
                for shape in node.attr["_output_shapes"].list.shape
            ):
                open_shapes.append(node.name)
            for attribute in node.attr.values():
                for called in (attribute.func, *attribute.list.func):
                    key = called.name, here
                    if called.name in library and key not in seen:
                        seen.add(key)
                        walk(library[called.name], here)

    walk(graph.node, False)
    return {"operations": operations, "open": open_shapes}


def trace(name, fields, strategy):
    """Traces training, inference and frozen features of a configuration."""
    import tensorflow as tf

    from tf_bert.data.batches import text_batches
    from tf_bert.data.tokens.tokenization import EncodedTexts
    from tf_bert.runs import build

    run = build.build(Config.from_dict(fields), strategy=strategy)
    iterator, _ = run.batches.iterate(0).at(0, 1)
    inference = run.classifier.inference
    traced = {
        "steps": run.loop.train_steps.get_concrete_function(
            iterator, tf.constant(1)
        )
    }
    stream = inference._open(run.tokenized["train"]).iterator
    traced["logits"] = inference._logits_step.get_concrete_function(stream)
    train = run.tokenized["train"]
    batches = text_batches.pack(
        EncodedTexts(train.ids, train.row_splits, train.first_lengths),
        most_rows=4,
        num_replicas=strategy.num_replicas_in_sync,
        is_one_height=True,
    )
    traced["texts"] = inference._texts_step.get_concrete_function(
        next(batches).inputs
    )
    if run.config.freeze:
        traced["features"] = inference._features_step.get_concrete_function(
            stream
        )
    return {f"{name}: {k}": report(function) for k, function in traced.items()}


def trace_text(strategy):
    """Traces what no TPU can do: text, of numbers that vary in number."""
    import tensorflow as tf

    @tf.function
    def step(numbers):
        return strategy.run(tf.strings.as_string, (numbers,))

    return report(step.get_concrete_function(tf.TensorSpec([None])))


CASES = {
    "everything": {
        "gradient_accumulation_steps": 2,
        "ema_decay": 0.9,
        "remat": True,
        "mixout": 0.1,
        "precision": "mixed_bfloat16",
        "pretrained_weight_decay": 0.1,
    },
    "frozen": {"freeze": "lower_1", "layerwise_lr_decay": 0.9},
}
# What marks the part for the cores, and is no operation of it.
MARKS = {
    "Placeholder",
    "TPUReplicateMetadata",
    "TPUReplicatedInput",
    "TPUReplicatedOutput",
}


@pytest.fixture(scope="module")
def reports(flags, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tpu")
    configs = {
        name: Config(
            **parse.parse(flags(output_dir=folder, train_batch_size=16, **case))
        ).as_dict()
        for name, case in CASES.items()
    }
    path = folder / "configs.json"
    path.write_text(json.dumps(configs))
    process = subprocess.run(
        [
            *(sys.executable, "-c", textwrap.dedent(TRACE)),
            *(str(HERE), str(path)),
        ],
        cwd=HERE.parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr[-3000:]
    return json.loads(process.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def kernels():
    """The operations with a kernel in tensorflow-tpu 2.20.0."""
    content = json.loads((HERE / "tpu_kernels.json").read_text("utf-8"))
    return set(content["operations"])


@pytest.mark.large
class TestTrace:
    def test_finds_what_has_no_kernel(self, reports, kernels):
        operations = reports["negative control"]["operations"]
        assert set(operations) - kernels - MARKS == {"AsString"}
        assert reports["negative control"]["open"]

    def test_every_operation_has_a_kernel(self, reports, kernels):
        for name, report in reports.items():
            if name != "negative control":
                assert not set(report["operations"]) - kernels - MARKS, name

    def test_shapes_are_known(self, reports):
        for name, report in reports.items():
            if name != "negative control":
                assert not report["open"], name

    def test_the_loop_is_in_it(self, reports):
        operations = reports["everything: steps"]["operations"]
        # One for each gradient, and those of the model's passes.
        assert operations["CrossReplicaSum"] > 20
        assert operations["ResourceApplyAdam"] > 20
        assert operations["MatMul"] > 20
        assert {"While", "StatelessWhile"} & set(operations)
        for name in (
            *("everything: logits", "everything: texts"),
            "frozen: features",
        ):
            operations = reports[name]["operations"]
            assert operations["MatMul"] > 2
            assert "CrossReplicaSum" not in operations
