"""The machine below: files, signals, errors, random numbers."""
