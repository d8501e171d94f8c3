"""How many devices share a batch, and which batches they can. No TensorFlow.

A batch size is global: of all devices together. Each device takes the same
number of its examples, for all run one program.
"""

from tf_bert.config import Config


def _sizes(config: Config, *, trains: bool) -> dict[str, tuple[int, int]]:
    """Flag -> the size, and what it is a multiple of on one device."""
    sizes = {"eval_batch_size": (config.eval_batch_size, 1)}
    if trains and config.train_batch_size is not None:
        parts = config.gradient_accumulation_steps
        sizes["train_batch_size"] = (config.train_batch_size, parts)
    return sizes


def largest_count(config: Config, available: int, *, trains: bool) -> int:
    """Returns the largest number of devices that can share the batches.

    Args:
        trains: whether batches of the training count, not only those of the
            evaluation.

    Example:
        >>> config = Config(output_dir="x", train_batch_size=12)
        >>> largest_count(config, 8, trains=True)
        4
        >>> largest_count(config, 8, trains=False)
        8
    """
    sizes = _sizes(config, trains=trains).values()
    return max(
        count
        for count in range(1, available + 1)
        if all(size % (count * unit) == 0 for size, unit in sizes)
    )


def check_count(config: Config, count: int, *, trains: bool) -> None:
    """Checks that so many devices can share the batches."""
    sizes = _sizes(config, trains=trains)
    nearest = {
        name: _nearest_multiple(size, count * unit)
        for name, (size, unit) in sizes.items()
        if size % (count * unit)
    }
    if not nearest:
        return
    received = ", ".join(f"{name}={sizes[name][0]}" for name in nearest)
    parts = config.gradient_accumulation_steps
    if "train_batch_size" in nearest and parts > 1:
        received += f", gradient_accumulation_steps={parts}"
    flags = " ".join(f"--{name}={size}" for name, size in nearest.items())
    raise ValueError(
        "A batch cannot be divided evenly among the devices, or among the "
        f"parts on each. Received: {received}, for {count} devices with "
        f"--distribution={config.distribution}. Pass {flags}, the nearest that "
        "can."
    )


def _nearest_multiple(size: int, unit: int) -> int:
    return max(round(size / unit), 1) * unit
