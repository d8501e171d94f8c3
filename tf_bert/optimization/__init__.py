"""Adam with decoupled weight decay, its schedules and its rules."""
