"""The progress bar of a training."""

import sys

import tqdm
from absl import logging


class ProgressBar:
    """Shows step, loss, examples per second and time left.

    On a terminal it is a bar; elsewhere (a file, a pipe) only `write` shows.
    """

    def __init__(self, num_steps: int, first_step: int = 0):
        self._bar = tqdm.tqdm(
            total=num_steps,
            initial=first_step,
            unit="step",
            dynamic_ncols=True,
            disable=not sys.stderr.isatty(),
            bar_format="{l_bar}{bar}| {n_fmt}/{total_fmt} steps, "
            "{remaining} left{postfix}",
        )
        self._examples = 0

    def update(self, num_steps: int, num_examples: int, loss: float) -> None:
        """Moves the bar."""
        self._examples += num_examples
        elapsed = self._bar.format_dict["elapsed"]
        rate = self._examples / elapsed if elapsed else 0.0
        self._bar.set_postfix_str(
            f"loss {loss:.3f}, {rate:.0f} examples/s", refresh=False
        )
        self._bar.update(num_steps)

    def write(self, line: str) -> None:
        """Prints a line above the bar, or logs it."""
        if self._bar.disable:
            logging.info("%s", line)
        else:
            self._bar.write(line, file=sys.stderr)

    def close(self) -> None:
        """Leaves the bar as it is."""
        self._bar.close()
