"""Tests of tf_bert/data/batches/pipeline.py."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from tf_bert.data.batches import batch_plan as planning
from tf_bert.data.batches import pipeline
from tf_bert.data.tokens.tokenized_examples import TokenizedExamples

WIDTH = 24
PACKED = ("input_ids", "token_type_ids", "position_ids", "example_ids")


def make_examples(size=13, label_type=np.int32):
    rng = np.random.default_rng(0)
    lengths = rng.integers(3, 21, size)
    return TokenizedExamples(
        ids=rng.integers(1, 1000, lengths.sum()).astype(np.int32),
        row_splits=np.concatenate([[0], np.cumsum(lengths)]),
        # The first of all has one segment only.
        first_lengths=np.where(
            np.arange(size) == 0, lengths, rng.integers(2, lengths)
        ).astype(np.int32),
        labels=rng.permutation(size).astype(label_type),
    )


def make_plan(examples, num_steps=7, **changes):
    arguments = {"batch_size": 4, "data_seed": 1, "width": WIDTH} | changes
    return planning.plan_training(
        examples.lengths, num_steps=num_steps, **arguments
    )


def reference(examples, plan, step, replica):
    """The share of one replica in one step, token by token."""
    num_micro_batches, size = plan.examples.shape[2:]
    element = {
        name: np.zeros(
            (num_micro_batches, plan.num_rows[step] * plan.widths[step]),
            np.int32,
        )
        for name in PACKED
    }
    shape = (num_micro_batches, size)
    element["cls_positions"] = plan.places[step, replica]
    element["labels"] = np.zeros(shape, examples.labels.dtype)
    element["example_weight"] = np.zeros(shape, np.float32)
    element["num_examples"] = np.float32((plan.examples[step] >= 0).sum())
    for index, slot in np.ndindex(shape):
        example = plan.examples[step, replica, index, slot]
        if example < 0:
            continue
        element["example_weight"][index, slot] = 1.0
        element["labels"][index, slot] = examples.labels[example]
        start = plan.places[step, replica, index, slot]
        first, end = examples.row_splits[example : example + 2]
        for position, token in enumerate(examples.ids[first:end]):
            is_second = position >= examples.first_lengths[example]
            for name, value in zip(
                PACKED, (token, is_second, position, slot + 1), strict=True
            ):
                element[name][index, start + position] = value
    for name in PACKED:
        element[name] = element[name].reshape(
            num_micro_batches, -1, plan.widths[step]
        )
    return element


def read(*args, **kwargs):
    """All elements; what stands for a missing example is left to the code."""
    elements = []
    dataset = pipeline.packed_dataset(*args, **kwargs)
    for element in dataset.as_numpy_iterator():
        exists = element["example_weight"] > 0
        element["labels"] = element["labels"] * exists
        elements.append(element)
    return elements


class PackedDatasetTest(parameterized.TestCase):
    def assert_equal_elements(self, actual, expected):
        self.assertEqual(set(actual), set(expected))
        for name, value in expected.items():
            np.testing.assert_array_equal(actual[name], value, name)
            self.assertEqual(actual[name].dtype, value.dtype, name)

    @parameterized.parameters(
        ((1, 1), WIDTH, np.float32),
        ((2, 1), None, np.int32),
        ((2, 2), WIDTH, np.int32),
        ((2, 2), None, np.int32),
    )
    def test_equals_a_slow_assembly(self, split, width, label_type):
        examples = make_examples(label_type=label_type)
        replicas, micro_batches = split
        plan = make_plan(
            examples,
            width=width,
            num_replicas=replicas,
            num_micro_batches=micro_batches,
        )
        elements = read(examples, plan)
        self.assertLen(elements, 7 * replicas)
        for index, element in enumerate(elements):
            expected = reference(examples, plan, *divmod(index, replicas))
            self.assert_equal_elements(element, expected)

    def test_smaller_last_batch_has_missing_examples(self):
        examples = make_examples()
        *_, last = read(examples, make_plan(examples, num_steps=4))
        self.assertEqual(last["example_weight"].tolist(), [[1, 0, 0, 0]])
        self.assertEqual(last["num_examples"], 1.0)
        self.assertEqual(set(last["example_ids"].ravel()), {0, 1})

    @parameterized.parameters((0, None), (5, range(1, 2)), (7, None))
    def test_starts_at_any_step_and_for_some_replicas(self, first, replicas):
        examples = make_examples()
        plan = make_plan(examples, batch_size=6, num_replicas=3)
        rates = np.linspace(0, 1, 7).astype(np.float32)
        seeds = planning.dropout_seeds(0, plan)
        elements = read(
            examples,
            plan,
            steps=np.arange(first, 7),
            per_step={"learning_rate": rates},
            per_replica={"seeds": seeds},
            replicas=replicas,
        )
        places = [
            (step, replica)
            for step in range(first, 7)
            for replica in replicas or range(3)
        ]
        self.assertLen(elements, len(places))
        for element, (step, replica) in zip(elements, places, strict=True):
            expected = reference(examples, plan, step, replica)
            expected["learning_rate"] = rates[step]
            expected["seeds"] = seeds[step, replica]
            self.assert_equal_elements(element, expected)

    def test_static_shapes_hold_the_same_elements(self):
        examples = make_examples()
        plan = make_plan(examples, steps_per_shape=7)
        dataset = pipeline.packed_dataset(examples, plan, static_shapes=True)
        for name, spec in dataset.element_spec.items():
            self.assertTrue(spec.shape.is_fully_defined(), name)
        shape = dataset.element_spec["input_ids"].shape
        self.assertEqual(shape.as_list(), [1, plan.num_rows[0], WIDTH])
        open_shapes = pipeline.packed_dataset(examples, plan).element_spec
        for name in PACKED:
            shape = open_shapes[name].shape
            self.assertEqual(shape.as_list(), [1, None, None])
        for actual, expected in zip(
            read(examples, plan, static_shapes=True),
            read(examples, plan),
            strict=True,
        ):
            self.assert_equal_elements(actual, expected)

    def test_static_shapes_refuse_steps_of_other_shapes(self):
        lengths = np.array([3, 3, 20, 20])  # Two short ones share a row.
        examples = TokenizedExamples(
            ids=np.arange(46, dtype=np.int32),
            row_splits=np.concatenate([[0], np.cumsum(lengths)]),
            first_lengths=lengths.astype(np.int32),
            labels=np.zeros(4, np.int32),
        )
        plan = planning.plan_evaluation(lengths, batch_size=2, width=WIDTH)
        self.assertEqual(plan.num_rows.tolist(), [1, 2])
        with self.assertRaises(tf.errors.InvalidArgumentError):
            read(examples, plan, static_shapes=True)

    def test_runs_without_python_functions(self):
        # Those do not run on the hosts of TPUs.
        examples = make_examples()
        dataset = pipeline.packed_dataset(examples, make_plan(examples))
        graph = tf.compat.v1.GraphDef.FromString(
            tf.raw_ops.DatasetToGraphV2(
                input_dataset=tf.data.experimental.to_variant(dataset)
            ).numpy()
        )
        operations = {
            node.op
            for function in graph.library.function
            for node in function.node_def
        }
        self.assertIn("ScatterNd", operations)
        self.assertFalse([op for op in operations if "PyFunc" in op])
