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

    @parameterized.product(
        split=((1, 1), (2, 1), (1, 2), (2, 2)), width=(WIDTH, None)
    )
    def test_equals_a_slow_assembly(self, split, width):
        examples = make_examples()
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

    def test_scores_stay_float(self):
        examples = make_examples(label_type=np.float32)
        plan = make_plan(examples)
        for step, element in enumerate(read(examples, plan)):
            self.assert_equal_elements(
                element, reference(examples, plan, step, 0)
            )
            self.assertEqual(element["labels"].dtype, np.float32)

    def test_smaller_last_batch_has_missing_examples(self):
        examples = make_examples()
        *_, last = read(examples, make_plan(examples, num_steps=4))
        self.assertEqual(last["example_weight"].tolist(), [[1, 0, 0, 0]])
        self.assertEqual(last["num_examples"], 1.0)
        self.assertEqual(set(last["example_ids"].ravel()), {0, 1})

    @parameterized.product(first_step=(0, 1, 5, 7), replicas=(1, 2))
    def test_starts_at_any_step(self, first_step, replicas):
        examples = make_examples()
        plan = make_plan(examples, num_replicas=replicas)
        learning_rate = {"learning_rate": np.arange(7, dtype=np.float32)}
        seeds = {"seeds": planning.dropout_seeds(0, plan)}
        options = {"per_step": learning_rate, "per_replica": seeds}
        unbroken = read(examples, plan, **options)[first_step * replicas :]
        resumed = read(
            examples, plan, steps=np.arange(first_step, 7), **options
        )
        self.assertLen(resumed, len(unbroken))
        for actual, expected in zip(resumed, unbroken, strict=True):
            self.assert_equal_elements(actual, expected)

    @parameterized.parameters((0, 2), (1, 2), (1, 3))
    def test_some_replicas_alone_get_their_own(self, start, stop):
        replicas = range(start, stop)
        examples = make_examples()
        plan = make_plan(examples, batch_size=6, num_replicas=3)
        seeds = {"seeds": planning.dropout_seeds(0, plan)}
        every = read(examples, plan, steps=np.arange(1, 7), per_replica=seeds)
        some = read(
            examples,
            plan,
            steps=np.arange(1, 7),
            per_replica=seeds,
            replicas=replicas,
        )
        chosen = [e for i, e in enumerate(every) if i % 3 in replicas]
        self.assertLen(some, len(chosen))
        for actual, expected in zip(some, chosen, strict=True):
            self.assert_equal_elements(actual, expected)

    def test_elements_carry_what_belongs_to_their_step_and_replica(self):
        examples = make_examples()
        plan = make_plan(examples, num_replicas=2, num_micro_batches=2)
        rates = np.linspace(0, 1, 7).astype(np.float32)
        seeds = planning.dropout_seeds(0, plan)
        elements = read(
            examples,
            plan,
            per_step={"learning_rate": rates},
            per_replica={"dropout_seeds": seeds},
        )
        for index, element in enumerate(elements):
            step, replica = divmod(index, 2)
            self.assertEqual(element["learning_rate"], rates[step])
            np.testing.assert_array_equal(
                element["dropout_seeds"], seeds[step, replica]
            )

    def test_rows_and_width_are_open_unless_shapes_are_static(self):
        examples = make_examples()
        plan = make_plan(examples, num_micro_batches=2)
        spec = pipeline.packed_dataset(examples, plan).element_spec
        for name in PACKED:
            self.assertEqual(spec[name].shape.as_list(), [2, None, None])
        self.assertEqual(spec["labels"].shape.as_list(), [2, 2])
        self.assertEqual(spec["cls_positions"].shape.as_list(), [2, 2])

    def test_static_shapes_hold_the_same_elements(self):
        examples = make_examples()
        plan = make_plan(examples, steps_per_shape=7)
        dataset = pipeline.packed_dataset(examples, plan, static_shapes=True)
        for name, spec in dataset.element_spec.items():
            self.assertTrue(spec.shape.is_fully_defined(), name)
        self.assertEqual(
            dataset.element_spec["input_ids"].shape.as_list(),
            [1, plan.num_rows[0], WIDTH],
        )
        for actual, expected in zip(
            read(examples, plan, static_shapes=True),
            read(examples, plan),
            strict=True,
        ):
            self.assert_equal_elements(actual, expected)

    def test_static_shapes_start_at_any_step(self):
        examples = make_examples()
        plan = make_plan(examples, steps_per_shape=7)
        self.assertLen(
            read(examples, plan, steps=np.arange(7, 7), static_shapes=True), 0
        )
        self.assertLen(
            read(examples, plan, steps=np.arange(3, 7), static_shapes=True), 4
        )

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
