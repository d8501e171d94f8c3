"""What a task is, and which of its rows are in which split."""
