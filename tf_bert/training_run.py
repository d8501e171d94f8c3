"""The training of one run: steps, evaluations, saved states, in that order."""

import contextlib
import dataclasses
import math
import time
from collections.abc import Callable, Iterator
from typing import Any

from tf_bert import build
from tf_bert.training import evaluate, frozen_features
from tf_bert.training.divergence import TrainingDiverged
from tf_bert.training.loop import TrainingLoop
from tf_bert.training.pace import Pace
from tf_bert.training.progress import ProgressBar
from tf_bert.training.trained_words import decay_factors
from tf_bert.training_state import Progress, TrainingState


def train(
    run: build.Run,
    state: TrainingState,
    *,
    make_bar: Callable[[int, int], ProgressBar] = ProgressBar,
    pause_at: int | None = None,
) -> Progress:
    """Trains to the end, or until early stopping; evaluates and saves between.

    Args:
        run: of `build.build`.
        state: that is continued, and gets each evaluation.
        make_bar: from the number of steps of the whole training, and the
            step that it starts or continues at, to what shows how far it is.
        pause_at: number of the step of an evaluation after which to return;
            None goes on to the end.

    Returns:
        The progress at the end. The model holds the last weights.

    Raises:
        TrainingDiverged: if a loss or a logit is not finite.
    """
    progress = state.resume(run)
    with (
        _with_features(run, progress) as run,
        contextlib.closing(make_bar(run.plan.num_steps, progress.step)) as bar,
    ):
        _train(run, state, progress, bar, pause_at)
    return progress


@contextlib.contextmanager
def _with_features(run: build.Run, progress: Progress) -> Iterator[build.Run]:
    """Runs the frozen layers beforehand, if asked to and if steps are left."""
    has_steps = progress.step < run.plan.num_steps
    has_features = run.tokenized["train"].features is not None
    if has_features or not (run.config.cache_frozen_features and has_steps):
        yield run
        return
    # Not of a test split: it is evaluated once.
    splits = {
        name: run.tokenized[name]
        for name in ("train", "validation")
        if name in run.tokenized
    }
    with frozen_features.cached(run.classifier.inference, splits) as features:
        yield dataclasses.replace(run, tokenized={**run.tokenized, **features})


def _train(
    run: build.Run,
    state: TrainingState,
    progress: Progress,
    bar: ProgressBar,
    pause_at: int | None,
) -> None:
    """Goes from evaluation to evaluation."""
    feed = run.feed(progress.step)
    # A recorder looks at each step.
    pace = Pace() if run.recorder is None else Pace(largest=1)
    num_examples = run.plan.num_examples
    patience = run.config.early_stopping_patience
    for last in run.evaluation_steps:
        if last <= progress.step:
            continue
        if progress.step == pause_at:
            break
        if patience and progress.num_without_gain >= patience:
            bar.write(f"Stopped early after step {progress.step}.")
            break
        step, losses = progress.step, []
        while step < last:
            iterator, count = feed.at(step, min(pace.num_steps, last - step))
            with _recording(run, step):
                losses += _take_steps(run.loop, iterator, step, count, pace)
            bar.update(
                count,
                int(num_examples[step : step + count].sum()),
                sum(losses[-count:]) / count,
            )
            step += count
        _write_back_words(run, progress.step, step)
        progress.step = step
        result = _evaluate(run, progress, sum(losses) / len(losses), bar)
        state.save(run, progress, result)


def _take_steps(
    loop: TrainingLoop, iterator: Any, step: int, count: int, pace: Pace
) -> list[float]:
    """Takes `count` steps behind step `step` in one call; returns the losses.

    Raises:
        TrainingDiverged: if a loss is not finite.
    """
    start = time.monotonic()
    losses = loop.take_steps(iterator, count).tolist()
    pace.adapt(count, time.monotonic() - start)
    for number, loss in enumerate(losses, step + 1):
        if not math.isfinite(loss):
            raise TrainingDiverged(
                "The training loss must be finite. Received: "
                f"loss={loss} at step {number}; the training diverged. "
                "Lower --learning_rate, with --overwrite_output_dir."
            )
    return losses


def _recording(run: build.Run, step: int) -> contextlib.AbstractContextManager:
    """Records the step behind step `step`, if the run does."""
    if run.recorder is None:
        return contextlib.nullcontext()
    return run.recorder.around_step(run.learning_rates[step])


def _write_back_words(run: build.Run, first_step: int, step: int) -> None:
    """Brings the model's word embeddings up to date after some steps."""
    words = run.trained_words
    if words is None:
        return
    to_zero, to_prior = run.optimizer.decay_rates(words.rows)
    factors = decay_factors(
        run.learning_rates[:step],
        weight_decay=to_zero,
        pretrained_weight_decay=to_prior,
    )
    words.write_back(factors[step] / factors[first_step])


def _evaluate(
    run: build.Run, progress: Progress, train_loss: float, bar: ProgressBar
) -> evaluate.Evaluation | None:
    """Evaluates on validation, if there is one, and updates the progress."""
    result = None
    step = progress.step
    entry: dict[str, Any] = {
        "step": step,
        "epoch": step / run.plan.steps_per_epoch,
        "learning_rate": float(run.learning_rates[step - 1]),
        "train_loss": train_loss,
    }
    if run.recorder is not None:
        entry["distance"] = run.recorder.distances()
    line = f"step {step}: train loss {train_loss:.4f}"
    if "validation" in run.tokenized:
        result = evaluate.evaluate(
            run.classifier.inference, run.tokenized["validation"]
        )
        scores, name = result.metrics, run.data.task.metric
        entry["validation"] = scores
        line += (
            f", validation loss {scores['loss']:.4f}, {name} {scores[name]:.4f}"
        )
        progress.num_without_gain += 1
        # The first of equally good ones, so that the choice is definite.
        if progress.best_step is None or scores[name] > progress.best_value:
            progress.best_step = step
            progress.best_value = scores[name]
            progress.num_without_gain = 0
    progress.history.append(entry)
    bar.write(line)
    return result
