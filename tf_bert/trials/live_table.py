"""The table on the terminal while trials run: one row for each recipe."""

import contextlib
import datetime
import logging as python_logging
import sys
import textwrap
import time
from collections.abc import Iterator, Sequence
from typing import Any, TextIO

import rich.console
import rich.live
import rich.table
from absl import logging

from tf_bert.training.progress_bar import ProgressBar
from tf_bert.trials.planned_trials import Trial
from tf_bert.trials.statistics import recipe_summary
from tf_bert.trials.trial_scores import metric_title, trials_of

# Title -> width, such as that of "0.8123 [-0.0912, 1.0334]".
_COLUMNS = {
    "finished": 8,
    "running": 7,
    "mean [95 % interval]": 24,
    "best": 6,
    "failed": 6,
}
# The titles, the caption in two lines, and one that the cursor is in.
_OTHER_LINES = 4


class SilentBar(ProgressBar):
    """A progress bar that shows nothing."""

    def __init__(self, num_steps: int, first_step: int = 0):
        del num_steps, first_step

    def update(self, num_steps: int, num_examples: int, loss: float) -> None:
        """Shows nothing."""

    def write(self, line: str) -> None:
        """Shows nothing."""

    def close(self) -> None:
        """There is nothing to close."""


class _TableBar(SilentBar):
    """A progress bar whose place is a line below the table."""

    def __init__(self, table: "LiveTable", num_steps: int, first_step: int):
        super().__init__(num_steps)
        self._table = table
        self._num_steps = num_steps
        self._step = first_step

    def update(self, num_steps: int, num_examples: int, loss: float) -> None:
        """Moves on."""
        self._step += num_steps
        self._table.show_step(
            f"step {self._step} of {self._num_steps}, loss {loss:.3f}"
        )


class LiveTable:
    """Shows finished, running and failed trials, scores, and time left.

    On a terminal it is a table that is drawn anew; elsewhere (a file, a pipe)
    one line is logged for each finished trial.

    Args:
        trials: all of the sweep.
        records: of those that have finished before.
    """

    def __init__(
        self, trials: Sequence[Trial], records: Sequence[dict[str, Any]]
    ):
        self._recipes = {trial.name: trial.recipe for trial in trials}
        self._records = [r for r in records if r["trial"] in self._recipes]
        self._running: dict[str, Trial] = {}
        self._begin = time.monotonic()
        self._num_before = len(self._records)
        self._step = ""
        self._scores = {
            recipe: self._scores_of(recipe)
            for recipe in dict.fromkeys(self._recipes.values())
        }
        self._console = rich.console.Console(stderr=True)
        self._is_shown = sys.stderr.isatty()
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> "LiveTable":
        if self._is_shown:
            stderr = sys.stderr
            self._live = self._stack.enter_context(
                rich.live.Live(
                    console=self._console, auto_refresh=False, transient=True
                )
            )
            # What is written to it now appears above the table.
            self._stack.enter_context(_logging_to(sys.stderr, stderr))
            self._draw()
        return self

    def __exit__(self, *_: Any) -> None:
        self._stack.close()

    def make_bar(self, num_steps: int, first_step: int) -> ProgressBar:
        """Returns the bar of a trial that runs in this process."""
        return _TableBar(self, num_steps, first_step)

    def start(self, trial: Trial) -> None:
        """Says that a trial runs."""
        self._running[trial.name] = trial
        self._step = ""
        self._draw()

    def show_step(self, text: str) -> None:
        """Says how far the trial of this process is."""
        self._step = text
        self._draw()

    def finish(self, record: dict[str, Any]) -> None:
        """Says that a trial has finished."""
        self._running.pop(record["trial"], None)
        self._records.append(record)
        recipe = self._recipes[record["trial"]]
        self._scores[recipe] = self._scores_of(recipe)
        self._draw()
        if not self._is_shown:
            logging.info("%s", self._line(record))

    def render(self) -> rich.table.Table:
        """Returns the table as it is now, no higher than the terminal."""
        table = rich.table.Table(
            box=None,
            header_style="bold",
            caption=self._caption(),
            pad_edge=False,
        )
        table.add_column("recipe", overflow="fold")
        for name, width in _COLUMNS.items():
            table.add_column(
                name, justify="right", min_width=width, no_wrap=True
            )
        for recipe in self._rows_that_fit():
            table.add_row(recipe, *self._cells(recipe))
        return table

    def _rows_that_fit(self) -> list[str]:
        """The recipes about the one that runs, as many as there is room for."""
        recipes = list(self._scores)
        now = min(
            (recipes.index(t.recipe) for t in self._running.values()),
            default=len(recipes) - 1,
        )
        # Two blanks between columns.
        width = self._console.width
        width -= sum(n + 2 for n in _COLUMNS.values())
        room = self._console.height - _OTHER_LINES
        heights = [len(textwrap.wrap(x, max(8, width))) or 1 for x in recipes]
        first, last = now, now + 1
        while first > 0 or last < len(recipes):
            # Downwards first: those above have ended.
            if last < len(recipes) and sum(heights[first : last + 1]) <= room:
                last += 1
            elif first > 0 and sum(heights[first - 1 : last]) <= room:
                first -= 1
            else:
                break
        return recipes[first:last]

    def _cells(self, recipe: str) -> list[str]:
        running = sum(t.recipe == recipe for t in self._running.values())
        finished, *scores = self._scores[recipe]
        return [finished, str(running or ""), *scores]

    def _scores_of(self, recipe: str) -> list[str]:
        records = [r for r in self._records if self._is_of(r, recipe)]
        total = list(self._recipes.values()).count(recipe)
        summary = recipe_summary.summarize_recipe(recipe, trials_of(records))
        mean = "" if summary.mean is None else f"{summary.mean:.4f}"
        if summary.mean_interval is not None:
            low, high = summary.mean_interval
            mean += f" [{low:.4f}, {high:.4f}]"
        return [
            f"{len(records)}/{total}",
            mean,
            "" if summary.maximum is None else f"{summary.maximum:.4f}",
            str(summary.num_failed + summary.num_errors or ""),
        ]

    def _is_of(self, record: dict[str, Any], recipe: str) -> bool:
        return self._recipes[record["trial"]] == recipe

    def _caption(self) -> str:
        parts = [f"{len(self._records)} of {len(self._recipes)} trials"]
        left = self._time_left()
        parts += [f"{left} left"] if left else []
        parts += [self._step] if self._step else []
        return ", ".join(parts)

    def _time_left(self) -> str:
        done = len(self._records) - self._num_before
        if not done:
            return ""
        # Those that run are half done, on average.
        half = len(self._running) / 2
        left = len(self._recipes) - len(self._records) - half
        elapsed = time.monotonic() - self._begin
        seconds = elapsed / (done + half) * left
        return str(datetime.timedelta(seconds=round(seconds)))

    def _line(self, record: dict[str, Any]) -> str:
        name = self._name(record)
        if record["status"] != "ok":
            what = f"{record['status']}: {record['error']}"
        else:
            (scored,) = trials_of([record])
            what = f"{metric_title(record)} {scored.score:.4f}"
            what += " (failed)" if record["is_failed"] else ""
        left = self._time_left()
        return (
            f"{len(self._records)} of {len(self._recipes)}: {name}: {what}"
            + (f"; {left} left" if left else "")
        )

    def _name(self, record: dict[str, Any]) -> str:
        seeds = "/".join(str(seed) for seed in record["seeds"].values())
        return f"{self._recipes[record['trial']]}, seeds {seeds}"

    def _draw(self) -> None:
        if self._is_shown:
            self._live.update(self.render(), refresh=True)


@contextlib.contextmanager
def _logging_to(stream: TextIO, instead_of: TextIO) -> Iterator[None]:
    """Moves what is logged to one stream to another."""
    handlers = [
        handler
        for handler in python_logging.getLogger().handlers
        if getattr(handler, "stream", None) is instead_of
    ]
    for handler in handlers:
        handler.setStream(stream)
    try:
        yield
    finally:
        for handler in handlers:
            handler.setStream(instead_of)
