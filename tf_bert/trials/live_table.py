"""The table on the terminal while trials run: one row for each recipe."""

import datetime
import sys
import time
from collections.abc import Sequence
from typing import Any

import rich.console
import rich.live
import rich.table
from absl import logging

from tf_bert.statistics import recipe_summary
from tf_bert.training.progress import ProgressBar
from tf_bert.trials.plan import Trial
from tf_bert.trials.trial_scores import trials_of


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
        num_parallel: >= 1. Trials that run at a time.
    """

    def __init__(
        self,
        trials: Sequence[Trial],
        records: Sequence[dict[str, Any]],
        *,
        num_parallel: int = 1,
    ):
        self._recipes = {trial.name: trial.recipe for trial in trials}
        self._records = [r for r in records if r["trial"] in self._recipes]
        self._num_left = len(trials) - len(self._records)
        self._running: dict[str, Trial] = {}
        self._num_parallel = num_parallel
        self._begin = time.monotonic()
        self._num_done = 0
        self._step = ""
        self._live = rich.live.Live(
            console=rich.console.Console(stderr=True),
            auto_refresh=False,
            transient=True,
        )
        self._is_shown = sys.stderr.isatty()

    def __enter__(self) -> "LiveTable":
        if self._is_shown:
            self._live.start()
            self._draw()
        return self

    def __exit__(self, *_: Any) -> None:
        if self._is_shown:
            self._live.stop()

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
        self._num_left -= 1
        self._num_done += 1
        self._draw()
        if not self._is_shown:
            logging.info("%s", self._line(record))

    def render(self) -> rich.table.Table:
        """Returns the table as it is now."""
        table = rich.table.Table(
            box=None,
            header_style="bold",
            caption=self._caption(),
            pad_edge=False,
        )
        table.add_column("recipe")
        columns = ("finished", "running", "mean [95 % interval]", "best")
        for name in (*columns, "failed"):
            table.add_column(name, justify="right", no_wrap=True)
        for recipe in dict.fromkeys(self._recipes.values()):
            table.add_row(recipe, *self._cells(recipe))
        return table

    def _cells(self, recipe: str) -> list[str]:
        records = [r for r in self._records if self._is_of(r, recipe)]
        total = list(self._recipes.values()).count(recipe)
        running = sum(t.recipe == recipe for t in self._running.values())
        summary = recipe_summary.summarize_recipe(recipe, trials_of(records))
        mean = "" if summary.mean is None else f"{summary.mean:.4f}"
        if summary.mean_interval is not None:
            low, high = summary.mean_interval
            mean += f" [{low:.4f}, {high:.4f}]"
        return [
            f"{len(records)}/{total}",
            str(running or ""),
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
        if not self._num_done:
            return ""
        # Those that run are half done, on average.
        done = self._num_done + len(self._running) / 2
        elapsed = time.monotonic() - self._begin
        seconds = (
            elapsed / done * max(0.0, self._num_left - len(self._running) / 2)
        )
        return str(datetime.timedelta(seconds=round(seconds)))

    def _line(self, record: dict[str, Any]) -> str:
        name = f"{self._recipes[record['trial']]}, seeds "
        name += "/".join(str(seed) for seed in record["seeds"].values())
        if record["status"] != "ok":
            what = f"{record['status']}: {record['error']}"
        else:
            (scored,) = trials_of([record])
            what = f"{record['metric']} {scored.score:.4f}"
            what += " (failed)" if record["is_failed"] else ""
        left = self._time_left()
        return (
            f"{len(self._records)} of {len(self._recipes)}: {name}: {what}"
            + (f"; {left} left" if left else "")
        )

    def _draw(self) -> None:
        if self._is_shown:
            self._live.update(self.render(), refresh=True)
