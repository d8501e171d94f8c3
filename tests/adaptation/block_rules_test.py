"""Tests of tf_bert/adaptation/block_rules.py."""

from absl.testing import parameterized

from tf_bert.adaptation import block_rules


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
        block_rules.check_blocks(
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
            block_rules.check_blocks(
                num_blocks=6, reinit_layers=reinit_layers, freeze=freeze
            )
