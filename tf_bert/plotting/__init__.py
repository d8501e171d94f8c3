"""Pictures of a run, for the screen and for print."""
