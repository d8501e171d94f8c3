"""The batch plan: which examples each step takes, and where each one goes.

Decided in NumPy before anything is traced, as a pure function of the seeds,
the lengths, the batch size and the number of replicas; `pipeline.py` assembles
the batches in the graph. So a run can start at any step without replaying.

A step's global batch is divided among the replicas, and a replica's share into
micro-batches (gradient accumulation); each micro-batch is packed by itself.

Letters: K steps, P replicas, M micro-batches, B examples of a micro-batch.
"""

import dataclasses

import numpy as np

from tf_bert.data.batches import packing
from tf_bert.system import seeding


@dataclasses.dataclass(frozen=True)
class Plan:
    """Where every example of every step goes.

    Attributes:
        examples: int32 `[K, P, M, B]`, their numbers from 0; -1 where an
            epoch's last batch has no example left.
        places: int32 `[K, P, M, B]`, where each example begins in the rows of
            its micro-batch, laid end to end.
        num_rows: int32 `[K]`, rows of each micro-batch of the step.
        widths: int32 `[K]`, tokens of a row of the step.
        steps_per_epoch: Steps until every example was taken once.
    """

    examples: np.ndarray
    places: np.ndarray
    num_rows: np.ndarray
    widths: np.ndarray
    steps_per_epoch: int

    @property
    def num_steps(self) -> int:
        """K."""
        return len(self.num_rows)

    @property
    def num_replicas(self) -> int:
        """P."""
        return self.examples.shape[1]

    @property
    def num_micro_batches(self) -> int:
        """M."""
        return self.examples.shape[2]

    @property
    def num_examples(self) -> np.ndarray:
        """int64 `[K]`, the examples that a step really has."""
        return (self.examples >= 0).sum(axis=(1, 2, 3))

    def fill(self, lengths: np.ndarray) -> float:
        """Share of the computed tokens that are real ones, in (0, 1]."""
        real = lengths[self.examples[self.examples >= 0]].sum()
        computed = (self.num_rows.astype(np.int64) * self.widths).sum()
        micro_batches = self.num_replicas * self.num_micro_batches
        return float(real / (computed * micro_batches))


def plan_training(
    lengths: np.ndarray,
    *,
    batch_size: int,
    num_steps: int,
    data_seed: int,
    width: int | None = None,
    num_replicas: int = 1,
    num_micro_batches: int = 1,
    steps_per_shape: int = 1,
) -> Plan:
    """Plans a training: each epoch takes every example once, shuffled.

    The last batch of an epoch may be smaller.

    Args:
        lengths: int `[N]`, tokens of each example.
        batch_size: Global; a multiple of the replicas times the micro-batches.
        num_steps: At least 0.
        data_seed: Decides, with the epoch's number, the order of examples.
        width: Tokens of a row, at least the longest example's, for devices
            that want few shapes (`packing.common_width`); None gives each
            step the width that needs the least computation.
        num_replicas: P.
        num_micro_batches: M, of each replica.
        steps_per_shape: This many consecutive steps get the same number of
            rows, one of few (`packing.shared_rows`); 1 lets each step have
            what it needs.
    """
    per_epoch = -(-len(lengths) // batch_size)
    num_epochs = -(-num_steps // per_epoch)
    order = np.full((num_epochs, per_epoch * batch_size), -1, np.int32)
    for epoch in range(num_epochs):
        shuffled = seeding.generator(data_seed, "order", epoch).permutation(
            len(lengths)
        )
        order[epoch, : len(lengths)] = shuffled
    return _pack(
        order.reshape(-1, batch_size)[:num_steps],
        lengths,
        width=width,
        split=(num_replicas, num_micro_batches),
        steps_per_shape=steps_per_shape,
        steps_per_epoch=per_epoch,
    )


def plan_evaluation(
    lengths: np.ndarray,
    *,
    batch_size: int,
    width: int | None = None,
    num_replicas: int = 1,
    steps_per_shape: int = 1,
) -> Plan:
    """Plans one pass over all examples in their order, each exactly once.

    The arguments are those of `plan_training`.
    """
    num_steps = -(-len(lengths) // batch_size)
    order = np.full(num_steps * batch_size, -1, np.int32)
    order[: len(lengths)] = np.arange(len(lengths))
    return _pack(
        order.reshape(num_steps, batch_size),
        lengths,
        width=width,
        split=(num_replicas, 1),
        steps_per_shape=steps_per_shape,
        steps_per_epoch=num_steps,
    )


def dropout_seeds(dropout_seed: int, plan: Plan) -> np.ndarray:
    """Returns the seed of every micro-batch, int32 `[K, P, M, 2]`."""
    shape = (plan.num_steps, plan.num_replicas, plan.num_micro_batches, 2)
    return (
        seeding.generator(dropout_seed, "dropout")
        .integers(2**31 - 1, size=shape)
        .astype(np.int32)
    )


def _pack(
    examples: np.ndarray,
    lengths: np.ndarray,
    *,
    width: int | None,
    split: tuple[int, int],
    steps_per_shape: int,
    steps_per_epoch: int,
) -> Plan:
    """Packs global batches `[K, P * M * B]`, split into `[P, M]` parts."""
    num_steps, batch_size = examples.shape
    num_replicas, num_micro_batches = split
    parts = num_replicas * num_micro_batches
    if batch_size % parts:
        raise ValueError(
            "A batch must divide evenly among replicas and micro-batches. "
            f"Received: batch_size={batch_size}, replicas={num_replicas}, "
            f"micro-batches={num_micro_batches}. Take "
            f"{batch_size // parts * parts or parts} examples."
        )
    if width is not None and lengths.max(initial=0) > width:
        raise ValueError(
            "A row must hold the longest example. Received: "
            f"width={width}, longest={lengths.max()}."
        )
    examples = examples.reshape(num_steps, parts, batch_size // parts)
    sizes = np.where(examples >= 0, lengths[examples], 0)
    places = np.zeros_like(examples)
    num_rows = np.ones(num_steps, np.int32)
    widths = np.empty(num_steps, np.int32)
    for step in range(num_steps):
        widths[step] = width or max(map(packing.choose_width, sizes[step]))
        for part in range(parts):
            places[step, part], rows = packing.first_fit_decreasing(
                sizes[step, part], int(widths[step])
            )
            num_rows[step] = max(num_rows[step], rows)
    if steps_per_shape > 1:
        num_rows = packing.shared_rows(num_rows, steps_per_shape)
    # An example that is not there begins at 0; its weight is 0.
    places[examples < 0] = 0
    shape = (num_steps, num_replicas, num_micro_batches, batch_size // parts)
    return Plan(
        examples=examples.reshape(shape),
        places=places.reshape(shape),
        num_rows=num_rows,
        widths=widths,
        steps_per_epoch=steps_per_epoch,
    )
