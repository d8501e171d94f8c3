"""Runs the program, and writes down every training step that it takes.

    python benchmarks/counted_run.py STEPS_FILE --task_name=... --output_dir=...

After each call of the training loop, a line with its number of steps is added
to the file: so another process knows that the training is under way, and how
many steps were taken in all, whatever kills this one.
"""

import os
import sys
from typing import Any

import numpy as np

from tf_bert import run
from tf_bert.training.training_loop import TrainingLoop


def count_steps(path: str) -> None:
    """Adds the number of steps of each call of a loop to a file."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    take_steps = TrainingLoop.take_steps

    def counted(loop: TrainingLoop, iterator: Any, number: int) -> np.ndarray:
        losses = take_steps(loop, iterator, number)
        os.write(descriptor, f"{number}\n".encode())
        return losses

    TrainingLoop.take_steps = counted


if __name__ == "__main__":
    count_steps(sys.argv[1])
    sys.exit(run.main(sys.argv[2:]))
