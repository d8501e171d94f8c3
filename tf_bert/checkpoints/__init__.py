"""Checkpoints: where they come from, their formats, and their names."""
