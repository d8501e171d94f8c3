"""Tests of tf_bert/runs/cost.py."""

import numpy as np
import transformers
from absl.testing import parameterized

from tf_bert.data.batches import batch_plan as planning
from tf_bert.runs import cost

CONFIG = transformers.BertConfig(
    hidden_size=8,
    intermediate_size=16,
    num_attention_heads=2,
    num_hidden_layers=3,
)


class TrainingCostTest(parameterized.TestCase):
    def test_counts_what_the_plan_computes(self):
        lengths = np.array([3, 5, 8, 8])
        plan = planning.plan_training(
            lengths, batch_size=4, num_steps=2, data_seed=0, width=8
        )
        found = cost.training_cost(
            plan, lengths, max_seq_length=16, num_evaluations=2
        )
        self.assertEqual((found.num_steps, found.num_epochs), (2, 2.0))
        # 3 and 5 share a row.
        self.assertEqual((found.largest_rows, found.largest_width), (3, 8))
        self.assertEqual(found.computed_tokens, 2 * 3 * 8)
        self.assertEqual(found.packing_fill, 1.0)
        self.assertEqual(found.fill_padded_to_batch, 24 / 32)
        self.assertEqual(found.fill_padded_to_limit, 24 / 64)

    def test_a_small_last_batch_is_not_counted_as_full(self):
        lengths = np.array([4, 4, 4])
        plan = planning.plan_training(
            lengths, batch_size=2, num_steps=2, data_seed=0, width=8
        )
        found = cost.training_cost(
            plan, lengths, max_seq_length=4, num_evaluations=1
        )
        self.assertEqual(found.num_epochs, 1.0)
        self.assertEqual(found.fill_padded_to_limit, 1.0)
        self.assertEqual(found.computed_tokens, 16)
        self.assertEqual(found.packing_fill, 12 / 16)


class EstimateMemoryTest(parameterized.TestCase):
    def estimate(self, **changes):
        arguments = {
            "num_parameters": 100,
            "num_updated": 60,
            "num_rows": 5,
            "width": 4,
            **changes,
        }
        return cost.estimate_memory(CONFIG, **arguments)

    def test_is_the_sum_by_hand(self):
        found = self.estimate()
        self.assertEqual(found.weights, 400)
        self.assertEqual(found.gradients, 240)
        self.assertEqual(found.moments, 480)
        layer = 20 * (12 * 8 + 4 * 16) + 3 * 5 * 2 * 4**2
        self.assertEqual(found.activations, 4 * 2 * layer)
        self.assertEqual(found.total, 400 + 240 + 480 + 8 * layer)

    def test_what_is_pulled_to_its_start_is_kept_once(self):
        found = self.estimate(num_pulled=50)
        self.assertEqual(found.priors, 200)
        self.assertEqual(found.total, self.estimate().total + 200)

    def test_bfloat16_halves_the_activations_alone(self):
        found = self.estimate(precision="mixed_bfloat16")
        self.assertEqual(2 * found.activations, self.estimate().activations)
        self.assertEqual(found.weights, self.estimate().weights)

    def test_mixed_parameters_are_stored_twice_more(self):
        plain = self.estimate(precision="mixed_bfloat16")
        found = self.estimate(precision="mixed_bfloat16", num_mixed=30)
        self.assertEqual(found.weights, plain.weights + 120)
        self.assertEqual(found.activations, plain.activations + 120)
        self.assertEqual(found.gradients, plain.gradients)

    @parameterized.parameters((1, 1), (2, 1), (3, 1), (0, 2))
    def test_of_frozen_blocks_nothing_is_kept(self, num_frozen, num_counted):
        # Of 3 blocks: all but the top one, and one in any case.
        found = self.estimate(num_frozen_blocks=num_frozen)
        per_block = self.estimate().activations / 2
        self.assertEqual(found.activations, num_counted * per_block)

    def test_of_recomputed_blocks_the_input_is_kept(self):
        found = self.estimate(remat=True)
        layer = 20 * (12 * 8 + 4 * 16) + 3 * 5 * 2 * 4**2
        self.assertEqual(found.activations, 4 * (2 * 20 * 8 + layer))
