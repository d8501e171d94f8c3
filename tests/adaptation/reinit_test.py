"""Tests of tf_bert/adaptation/reinit.py."""

import numpy as np
import tiny_bert
from absl.testing import parameterized

from tf_bert.adaptation import reinit
from tf_bert.models import initialization

POOLER = frozenset({"bert/pooler/dense/bias", "bert/pooler/dense/kernel"})
HEAD = frozenset({"classifier/bias", "classifier/kernel"})
LOADED = 7


def make_model(num_layers=3):
    """A model whose every weight is 7, as if it was loaded."""
    model = tiny_bert.tiny_classifier(
        hidden_size=4, num_hidden_layers=num_layers, initializer_range=0.3
    )
    for variable in model.weights_by_path().values():
        variable.assign(np.full(variable.shape, LOADED))
    return model


def changed(model):
    return {
        path: variable.numpy()
        for path, variable in model.weights_by_path().items()
        if (variable.numpy() != LOADED).any()
    }


def block(index, model):
    prefix = f"bert/encoder/layer_{index}/"
    return {p for p in model.weights_by_path() if p.startswith(prefix)}


class ReinitializeTopLayersTest(parameterized.TestCase):
    def test_zero_layers_and_no_pooler_leave_everything(self):
        model = make_model()
        with self.assertNoLogs("absl", "INFO"):
            touched = reinit.reinitialize_top_layers(
                model, 0, pooler=False, seed=0
            )
        self.assertEmpty(touched)
        self.assertEmpty(changed(model))

    @parameterized.parameters(True, False)
    def test_top_blocks_and_the_pooler_are_drawn_and_nothing_else(self, pooler):
        model = make_model()
        touched = reinit.reinitialize_top_layers(
            model, 2, pooler=pooler, seed=0
        )
        self.assertEqual(touched, block(1, model) | block(2, model) | POOLER)
        self.assertEqual(touched, changed(model).keys())
        self.assertLen(touched, 16 + 16 + 2)

    def test_the_pooler_may_be_drawn_alone(self):
        model = make_model()
        touched = reinit.reinitialize_top_layers(model, 0, pooler=True, seed=0)
        self.assertEqual(touched, POOLER)
        self.assertEqual(touched, changed(model).keys())

    def test_all_blocks_may_be_drawn(self):
        model = make_model(num_layers=11)  # With a layer_1 and a layer_10.
        touched = reinit.reinitialize_top_layers(
            model, 11, pooler=False, seed=0
        )
        kept = model.weights_by_path().keys() - touched
        for path in kept:
            self.assertStartsWith(path, ("bert/embeddings/", "classifier/"))

    def test_values_are_those_of_a_model_that_was_never_pretrained(self):
        model = make_model()
        reinit.reinitialize_top_layers(model, 1, pooler=False, seed=5)
        for path, value in changed(model).items():
            expected = initialization.new_value(
                path, value.shape, initializer_range=0.3, seed=5
            )
            np.testing.assert_array_equal(value, expected, path)
        output = "bert/encoder/layer_2/output"
        np.testing.assert_array_equal(
            changed(model)[f"{output}/LayerNorm/gamma"], np.ones(4)
        )
        np.testing.assert_array_equal(
            changed(model)[f"{output}/dense/bias"], np.zeros(4)
        )

    def test_blocks_differ_from_each_other_and_between_seeds(self):
        kernel = "bert/encoder/layer_{}/intermediate/dense/kernel"
        draws = []
        for seed in (0, 1):
            model = make_model()
            reinit.reinitialize_top_layers(model, 2, pooler=False, seed=seed)
            draws += [changed(model)[kernel.format(i)] for i in (1, 2)]
        self.assertLen({draw.tobytes() for draw in draws}, 4)

    def test_what_is_drawn_is_logged_in_one_line(self):
        with self.assertLogs("absl", "INFO") as logs:
            reinit.reinitialize_top_layers(
                make_model(), 1, pooler=False, seed=4
            )
        (record,) = logs.records
        self.assertEqual(
            record.getMessage(),
            "Newly drawn, head_seed 4: bert/encoder/layer_2, bert/pooler.",
        )


class ReinitializeHeadTest(parameterized.TestCase):
    def test_draws_the_head_alone(self):
        model = make_model()
        touched = reinit.reinitialize_head(model, seed=2)
        self.assertEqual(touched, HEAD)
        self.assertEqual(touched, changed(model).keys())

    def test_the_head_is_the_same_with_and_without_fresh_blocks(self):
        kernels = []
        for num_layers in (0, 2):
            model = make_model()
            reinit.reinitialize_top_layers(
                model, num_layers, pooler=False, seed=2
            )
            reinit.reinitialize_head(model, seed=2)
            kernels.append(changed(model)["classifier/kernel"])
        np.testing.assert_array_equal(*kernels)


class CheckBlocksTest(parameterized.TestCase):
    @parameterized.parameters(
        (0, None),
        (6, None),
        (6, "embeddings"),
        (0, "lower_6"),
        (2, "lower_4"),
        (0, "encoder"),
        (0, "all_but_head"),
    )
    def test_what_fits_is_let_through(self, reinit_layers, freeze):
        reinit.check_blocks(
            num_blocks=6, reinit_layers=reinit_layers, freeze=freeze
        )

    @parameterized.parameters(
        (7, None, "Received: reinit_layers=7, .*=6. Pass --reinit_layers=6 or"),
        (-1, None, "Received: reinit_layers=-1"),
        (
            0,
            "lower_7",
            "lower_1 to lower_6, .*6 blocks. Received: freeze='lower_7'",
        ),
        (0, "lower_60", "Received: freeze='lower_60'"),
        (
            3,
            "lower_4",
            "layers=3, freeze=lower_4.* --reinit_layers=2 or",
        ),
        (1, "lower_6", "both re-initialised and .* Leave out --reinit_layers"),
        (1, "encoder", "Received: reinit_layers=1, freeze=encoder"),
        (0, "lower_0", "Received: freeze='lower_0'"),
    )
    def test_what_does_not_fit_is_refused(self, reinit_layers, freeze, message):
        with self.assertRaisesRegex(ValueError, message):
            reinit.check_blocks(
                num_blocks=6, reinit_layers=reinit_layers, freeze=freeze
            )
