"""What is raised when the numbers of a training run away."""


class TrainingDiverged(ValueError):
    """A loss or a logit that is not finite: NaN or infinity.

    A `ValueError`, for it is the flags that the user can correct; of its own,
    for it is a result of a trial, not an accident.
    """
