"""The training loop, evaluation, and the state that a run resumes from."""
