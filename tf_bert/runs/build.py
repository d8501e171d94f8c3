"""From a configuration to everything that a run needs. Writes nothing.

All that can be wrong with files, flags and checkpoints is found here, before
anything is trained or written.
"""

import contextlib
import dataclasses
import re
import zlib
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from absl import logging

from tf_bert.adaptation import freezing
from tf_bert.adaptation.mixout import Mixout
from tf_bert.config import Config, durations, rules
from tf_bert.data.batches import batch_plan as planning
from tf_bert.data.tasks import load_splits, run_data
from tf_bert.data.tokens.tokenized_examples import TokenizedExamples
from tf_bert.optimization import parameter_groups
from tf_bert.optimization.adam_weight_decay import AdamWeightDecay
from tf_bert.runs import parameter_table
from tf_bert.runs.classifier import Classifier, load_classifier, read_checkpoint
from tf_bert.runs.schedule import Schedule, make_schedule
from tf_bert.training import frozen_features
from tf_bert.training.batch_iterator import Batches
from tf_bert.training.devices import distribution
from tf_bert.training.embedding_rows import EmbeddingRows
from tf_bert.training.training_loop import TrainingLoop, trained_variables
from tf_bert.training.update_recorder import UpdateRecorder
from tf_bert.training.weight_average import WeightAverage


@dataclasses.dataclass(frozen=True)
class Run:
    """A training, ready to start.

    Attributes:
        config: with the positive label of the data.
        tokenized: split -> the examples of `data`, as tokens.
        embedding_rows: the rows of the word embeddings that are trained; None
            if these are frozen.
        optimizer: built for the trainable variables, these rows among them.
        loop: over steps; it keeps its trace.
        mixout: None without Mixout.
        recorder: None without `record_updates`.
        average: of the weights; None without `ema_decay`.
    """

    config: Config
    data: load_splits.TaskData
    tokenized: dict[str, TokenizedExamples]
    classifier: Classifier
    embedding_rows: EmbeddingRows | None
    optimizer: AdamWeightDecay
    schedule: Schedule
    loop: TrainingLoop
    mixout: Mixout | None = None
    recorder: UpdateRecorder | None = None
    average: WeightAverage | None = None

    @property
    def batches(self) -> Batches:
        """The packed batches of the training."""
        return self.batches_of(self.schedule.plan, self.schedule.learning_rates)

    def batches_of(
        self, plan: planning.Plan, learning_rates: np.ndarray
    ) -> Batches:
        """The packed batches of another plan of the training data.

        The shapes are fixed where those of the run's own are. The learning
        rates are float32 `[K]`, of each of its steps.
        """
        strategy = self.classifier.strategy
        per_step = {"learning_rate": learning_rates}
        if self.average is not None:
            per_step["average_decay"] = self.average.decays(plan.num_steps)
        seeds = planning.dropout_seeds(self.config.dropout_seed, plan)
        return Batches(
            examples=self.tokenized["train"],
            plan=plan,
            per_step=per_step,
            per_replica={"dropout_seeds": seeds},
            strategy=strategy,
            static_shapes=distribution.has_static_shapes(self.config, strategy),
        )

    def repeated_splits(self) -> dict[str, TokenizedExamples]:
        """The splits that a training goes through again and again.

        Not those that are evaluated once, at the end.
        """
        names = ("train", "validation")
        return {n: self.tokenized[n] for n in names if n in self.tokenized}

    def scored_weights(self) -> contextlib.AbstractContextManager[None]:
        """A time in which the model has the weights that are evaluated.

        Afterwards it has those that it had, bit for bit. Its word embeddings
        must be up to date (`EmbeddingRows.write_back`).
        """
        if self.average is None:
            return contextlib.nullcontext()
        return self.average.used(
            self.classifier.model,
            self.optimizer,
            self.schedule.learning_rates,
        )

    def use_scored_weights(self) -> None:
        """Gives the model the weights that are evaluated, for good.

        With `ema_decay` these are the averages: take no more steps then.
        """
        if self.average is not None:
            self.average.use(
                self.classifier.model,
                self.optimizer,
                self.schedule.learning_rates,
            )

    def state(self) -> dict:
        """Every variable that a resumed run needs, by name."""
        targets = {} if self.mixout is None else self.mixout.state()
        words = self.embedding_rows
        # The model's own word embeddings follow at evaluations alone.
        rows = {} if words is None else {"trained_words": words.rows}
        averages = {} if self.average is None else self.average.state()
        return {
            **self.classifier.model.weights_by_path(),
            **rows,
            **self.optimizer.moments(),
            **self.optimizer.priors(),
            "iterations": self.optimizer.iterations,
            **targets,
            **averages,
        }

    def data_digest(self) -> int:
        """Changes when the training data does, whatever its file is called."""
        tokens = self.tokenized["train"]
        return zlib.crc32(tokens.labels, zlib.crc32(tokens.ids))


def read_data(
    config: Config,
    *,
    record: Mapping[str, Any] | None = None,
    begun: Mapping[str, Any] | None = None,
) -> load_splits.TaskData:
    """Reads the data of a training, and checks what it can be checked for.

    Args:
        config: as `build` takes it.
        record: of the examples of a run that is continued, see `run_data.load`.
        begun: of `RunFolder.begun`, of such a run.
    """
    task = run_data.get_task(config)
    if config.predict_file and config.mode != "inspect":
        run_data.file_to_predict(config, task).check()
    data = run_data.load(config, task, record=record)
    _check_data(config, data)
    return data if begun is None else run_data.as_begun(data, begun)


def build(
    config: Config,
    data: load_splits.TaskData | None = None,
    *,
    strategy: tf.distribute.Strategy | None = None,
) -> Run:
    """Reads the checkpoint and makes all parts of a training.

    Args:
        config: with `mode` train or inspect. An inspection lists all empty
            texts, which a training refuses.
        data: of `read_data`; None reads it.
        strategy: None takes `distribution.get_strategy`'s.
    """
    config = distribution.with_batch_size(config)
    if data is None:
        data = read_data(config)
        run_data.check_is_used(config, data)
    config = dataclasses.replace(
        config, positive_label=data.task.positive_label
    )
    classifier = load_classifier(config, data.task, strategy=strategy)
    freezing.freeze(classifier.model, config.freeze, new=classifier.new)
    tokenized = {
        split: classifier.tokenize(examples)
        for split, examples in data.splits().items()
    }
    with classifier.strategy.scope():
        model = classifier.model
        model.bert.encoder.remat = config.remat
        mixout = _make_mixout(config, model)
        embedding_rows = _make_embedding_rows(model, tokenized["train"])
        variables = trained_variables(model, embedding_rows)
        optimizer = _make_optimizer(
            config,
            paths=[variable.path for variable in variables],
            new=classifier.new,
        )
        optimizer.build(variables)
        average = _make_average(config, variables, embedding_rows)
    run = Run(
        config=config,
        data=data,
        tokenized=tokenized,
        classifier=classifier,
        embedding_rows=embedding_rows,
        optimizer=optimizer,
        schedule=make_schedule(config, tokenized["train"], classifier.strategy),
        loop=TrainingLoop(
            model,
            optimizer,
            classifier.strategy,
            max_grad_norm=config.max_grad_norm,
            label_smoothing=config.label_smoothing_factor,
            embedding_rows=embedding_rows,
            mixout=mixout,
            average=average,
            jit_compile=distribution.is_compiled(config, classifier.strategy),
        ),
        mixout=mixout,
        recorder=UpdateRecorder(variables, optimizer, classifier.strategy)
        if config.record_updates
        else None,
        average=average,
    )
    if config.mode == "train":
        _log_parameters(run)
        if config.cache_frozen_features:
            frozen_features.check_room(
                classifier.inference, run.repeated_splits()
            )
    return run


def check(config: Config, data: load_splits.TaskData) -> None:
    """Finds what is wrong with a training before its weights are read.

    `build` finds it too, and what only the weights can show.
    """
    _check_data(config, data)
    read_checkpoint(config, data.task)
    batch_size = distribution.with_batch_size(config).train_batch_size
    steps_per_epoch = -(-len(data.train) // batch_size)
    durations.warmup_steps(config, config.num_steps(steps_per_epoch))


def _check_data(config: Config, data: load_splits.TaskData) -> None:
    rules.check_smoothing(config, is_regression=data.task.is_regression)
    if config.early_stopping_patience and data.validation is None:
        raise ValueError(
            "Early stopping needs a validation split. Received: "
            f"early_stopping_patience={config.early_stopping_patience}, "
            f"validation_proportion={config.validation_proportion}. Pass "
            "--validation_file or --validation_proportion, or leave out "
            "--early_stopping_patience."
        )


def _make_mixout(config: Config, model: keras.Model) -> Mixout | None:
    if config.mixout == 0:
        return None
    return Mixout(model, config.mixout, gradient=config.mixout_gradient)


def _make_embedding_rows(
    model: keras.Model, examples: TokenizedExamples
) -> EmbeddingRows | None:
    words = model.bert.embeddings.word_embeddings.embeddings
    return EmbeddingRows(words, examples.ids) if words.trainable else None


def _make_average(
    config: Config,
    variables: list[keras.Variable],
    embedding_rows: EmbeddingRows | None,
) -> WeightAverage | None:
    if not config.ema_decay:
        return None
    return WeightAverage(variables, config.ema_decay, embedding_rows)


def _make_optimizer(
    config: Config, *, paths: list[str], new: frozenset[str]
) -> AdamWeightDecay:
    decay, multipliers = config.layerwise_lr_decay, {}
    if decay != 1:
        multipliers = parameter_groups.layerwise_multipliers(paths, decay)
    return AdamWeightDecay(
        # The rate of a step comes with its batch: `Schedule` has it.
        learning_rate=0.0,
        beta_1=config.adam_beta_1,
        beta_2=config.adam_beta_2,
        epsilon=config.adam_epsilon,
        weight_decay_rate=config.weight_decay,
        exclude_from_weight_decay=parameter_groups.NO_DECAY,
        bias_correction=config.bias_correction,
        pretrained_weight_decay=config.pretrained_weight_decay,
        exclude_from_pretrained_weight_decay=_not_pulled(new),
        learning_rate_multipliers=multipliers,
    )


def _not_pulled(new: frozenset[str]) -> list[str]:
    """Patterns of what is not pulled to its start: a new head among them."""
    head = sorted(path for path in new if path.startswith("classifier/"))
    return [*parameter_groups.NO_DECAY, *(f"^{re.escape(p)}$" for p in head)]


def _log_parameters(run: Run) -> None:
    table = parameter_table.render(
        parameter_table.describe(
            run.classifier.model, run.optimizer, run.classifier.new
        ),
        learning_rate=run.config.learning_rate,
    )
    logging.info("The parameters of the model:\n%s", table)
