"""Where the training loop takes its steps from."""

from typing import Any


class Feed:
    """The steps of a training, from one on.

    Args:
        iterator: over the distributed batches.
    """

    def __init__(self, iterator: Any):
        self._iterator = iterator

    def at(self, step: int, most: int) -> tuple[Any, int]:
        """Returns what the next steps are taken from.

        Args:
            step: that were taken so far, those before the feed's first too.
            most: >= 1. Steps that are wanted in one call of the loop.

        Returns:
            An iterator, and how many steps to take from it, in [1, `most`].
        """
        del step  # One iterator holds them all.
        return self._iterator, most
