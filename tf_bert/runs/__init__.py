"""One training from its files to its folder, and what a finished one does."""
