"""Many trainings of one command: seeds, recipes, and what is kept of each."""
