"""Where trials run: here one after another, in processes, on Ray."""
