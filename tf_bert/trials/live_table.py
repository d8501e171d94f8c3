"""The table on the terminal while trials run: one row for each recipe."""

import contextlib
import datetime
import logging as python_logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TextIO

from absl import logging
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    Task,
    TextColumn,
)
from rich.table import Column, Table

from tf_bert.training.progress_bar import ProgressBar
from tf_bert.trials.planned_trials import Trial
from tf_bert.trials.statistics import recipe_summary
from tf_bert.trials.trial_scores import metric_title, trials_of

# Above and below the rows: title, header, and a line that the cursor is in.
_OTHER_LINES = 3


class SilentBar(ProgressBar):
    """A progress bar that shows nothing, but says how far it is.

    Args:
        show: gets a text after each update; None: nobody does.
    """

    def __init__(
        self,
        num_steps: int,
        first_step: int = 0,
        show: Callable[[str], None] | None = None,
    ):
        self._num_steps = num_steps
        self._step = first_step
        self._show = show

    def update(self, num_steps: int, num_examples: int, loss: float) -> None:
        """Moves on."""
        self._step += num_steps
        if self._show is not None:
            text = f"step {self._step} of {self._num_steps}, loss {loss:.3f}"
            self._show(text)

    def write(self, line: str) -> None:
        """Shows nothing."""

    def close(self) -> None:
        """There is nothing to close."""


class _RecipeTable(Progress):
    """A task of rich for each recipe, with a title and column headers.

    Where not all rows have room, that of number `first` is shown first.
    """

    def __init__(self, console: Console, *, disable: bool):
        self.title = ""
        self.first = 0
        self._terminal = console
        self._is_closed = False
        super().__init__(
            TextColumn(
                "{task.description}",
                markup=False,
                table_column=Column("recipe", overflow="fold"),
            ),
            BarColumn(bar_width=8),
            MofNCompleteColumn(table_column=_numbers("trials")),
            *(
                TextColumn(f"{{task.fields[{name}]}}", table_column=column)
                for name, column in {
                    "mean": _numbers("mean [95 % interval]"),
                    "best": _numbers("best"),
                    "failed": _numbers("failed"),
                }.items()
            ),
            console=console,
            disable=disable,
            transient=True,
        )

    def stop(self) -> None:
        """Removes the table from the terminal."""
        # It would draw all rows, and remove no more than the terminal has.
        self._is_closed = True
        super().stop()

    def make_tasks_table(self, tasks: Iterable[Task]) -> Table:
        """Returns the table as it is now."""
        rows = [] if self._is_closed else list(tasks)
        room = max(1, self._terminal.height - _OTHER_LINES)
        first = min(self.first, max(0, len(rows) - room))
        table = super().make_tasks_table(rows[first : first + room])
        table.show_header = True
        table.title = self.title
        table.title_justify = "left"
        return table


def _numbers(header: str) -> Column:
    return Column(header, justify="right", no_wrap=True)


class LiveTable:
    """Shows finished and failed trials, scores, and the time left.

    On a terminal it is a table that is drawn anew; elsewhere (a file, a pipe)
    one line is logged for each finished trial. It gets all trials of the
    sweep, and the records of those that have finished before.
    """

    def __init__(
        self, trials: Sequence[Trial], records: Sequence[dict[str, Any]]
    ):
        self._recipes = {trial.name: trial.recipe for trial in trials}
        labels = list(self._recipes.values())
        self._records = {label: [] for label in labels}
        for record in records:
            self._records[self._recipes[record["trial"]]].append(record)
        self._num_before = self._num_finished = len(records)
        self._num_running = 0
        self._begin = time.monotonic()
        self._is_shown = sys.stderr.isatty()
        self._table = _RecipeTable(
            Console(stderr=True), disable=not self._is_shown
        )
        self._rows = {
            label: self._table.add_task(
                label, total=labels.count(label), mean="", best="", failed=""
            )
            for label in self._records
        }
        for label in self._records:
            self._show_scores(label)
        self._show_step()
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> "LiveTable":
        stderr = sys.stderr
        self._stack.enter_context(self._table)
        # What is written to it now appears above the table.
        self._stack.enter_context(_logging_to(sys.stderr, stderr))
        return self

    def __exit__(self, *_: Any) -> None:
        self._stack.close()

    def make_bar(self, num_steps: int, first_step: int) -> ProgressBar:
        """Returns the bar of a trial that runs in this process."""
        return SilentBar(num_steps, first_step, self._show_step)

    def start(self, trial: Trial) -> None:
        """Says that a trial runs."""
        self._num_running += 1
        self._table.first = list(self._rows).index(trial.recipe)
        self._show_step()

    def _show_step(self, text: str = "") -> None:
        finished = f"{self._num_finished} of {len(self._recipes)} trials"
        parts = [finished, self._time_left(), text]
        self._table.title = ", ".join(filter(None, parts))

    def finish(self, record: dict[str, Any]) -> None:
        """Says that a trial has finished."""
        self._num_running -= 1
        self._num_finished += 1
        label = self._recipes[record["trial"]]
        self._records[label].append(record)
        self._show_scores(label)
        self._show_step()
        if not self._is_shown:
            logging.info("%s", self._line(record))

    def _show_scores(self, label: str) -> None:
        records = self._records[label]
        summary = recipe_summary.summarize_recipe(label, trials_of(records))
        mean = "" if summary.mean is None else f"{summary.mean:.4f}"
        if summary.mean_interval is not None:
            low, high = summary.mean_interval
            mean += f" [{low:.4f}, {high:.4f}]"
        self._table.update(
            self._rows[label],
            completed=len(records),
            mean=mean,
            best="" if summary.maximum is None else f"{summary.maximum:.4f}",
            failed=str(summary.num_failed + summary.num_errors or ""),
        )

    def _time_left(self) -> str:
        done = self._num_finished - self._num_before
        if not done:
            return ""
        # Those that run are half done, on average.
        half = self._num_running / 2
        left = len(self._recipes) - self._num_finished - half
        elapsed = time.monotonic() - self._begin
        seconds = round(elapsed / (done + half) * left)
        return f"{datetime.timedelta(seconds=seconds)} left"

    def _line(self, record: dict[str, Any]) -> str:
        if record["status"] != "ok":
            what = f"{record['status']}: {record['error']}"
        else:
            (scored,) = trials_of([record])
            what = f"{metric_title(record)} {scored.score:.4f}"
            what += " (failed)" if record["is_failed"] else ""
        label = self._recipes[record["trial"]]
        seeds = "/".join(str(seed) for seed in record["seeds"].values())
        return (
            f"{self._num_finished} of {len(self._recipes)}: {label}, seeds "
            f"{seeds}: {what}; {self._time_left()}"
        )


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
