"""Data: tasks, files, splits, tokens, and the batches that a run takes."""
