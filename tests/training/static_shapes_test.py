"""Tests of runs whose shapes are fixed, as XLA and TPUs need them."""

import numpy as np
import pytest

from tf_bert.config import Config, parse
from tf_bert.runs import build, training_run
from tf_bert.runs.state.run_checkpoints import MemoryCheckpoints
from tf_bert.trials.live_table import SilentBar


def trained(flags, **changes):
    """A run that was trained, and its logits of the training data."""
    chosen = {"learning_rate": 1e-3, "num_train_steps": 8, **changes}
    config = Config(**parse.parse(flags(output_dir="x", **chosen)))
    run = build.build(config)
    training_run.train(run, MemoryCheckpoints(), make_bar=SilentBar)
    return run, run.classifier.inference.logits(run.tokenized["train"])


@pytest.mark.large
class TestCompiledRun:
    @pytest.mark.parametrize(
        "changes", [{}, {"cache_frozen_features": True, "freeze": "lower_1"}]
    )
    def test_is_the_run_that_is_not_compiled(self, flags, changes):
        # Packed otherwise, dropout's masks fall on other tokens.
        changes = {"dropout": 0.0, **changes}
        _, expected = trained(flags, **changes)
        run, logits = trained(
            flags, jit_compile="true", steps_per_loop=4, **changes
        )
        np.testing.assert_allclose(logits, expected, atol=1e-5)
        shapes = np.stack(
            [run.schedule.plan.num_rows, run.schedule.plan.widths], axis=1
        )
        num_shapes = len(np.unique(shapes, axis=0))
        assert num_shapes <= 3
        # A trace for each shape; one for each split in inference.
        count = run.loop.train_steps.experimental_get_tracing_count()
        assert count == num_shapes
        steps = run.classifier.inference._logits_step
        assert steps.experimental_get_tracing_count() == 2
