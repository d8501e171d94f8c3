"""Files of PyTorch, read without PyTorch and without running their code."""
