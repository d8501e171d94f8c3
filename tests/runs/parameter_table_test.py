"""Tests of tf_bert/runs/parameter_table.py."""

import dataclasses

import pytest
from absl.testing import parameterized
from conftest import make_config

from tf_bert.runs import build, parameter_table
from tf_bert.runs.parameter_table import Parameter, render

EMBEDDINGS = Parameter("bert/embeddings/LayerNorm/beta", 4)
POOLER = Parameter("bert/pooler/dense/kernel", 16, is_new=True)
WORDS = "bert/embeddings/word_embeddings/embeddings"
HEAD = Parameter("classifier/kernel", 8, is_new=True)


def block(index, **fields):
    path = f"bert/encoder/layer_{index}/output/dense"
    return [
        Parameter(f"{path}/kernel", 1_000_000, **fields),
        Parameter(f"{path}/bias", 10),
    ]


def lines(parameters, learning_rate=2e-5):
    """Each line of the table, split at its gaps of two blanks or more."""
    text = render(parameters, learning_rate=learning_rate)
    return [
        [cell.strip() for cell in line.split("  ") if cell]
        for line in text.splitlines()
    ]


def cells(name, parameters):
    (found,) = [line[1:] for line in lines(parameters) if line[0] == name]
    return found


class RenderTest(parameterized.TestCase):
    def test_parts_stand_in_the_order_of_the_layers(self):
        blocks = [*block(0, decay=0.1), *block(1), *block(2)]
        names = [x[0] for x in lines([EMBEDDINGS, *blocks, POOLER, HEAD])]
        self.assertEqual(
            names[:6],
            [
                "part",
                "embeddings",
                "layer_0",
                "layer_1 to layer_2",
                "pooler",
                "classifier",
            ],
        )

    def test_the_column_of_parameters_adds_up_to_the_total(self):
        parameters = [EMBEDDINGS, *block(0), *block(1), POOLER, HEAD]
        *rows, totals, _, _ = lines(parameters)
        sizes = [int(row[1].replace(",", "")) for row in rows[1:]]
        self.assertEqual(sum(sizes), sum(p.size for p in parameters))
        self.assertEqual(
            totals,
            ["total 2,000,048, trainable 2,000,048, frozen 0, decayed 0"],
        )

    @parameterized.parameters(
        ({}, ["pretrained", "2e-05", "none", "none"]),
        ({"decay": 0.01}, ["pretrained", "2e-05", "0.01", "none"]),
        ({"pretrained_decay": 1e-3}, ["pretrained", "2e-05", "none", "0.001"]),
        ({"is_new": True}, ["new", "2e-05", "none", "none"]),
        ({"is_trained": False}, ["pretrained", "frozen", "none", "none"]),
        # A frozen weight is not decayed either.
        (
            {"is_trained": False, "decay": 0.01},
            ["pretrained", "frozen", "none", "none"],
        ),
        ({"rate": 0.95}, ["pretrained", "1.9e-05", "none", "none"]),
    )
    def test_a_row_says_how_a_part_is_treated(self, fields, expected):
        parameter = dataclasses.replace(POOLER, is_new=False)
        parameter = dataclasses.replace(parameter, **fields)
        self.assertEqual(cells("pooler", [parameter]), ["16", *expected])

    def test_a_part_of_which_some_is_otherwise_says_so(self):
        kernel = dataclasses.replace(POOLER, rate=0.5, decay=0.1)
        bias = Parameter("bert/pooler/dense/bias", 4)
        self.assertEqual(
            cells("pooler", [kernel, bias]),
            ["20", "partly new", "1e-05-2e-05", "0.1", "none"],
        )
        bias = dataclasses.replace(bias, is_trained=False)
        self.assertEqual(cells("pooler", [kernel, bias])[2], "1e-05 (partly)")

    def test_totals_tell_trained_from_frozen_and_decayed(self):
        frozen = dataclasses.replace(EMBEDDINGS, is_trained=False, decay=1)
        pulled = dataclasses.replace(POOLER, pretrained_decay=1)
        self.assertEqual(
            lines([frozen, pulled, HEAD])[-3],
            ["total 28, trainable 24, frozen 4, decayed 16"],
        )

    @parameterized.parameters((1.0, 7), (0.95, 30))
    def test_bert_large_fits_into_80_columns(self, decay, num_lines):
        both = {"decay": 0.0001, "pretrained_decay": 0.0001}
        paths = ["embeddings/x", *(f"encoder/layer_{i}/x" for i in range(24))]
        parameters = [
            Parameter(
                f"bert/{path}", 31_782_912, rate=decay ** (25 - i), **both
            )
            for i, path in enumerate(paths)
        ]
        text = render([*parameters, POOLER, HEAD], learning_rate=1.23e-5)
        widths = [len(line) for line in text.splitlines()]
        self.assertLessEqual(max(widths), 80)
        self.assertLen(widths, num_lines + 1)


@pytest.fixture(scope="module")
def built(flags):
    return build.build(make_config(flags, reinit_layers=1, weight_decay=0.3))


class TestDescribe:
    def test_has_the_models_own_sizes(self, built):
        """Of the word embeddings the optimizer has the words in use alone."""
        model = built.classifier.model
        found = {
            p.path: p
            for p in parameter_table.describe(
                model, built.optimizer, built.classifier.new
            )
        }
        assert found.keys() == model.weights_by_path().keys()
        assert found[WORDS].size == 63 * 8
        assert built.embedding_rows.rows.shape[0] < 63
        assert found[WORDS].decay == 0.3
        assert found["bert/pooler/dense/kernel"].is_new
        assert found["bert/pooler/dense/bias"].decay == 0
        assert not found["bert/encoder/layer_0/output/dense/bias"].is_new

    def test_frozen_variables_are_counted_apart(self, built):
        model = built.classifier.model
        total = sum(
            variable.numpy().size
            for variable in model.weights_by_path().values()
        )
        names = ("num_parameters", "num_trainable_parameters")
        assert parameter_table.count(model) == dict.fromkeys(names, total)
        words = model.weights_by_path()[WORDS]
        words.trainable = False
        try:
            found = parameter_table.count(model)
        finally:
            words.trainable = True
        assert list(found.values()) == [total, total - 63 * 8]


def test_a_run_logs_the_table(flags, caplog):
    build.build(make_config(flags))
    (message,) = [
        record.getMessage()
        for record in caplog.records
        if record.getMessage().startswith("The parameters of the model:\n")
    ]
    assert "layer_0 to layer_1  " in message
    assert "0.01" in message
