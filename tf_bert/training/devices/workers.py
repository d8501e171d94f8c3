"""What several workers tell each other, and what it means when one is lost.

All workers run one program. Where one must decide for all, such as by what it
has on its disk, worker 0 does, the chief, and the others hear of it by the
functions here. Each is a collective operation: all workers call the same ones
in the same order.
"""

import contextlib
import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import keras
import numpy as np
import tensorflow as tf
from absl import logging

from tf_bert.config import Config, differences
from tf_bert.system import log_level, onednn, stop_requests
from tf_bert.system.stop_requests import StopRequest, StopRequested
from tf_bert.training.devices import distribution, rendezvous, start_watch
from tf_bert.training.devices.cluster import Cluster

_Value = TypeVar("_Value")

# As TensorFlow says it of every collective operation that another worker does
# not take part in any more.
_ABORTED = "Collective ops is aborted"
_TASK = re.compile(r"/job:(\w+)/replica:0/task:(\d+)")


class WorkerLost(ConnectionError):
    """Another worker has ended, or cannot be reached, before the end."""


class Workers:
    """The workers of a run; alone, every method is the identity."""

    def __init__(
        self,
        cluster: Cluster | None = None,
        strategy: tf.distribute.Strategy | None = None,
    ):
        self._cluster = cluster
        self.strategy = strategy
        self.is_chief = cluster is None or cluster.is_chief
        self.num_workers = 1 if cluster is None else len(cluster)

    def of_chief(self, value: _Value) -> _Value:
        """Returns the chief's value, JSON, on every worker."""
        if self._cluster is None:
            return value
        content = json.dumps(value).encode() if self.is_chief else b""
        # Padding would need to know the length, too.
        length = int(self._sum(np.array([len(content)]))[0])
        codes = np.zeros([length], np.int32)
        codes[: len(content)] = np.frombuffer(content, np.uint8)
        return json.loads(self._sum(codes).astype(np.uint8).tobytes())

    def by_chief(
        self, compute: Callable[..., _Value], *args: Any
    ) -> _Value | None:
        """Lets the chief compute, while the others wait for its result.

        Args:
            compute: without a collective operation; returns JSON.
        """
        if self._cluster is None:
            return compute(*args)
        if not self.is_chief:
            answer = self.of_chief(None)
            if answer["error"] is not None:
                raise ValueError(
                    f"Worker 0 has ended the run: {answer['error']}"
                )
            return answer["result"]
        try:
            result = compute(*args)
        except (ValueError, OSError) as error:
            self.of_chief({"error": str(error)})
            raise
        self.of_chief({"error": None, "result": result})
        return result

    def of_each(self, values: Iterable[int]) -> np.ndarray:
        """Returns int32 `[workers, K]`: K numbers of each, on every worker."""
        own = np.array([list(values)], np.int32)
        if self._cluster is None:
            return own
        table = np.zeros([len(self._cluster), own.shape[1]], np.int32)
        table[self._cluster.index] = own
        return self._sum(table.ravel()).reshape(table.shape)

    def send(self, variables: Iterable[keras.Variable]) -> None:
        """Gives all workers the chief's values of variables, to the bit.

        All call it with the same variables in the same order.
        """
        if self._cluster is None:
            return
        for variable in variables:
            value = tf.convert_to_tensor(variable).numpy()
            values = value.reshape(-1)
            # As integers: 0.0 + -0.0 is 0.0, and NaN is not itself.
            is_wide = value.nbytes % 4 == 0
            bits = values.view(np.int32 if is_wide else np.uint8)
            if not self.is_chief:
                bits = np.zeros_like(bits)
            bits = self._sum(bits).astype(bits.dtype)
            variable.assign(bits.view(value.dtype).reshape(value.shape))

    def _sum(self, values: np.ndarray) -> np.ndarray:
        return self._traced_sum(tf.constant(values, tf.int32)).numpy()

    @tf.function(
        input_signature=[tf.TensorSpec([None], tf.int32)], autograph=False
    )
    def _traced_sum(self, values: tf.Tensor) -> tf.Tensor:
        return self.strategy.reduce("SUM", values, axis=None)


class AgreedRequest(StopRequest):
    """Whether any worker was asked to stop.

    They must stop behind the same step. So at each boundary between steps all
    tell each other whether they were asked to; and as they talk anyway, how
    many steps come next, which each would find by its own clock.
    """

    def __init__(self, request: StopRequest, workers: Workers):
        super().__init__()
        self._request = request
        self._workers = workers

    def check(self, num_steps: int = 0) -> int:
        """To be called by all workers; returns the chief's `num_steps`."""
        asked, steps = self._workers.of_each(
            [self._request.number or 0, num_steps]
        ).T
        if asked.any():
            # For the same signal everywhere: all end with the same status.
            self.number = self._request.number = int(asked.max())
            raise StopRequested
        return int(steps[0])


@contextlib.contextmanager
def noted(workers: Workers) -> Iterator[StopRequest]:
    """A time in which requests are noted and, between workers, agreed upon."""
    with stop_requests.noted() as request:
        if workers.num_workers > 1:
            request = AgreedRequest(request, workers)
        yield request


# Workers that have met in this process: TensorFlow has their ports since.
_met: set[Cluster] = set()


@contextlib.contextmanager
def joined(config: Config) -> Iterator[Workers]:
    """The time in which this process is a worker of a run.

    Raises:
        ValueError: if TF_CONFIG is wrong, or the workers do not fit a batch.
        RendezvousFailed: if a worker is missing, or has other flags.
        WorkerLost: if another worker is lost.
    """
    cluster = distribution.get_cluster(config)
    if cluster is None:
        yield Workers()
        return
    with losses_explained(cluster), contextlib.ExitStack() as start:
        if cluster not in _met:
            about = {
                **config.as_dict(),
                onednn.VARIABLE: str(int(onednn.is_on())),
            }
            connections = start.enter_context(
                rendezvous.met(cluster, about, differences)
            )
            start.enter_context(start_watch.watched(cluster, connections))
        with _quiet_beside_chief(cluster):
            strategy = distribution.get_strategy(config)
            start.close()
            _met.add(cluster)
            yield Workers(cluster, strategy)


@contextlib.contextmanager
def _quiet_beside_chief(cluster: Cluster) -> Iterator[None]:
    """A time in which a worker leaves it to the chief to say how it goes."""
    if cluster.is_chief or logging.get_verbosity() != logging.INFO:
        yield
        return
    logging.info("All workers are there. Worker 0 reports the progress.")
    with log_level.warnings_alone():
        yield


@contextlib.contextmanager
def losses_explained(cluster: Cluster | None) -> Iterator[None]:
    """A time in which the loss of another worker is said in a sentence."""
    try:
        yield
    except tf.errors.OpError as error:
        if cluster is None or _ABORTED not in str(error):
            raise
        raise WorkerLost(
            f"Lost {_who(cluster, str(error))}. What worker 0 has saved is "
            "whole: see why that worker ended, then give all workers the same "
            "commands again, without --overwrite_output_dir, to continue from "
            "the last saved state."
        ) from error


def _who(cluster: Cluster, message: str) -> str:
    """Returns the name of the worker that an error is about."""
    found = [
        cluster.of_task(job, int(task)) for job, task in _TASK.findall(message)
    ]
    others = [index for index in found if index != cluster.index]
    # What names the worker comes behind the place where it was noticed.
    return cluster.name(others[-1]) if others else "another worker"
