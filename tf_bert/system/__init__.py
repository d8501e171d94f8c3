"""The machine below: files, signals, errors, random numbers. No room below it."""
