"""The training of one run: steps, evaluations, saved states, in that order."""

import contextlib
import dataclasses
import math
import time
from collections.abc import Callable, Collection, Iterator
from typing import Any

from tf_bert.runs import memory
from tf_bert.runs.build import Run
from tf_bert.runs.state.progress import Progress
from tf_bert.runs.state.run_checkpoints import Checkpoints
from tf_bert.scoring import metrics
from tf_bert.system.stop_requests import StopRequest, StopRequested
from tf_bert.training import evaluate, frozen_features
from tf_bert.training.evaluate import TrainingDiverged
from tf_bert.training.progress_bar import ProgressBar
from tf_bert.training.steps_per_execution import StepsPerExecution
from tf_bert.training.training_loop import TrainingLoop


def train(
    run: Run,
    checkpoints: Checkpoints,
    *,
    make_bar: Callable[[int, int], ProgressBar] = ProgressBar,
) -> Progress:
    """Trains to the end, or until early stopping; evaluates and saves between.

    Where the checkpoints note a request to stop, it is looked for between
    steps, before each call of the loop, and between the batches of an
    evaluation. The state is saved then, in the midst of an evaluation as it was
    before, and KeyboardInterrupt or Terminated raised.

    Args:
        run: of `build.build`. Its model holds the last weights at the end.
        checkpoints: that are continued, and get each evaluation.
        make_bar: from the number of steps of the whole training, and the
            step that it starts or continues at, to what shows how far it is.
    """
    progress = checkpoints.resume(run)
    with (
        _with_features(run, progress) as run,
        contextlib.closing(
            make_bar(run.schedule.plan.num_steps, progress.step)
        ) as bar,
        checkpoints.attended() as request,
    ):
        try:
            with checkpoints.session(run):
                _train(run, checkpoints, progress, bar=bar, request=request)
            request.check()
        except StopRequested:
            checkpoints.save_now(run, progress)
            raise request.ending(
                f"Stopped after step {progress.step}; the state is saved. Give "
                "the same command again (without --overwrite_output_dir) to "
                "continue."
            ) from None
    return progress


def evaluate_splits(
    run: Run, *, without: Collection[str] = ("train",)
) -> dict[str, evaluate.Evaluation]:
    """Evaluates the model as it is on every split but some."""
    with memory.explained_outputs(run.classifier, run.config):
        return {
            split: evaluate.evaluate(
                run.classifier.inference,
                tokens,
                positive=run.data.task.positive,
            )
            for split, tokens in run.tokenized.items()
            if split not in without
        }


@contextlib.contextmanager
def _with_features(run: Run, progress: Progress) -> Iterator[Run]:
    """Runs the frozen layers beforehand, if asked to and if steps are left."""
    has_steps = progress.step < run.schedule.plan.num_steps
    has_features = run.tokenized["train"].features is not None
    if has_features or not (run.config.cache_frozen_features and has_steps):
        yield run
        return
    with contextlib.ExitStack() as stack:
        with memory.explained_outputs(run.classifier, run.config):
            features = stack.enter_context(
                frozen_features.cached(
                    run.classifier.inference, run.repeated_splits()
                )
            )
        yield dataclasses.replace(run, tokenized={**run.tokenized, **features})


def _train(
    run: Run,
    checkpoints: Checkpoints,
    progress: Progress,
    *,
    bar: ProgressBar,
    request: StopRequest,
) -> None:
    """Goes from evaluation to evaluation."""
    batches = run.batches.iterate(progress.step)
    per_call = _steps_per_execution(run)
    patience = run.config.early_stopping_patience
    for last in run.schedule.evaluation_steps[len(progress.history) :]:
        if patience and progress.num_without_gain >= patience:
            bar.write(f"Stopped early after step {progress.step}.")
            break
        while progress.step < last:
            most = request.check(min(per_call.num_steps, last - progress.step))
            iterator, count = batches.at(progress.step, most)
            with (
                memory.explained_steps(run),
                _recording(run, progress.step),
            ):
                losses = _take_steps(
                    run.loop,
                    iterator,
                    progress.step,
                    count,
                    per_call,
                )
            _advance(run, progress, losses, bar)
            checkpoints.save_if_due(run, progress)
        _write_back_words(run, progress)
        result = _evaluate(run, progress, bar, request)
        checkpoints.save(run, progress, result)


def _steps_per_execution(run: Run) -> StepsPerExecution:
    if run.recorder is not None:
        return StepsPerExecution(largest=1)  # It looks at each step.
    fixed = run.config.steps_per_loop
    return (
        StepsPerExecution()
        if fixed is None
        else StepsPerExecution(fixed, smallest=fixed)
    )


def _advance(
    run: Run, progress: Progress, losses: list[float], bar: ProgressBar
) -> None:
    """Counts the steps that were taken."""
    first, progress.step = progress.step, progress.step + len(losses)
    progress.losses += losses
    bar.update(
        len(losses),
        int(run.schedule.plan.num_examples[first : progress.step].sum()),
        sum(losses) / len(losses),
    )


def _take_steps(
    loop: TrainingLoop,
    iterator: Any,
    step: int,
    count: int,
    per_call: StepsPerExecution,
) -> list[float]:
    """Takes `count` steps behind step `step`; returns their losses."""
    start = time.monotonic()
    losses = loop.take_steps(iterator, count).tolist()
    per_call.adapt(count, time.monotonic() - start)
    for number, loss in enumerate(losses, step + 1):
        if not math.isfinite(loss):
            raise TrainingDiverged(
                "The training diverged. Received: "
                f"loss={loss} at step {number}. "
                "Lower --learning_rate, with --overwrite_output_dir."
            )
    return losses


def _recording(run: Run, step: int) -> contextlib.AbstractContextManager:
    """Records the step behind step `step`, if the run does."""
    if run.recorder is None:
        return contextlib.nullcontext()
    return run.recorder.around_step(run.schedule.learning_rates[step])


def _write_back_words(run: Run, progress: Progress) -> None:
    """Brings the model's word embeddings up to date with the trained rows."""
    first, progress.words_step = progress.words_step, progress.step
    words = run.embedding_rows
    if words is None or first == progress.step:
        return
    factors = words.factors(
        run.optimizer, run.schedule.learning_rates[: progress.step]
    )
    words.write_back(factors[progress.step] / factors[first])


def _evaluate(
    run: Run, progress: Progress, bar: ProgressBar, request: StopRequest
) -> evaluate.Evaluation | None:
    """Evaluates on validation, if there is one, and updates the progress."""
    result = None
    if "validation" in run.tokenized:
        with (
            memory.explained_outputs(run.classifier, run.config),
            run.scored_weights(),
        ):
            result = evaluate.evaluate(
                run.classifier.inference,
                run.tokenized["validation"],
                positive=run.data.task.positive,
                between_batches=request.check,
            )
    # From here on nothing stops: the evaluation is done.
    entry = _entry(run, progress)
    line = f"step {progress.step}: train loss {entry['train_loss']:.4f}"
    if result is not None:
        scores, name = result.metrics, run.data.task.metric
        entry["validation"] = scores
        label = run.data.task.positive_label
        if label is not None:
            entry["positive_label"] = label
        title = metrics.title_of(name, label)
        line += (
            f", validation loss {scores['loss']:.4f}, {title} "
            f"{scores[name]:.4f}"
        )
        progress.num_without_gain += 1
        # The first of equally good ones, so that the choice is definite.
        if progress.best_step is None or scores[name] > progress.best_value:
            progress.best_step = progress.step
            progress.best_value = scores[name]
            progress.num_without_gain = 0
    progress.history.append(entry)
    progress.losses = []
    bar.write(line)
    return result


def _entry(run: Run, progress: Progress) -> dict[str, Any]:
    """What the history says of a step, but for the evaluation."""
    entry: dict[str, Any] = {
        "step": progress.step,
        "epoch": progress.step / run.schedule.plan.steps_per_epoch,
        "learning_rate": float(run.schedule.learning_rates[progress.step - 1]),
        "train_loss": sum(progress.losses) / len(progress.losses),
    }
    if run.recorder is not None:
        entry["distance"] = run.recorder.distances()
    return entry
