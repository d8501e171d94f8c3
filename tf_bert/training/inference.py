"""Running a model over a split or over texts, each exactly once, in order."""

import dataclasses
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from tf_bert.data.batches import batch_plan as planning
from tf_bert.data.batches import pipeline, text_batches
from tf_bert.data.batches.packing import common_width
from tf_bert.data.tokens.tokenization import EncodedTexts
from tf_bert.data.tokens.tokenized_examples import TokenizedExamples
from tf_bert.models.pretrained import packed_inputs
from tf_bert.training.devices import distribution

# Of a batch of texts: one trace for all shapes.
_OPEN_SHAPES = {
    "input_ids": tf.TensorSpec([None, None, None], tf.int32),
    "token_type_ids": tf.TensorSpec([None, None, None], tf.int32),
    "position_ids": tf.TensorSpec([None, None, None], tf.int32),
    "example_ids": tf.TensorSpec([None, None, None], tf.int32),
    "cls_positions": tf.TensorSpec([None, None], tf.int32),
}


@dataclasses.dataclass(frozen=True)
class _Stream:
    """The batches of some examples, over and over."""

    plan: planning.Plan
    iterator: Any


class Inference:
    """Computes outputs; traces once for each kind, whatever the shapes.

    Args:
        batch_size: >= 1. Global; a multiple of the replicas.
        static_shapes: one known shape for all batches of some examples, or
            one for each width of texts, and a trace for each; False: one
            trace for all shapes.
        jit_compile: whether XLA compiles a pass. Shapes must be static then.

    Attributes:
        seconds: that its steps have taken in all.
    """

    def __init__(
        self,
        model: Any,
        strategy: tf.distribute.Strategy,
        *,
        batch_size: int,
        static_shapes: bool = False,
        jit_compile: bool = False,
    ):
        self.model = model
        self.strategy = strategy
        self.batch_size = batch_size
        self._static_shapes = static_shapes
        self._jit_compile = jit_compile
        self.seconds = 0.0
        # To open one takes longer than a step; it goes with its examples.
        self._streams: weakref.WeakKeyDictionary[TokenizedExamples, _Stream] = (
            weakref.WeakKeyDictionary()
        )
        self._texts_step = tf.function(
            self._run_on_texts,
            input_signature=None if static_shapes else [_OPEN_SHAPES],
            autograph=False,
        )

    def logits(
        self,
        examples: TokenizedExamples,
        *,
        between_batches: Callable[[], None] | None = None,
    ) -> np.ndarray:
        """Returns the logits of every example, in order.

        Args:
            between_batches: is called after each batch; what it raises ends
                this. None calls nothing.

        Returns:
            float32 `[N, C]`.
        """
        parts = []
        for _, (logits, weights) in self._run(examples, self._logits_step):
            parts.append(logits[weights > 0])
            if between_batches is not None:
                between_batches()
        return np.concatenate(parts)

    def logits_of_texts(self, texts: EncodedTexts) -> np.ndarray:
        """Returns the logits of texts, in order, whatever their number.

        A batch has at most `batch_size` rows, each with as many texts as fit
        (`text_batches`), so all its shapes are some few.

        Returns:
            float32 `[N, C]`.
        """
        start = time.perf_counter()
        num_replicas = self.strategy.num_replicas_in_sync
        batches = text_batches.pack(
            texts,
            most_rows=self.batch_size // num_replicas,
            num_replicas=num_replicas,
            is_one_height=self._static_shapes,
        )
        # A device may be at work on a batch while the next is packed.
        outputs = [(x, self._texts_step(x.inputs)) for x in batches]
        numbers = np.concatenate([batch.numbers for batch, _ in outputs])
        logits = np.concatenate(
            [
                np.concatenate([x.numpy() for x in of_replicas])[batch.slots]
                for batch, of_replicas in outputs
            ]
        )
        self.seconds += time.perf_counter() - start
        return logits[np.argsort(numbers)]

    def frozen_features(
        self, examples: TokenizedExamples
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Runs the frozen layers alone; there must be some.

        Yields:
            Tuple `(numbers, features)` for some examples, all of them once
            and in order: their numbers `[E]`, and float32 `[A, H]` of their
            tokens, or `[E, H]` where all blocks are frozen.
        """
        is_per_token = not self.model.bert.has_frozen_encoder
        for places, (features, weights) in self._run(
            examples, self._features_step
        ):
            numbers, places = places[:, weights > 0]
            if is_per_token:
                sizes = examples.lengths[numbers]
                starts = np.cumsum(sizes) - sizes
                features = features[
                    np.repeat(places - starts, sizes) + np.arange(sizes.sum())
                ]
            else:
                features = features[weights > 0]
            yield numbers, features

    def _run(self, examples, step):
        """Yields numbers and places `[2, B]`, and outputs, of each batch."""
        # A stream that is not read to its end is not used again.
        stream = self._streams.pop(examples, None) or self._open(examples)
        plan = stream.plan
        for number in range(plan.num_steps):
            start = time.perf_counter()
            results = [
                [output.numpy() for output in outputs]
                for outputs in step(stream.iterator)
            ]
            self.seconds += time.perf_counter() - start
            for replica, outputs in enumerate(results):
                share = np.stack(
                    [
                        plan.examples[number, replica, 0],
                        plan.places[number, replica, 0],
                    ]
                )
                yield share, tuple(outputs)
        self._streams[examples] = stream

    def _open(self, examples: TokenizedExamples) -> "_Stream":
        num_replicas = self.strategy.num_replicas_in_sync
        shapes = {}
        if self._static_shapes:
            share = self.batch_size // num_replicas
            shapes["width"] = common_width(examples.lengths, share)
            shapes["steps_per_shape"] = max(len(examples), 2)
        plan = planning.plan_evaluation(
            examples.lengths,
            batch_size=self.batch_size,
            num_replicas=num_replicas,
            **shapes,
        )
        iterator = distribution.iterate(
            self.strategy,
            lambda replicas: pipeline.packed_dataset(
                examples,
                plan,
                replicas=replicas,
                static_shapes=self._static_shapes,
            ).repeat(),
        )
        return _Stream(plan, iterator)

    @tf.function(autograph=False)
    def _logits_step(self, iterator):
        return self._of_all(
            self._run_on_replicas(self._logits, iterator.get_next())
        )

    def _logits(self, element):
        inputs = pipeline.model_inputs(element, 0)
        logits = self.model(inputs, training=False).logits  # [B, C]
        return logits, element["example_weight"][0]

    @tf.function(autograph=False)
    def _features_step(self, iterator):
        return self._of_all(
            self._run_on_replicas(self._features, iterator.get_next())
        )

    def _features(self, element):
        inputs = packed_inputs(pipeline.model_inputs(element, 0))
        features = self.model.bert.frozen_features(inputs)  # [T, H] or [B, H]
        return tf.cast(features, tf.float32), element["example_weight"][0]

    def _run_on_texts(self, inputs):
        """Returns the logits `[E, C]` of each replica, from `[P, ...]`."""
        outputs = self._of_all(
            self._run_on_replicas(self._logits_of_share, inputs)
        )
        return [logits for (logits,) in outputs]

    def _logits_of_share(self, inputs):
        # Every replica is given all and takes its own: no iterator, which
        # would be one for each call, and the same on several workers.
        context = tf.distribute.get_replica_context()
        replica = context.replica_id_in_sync_group
        share = {name: values[replica] for name, values in inputs.items()}
        return (self.model(share, training=False).logits,)  # [E, C]

    def _run_on_replicas(self, step, element):
        def compiled(element):
            # One for each replica: what it reads are its own copies.
            return tf.function(step, jit_compile=True, autograph=False)(element)

        return self.strategy.run(
            compiled if self._jit_compile else step, (element,)
        )

    def _of_all(self, outputs):
        """Returns the outputs of all replicas, those of other workers too.

        Every worker gets all, so all compute the same.
        """
        strategy = self.strategy
        num_replicas = strategy.num_replicas_in_sync
        results = [strategy.experimental_local_results(x) for x in outputs]
        if len(results[0]) < num_replicas:
            # All replicas of a step have one shape.
            results = [
                tf.split(strategy.gather(x, axis=0), num_replicas)
                for x in outputs
            ]
        return list(zip(*results, strict=True))


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Softmax over the classes, in float64, `[N, C]`."""
    shifted = logits.astype(np.float64)
    shifted -= shifted.max(axis=-1, keepdims=True)
    exponentials = np.exp(shifted)
    return exponentials / exponentials.sum(axis=-1, keepdims=True)
