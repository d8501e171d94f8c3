"""Which examples a step takes, and how they are packed into rows."""
