"""Where it is computed: one device, many, and several machines."""
