"""From a configuration to everything that a run needs. Writes nothing.

All that can be wrong with files, flags and checkpoints is found here, before
anything is trained or written.
"""

import dataclasses
import zlib

import numpy as np
import tensorflow as tf
import transformers
from absl import logging

from tf_bert import durations, run_data
from tf_bert.checkpoints import load
from tf_bert.checkpoints import sources as checkpoint_sources
from tf_bert.config import Config
from tf_bert.data import pipeline, sources, tasks, tokenizer_files, unlabelled
from tf_bert.data import plan as planning
from tf_bert.data.examples import Examples
from tf_bert.data.tokenization import BertTokenizer
from tf_bert.data.tokenized_examples import TokenizedExamples
from tf_bert.data.tokenizer_settings import TokenizerSettings
from tf_bert.models.sequence_classification import (
    TFBertForSequenceClassification,
)
from tf_bert.optimization import parameter_groups
from tf_bert.optimization.adam_weight_decay import AdamWeightDecay
from tf_bert.optimization.schedules import WarmupDecay
from tf_bert.training import distribution
from tf_bert.training.inference import Inference
from tf_bert.training.loop import trained_variables
from tf_bert.training.trained_words import TrainedWords

# Some releases round the number of word embeddings up to a multiple of 128.
_LARGEST_PADDING = 127


@dataclasses.dataclass(frozen=True)
class Classifier:
    """A model with its tokenizer and its task: what predicting needs.

    Attributes:
        task: with its label names, unless it is a regression.
        tokenizer: in the graph.
        model: built under `strategy`.
        strategy: of `tf_bert.training.distribution`.
        inference: of the model; it keeps its trace.
        max_seq_length: tokens that a text, or a pair, is cut to.
    """

    task: tasks.TaskSpec
    tokenizer: BertTokenizer
    model: TFBertForSequenceClassification
    strategy: tf.distribute.Strategy
    inference: Inference
    max_seq_length: int

    def tokenize(self, examples: Examples) -> TokenizedExamples:
        """Tokenises the texts of a split, or of a chunk to predict."""
        encoded = self.tokenizer.encode_all(
            examples.texts,
            examples.text_pairs,
            max_seq_length=self.max_seq_length,
        )
        labels = examples.labels
        if labels is None:
            labels = np.zeros(len(examples), np.int32)
        return TokenizedExamples(
            encoded.input_ids,
            encoded.row_splits,
            encoded.first_lengths,
            labels,
        )


@dataclasses.dataclass(frozen=True)
class Run:
    """A training, ready to start.

    Attributes:
        config: of the run.
        data: the splits, as texts.
        tokenized: split -> the same, as tokens.
        classifier: the model and what belongs to it.
        trained_words: the rows of its word embeddings that are trained.
        optimizer: built for the model's variables, these rows among them.
        learning_rates: float32 `[K]`, of each step.
        plan: of the training's K steps.
        evaluation_steps: numbers of steps after which the model is evaluated
            and saved, ascending; the last is K.
    """

    config: Config
    data: sources.TaskData
    tokenized: dict[str, TokenizedExamples]
    classifier: Classifier
    trained_words: TrainedWords
    optimizer: AdamWeightDecay
    learning_rates: np.ndarray
    plan: planning.Plan
    evaluation_steps: tuple[int, ...]

    def training_dataset(self, first_step: int) -> tf.data.Dataset:
        """The packed batches from a step (counted from 0) on."""
        return pipeline.packed_dataset(
            self.tokenized["train"],
            self.plan,
            first_step=first_step,
            per_step={"learning_rate": self.learning_rates},
            per_replica={
                "dropout_seeds": planning.dropout_seeds(
                    self.config.dropout_seed, self.plan
                )
            },
        )

    def state(self) -> dict:
        """Every variable that a resumed run needs, by name."""
        return {
            **self.classifier.model.weights_by_path(),
            **self.optimizer.moments(),
            "iterations": self.optimizer.iterations,
        }

    def data_digest(self) -> int:
        """Changes when the training data does, whatever its file is called."""
        tokens = self.tokenized["train"]
        return zlib.crc32(tokens.labels, zlib.crc32(tokens.ids))


def build(config: Config) -> Run:
    """Reads the data and the checkpoint and makes all parts of a training.

    Args:
        config: with `mode` train or inspect. An inspection lists all empty
            texts, which a training refuses.

    Raises:
        ValueError, FileNotFoundError: if a file, flag or checkpoint is wrong.
    """
    config = distribution.with_batch_size(config)
    task = run_data.get_task(config)
    if config.predict_file and config.mode != "inspect":
        unlabelled.check_unlabelled(
            config.predict_file,
            text_column=task.text_column,
            text_pair_column=task.text_pair_column,
            text_format=config.text_format,
        )
    data = run_data.load(config, task)
    if config.early_stopping_patience and data.validation is None:
        raise ValueError(
            "Early stopping must have a validation split. Received: "
            f"early_stopping_patience={config.early_stopping_patience}, "
            f"validation_proportion={config.validation_proportion}. Pass "
            "--validation_file or --validation_proportion, or leave out "
            "--early_stopping_patience."
        )
    classifier = _load_classifier(config, data.task)
    tokenized = {
        split: classifier.tokenize(examples)
        for split, examples in data.splits().items()
    }
    plan = _plan_training(config, tokenized["train"], classifier.strategy)
    with classifier.strategy.scope():
        model = classifier.model
        words = model.bert.embeddings.word_embeddings.embeddings
        trained_words = TrainedWords(words, tokenized["train"].ids)
        schedule, optimizer = _make_optimizer(config, plan.num_steps)
        optimizer.build(trained_variables(model, trained_words))
    _log_optimizer(model, optimizer)
    return Run(
        config=config,
        data=data,
        tokenized=tokenized,
        classifier=classifier,
        trained_words=trained_words,
        optimizer=optimizer,
        learning_rates=np.asarray(
            schedule(np.arange(plan.num_steps, dtype=np.float32))
        ),
        plan=plan,
        evaluation_steps=durations.evaluation_steps(
            config, plan.num_steps, plan.steps_per_epoch
        ),
    )


def load_finished(folder: str, config: Config) -> Classifier:
    """Loads the classifier of a finished run.

    Args:
        folder: the run's `model` folder.
        config: of that run.
    """
    settings = tokenizer_files.read_tokenizer_settings(folder)
    strategy = distribution.get_strategy()
    with strategy.scope():
        model = TFBertForSequenceClassification.from_pretrained(
            folder, dtype=config.precision
        )
    task = run_data.get_task(config)
    if not task.is_regression:
        names = model.config.id2label
        label_names = tuple(names[i] for i in range(len(names)))
        task = dataclasses.replace(task, label_names=label_names)
    return _make_classifier(config, task, settings, model, strategy)


def _load_classifier(config: Config, task: tasks.TaskSpec) -> Classifier:
    """Loads the checkpoint that the training starts from."""
    folder = checkpoint_sources.resolve(config.init_checkpoint)
    model_config = load.read_config(folder)
    settings = tokenizer_files.read_tokenizer_settings(
        folder, do_lower_case=config.do_lower_case
    )
    check_fits(config, model_config, settings, folder)
    _set_task(model_config, task)
    if config.dropout is not None:
        model_config.hidden_dropout_prob = config.dropout
        model_config.attention_probs_dropout_prob = config.dropout
        model_config.classifier_dropout = None
    strategy = distribution.get_strategy()
    with strategy.scope():
        model = TFBertForSequenceClassification.from_pretrained(
            folder,
            config=model_config,
            seed=config.head_seed,
            dtype=config.precision,
        )
    return _make_classifier(config, task, settings, model, strategy)


def _make_classifier(config, task, settings, model, strategy) -> Classifier:
    return Classifier(
        task=task,
        tokenizer=BertTokenizer.from_settings(settings),
        model=model,
        strategy=strategy,
        inference=Inference(model, strategy, batch_size=config.eval_batch_size),
        max_seq_length=config.max_seq_length,
    )


def check_fits(
    config: Config,
    model_config: transformers.BertConfig,
    settings: TokenizerSettings,
    folder: str,
) -> None:
    """Raises `ValueError` if length, model and vocabulary do not fit."""
    positions = model_config.max_position_embeddings
    if config.max_seq_length > positions:
        raise ValueError(
            "`max_seq_length` must not be over the model's positions. "
            f"Received: max_seq_length={config.max_seq_length}, "
            f"max_position_embeddings={positions} in {folder}. Pass "
            f"--max_seq_length={positions} or less."
        )
    size = len(settings.vocabulary)
    surplus = model_config.vocab_size - size
    if surplus < 0 or surplus > _LARGEST_PADDING:
        raise ValueError(
            "The vocabulary must have as many entries as the model has word "
            f"embeddings. Received: {size} entries in the vocabulary of "
            f"{folder}, vocab_size={model_config.vocab_size}. They belong to "
            "different models: pass another --init_checkpoint."
        )
    if surplus:
        logging.warning(
            "The last %d word embeddings of the checkpoint have no entry in "
            "its vocabulary: taken as padding, and never used.",
            surplus,
        )


def _set_task(
    model_config: transformers.BertConfig, task: tasks.TaskSpec
) -> None:
    """Writes the labels into the model's configuration, for every later use."""
    if task.is_regression:
        model_config.num_labels = 1
        model_config.problem_type = "regression"
        return
    model_config.id2label = dict(enumerate(task.label_names))
    model_config.label2id = {n: i for i, n in enumerate(task.label_names)}
    model_config.problem_type = "single_label_classification"


def _plan_training(config, train, strategy) -> planning.Plan:
    steps_per_epoch = -(-len(train) // config.train_batch_size)
    plan = planning.plan_training(
        train.lengths,
        batch_size=config.train_batch_size,
        num_steps=config.num_steps(steps_per_epoch),
        data_seed=config.data_seed,
        num_replicas=strategy.num_replicas_in_sync,
        num_micro_batches=config.gradient_accumulation_steps,
    )
    logging.info(
        "Training: %d steps of %d examples (%d steps per epoch); %.0f %% of "
        "the computed tokens are real ones.",
        plan.num_steps,
        config.train_batch_size,
        steps_per_epoch,
        100 * plan.fill(train.lengths),
    )
    return plan


def _make_optimizer(config: Config, num_steps: int):
    schedule = WarmupDecay(
        config.learning_rate,
        num_steps,
        durations.warmup_steps(config, num_steps),
        decay=config.lr_schedule,
    )
    optimizer = AdamWeightDecay(
        learning_rate=schedule,
        beta_1=config.adam_beta_1,
        beta_2=config.adam_beta_2,
        epsilon=config.adam_epsilon,
        weight_decay_rate=config.weight_decay,
        exclude_from_weight_decay=parameter_groups.NO_DECAY,
        bias_correction=config.bias_correction,
    )
    return schedule, optimizer


def _log_optimizer(model, optimizer) -> None:
    sizes = {v.path: int(np.prod(v.shape)) for v in model.trainable_variables}
    logging.info(
        "%s trainable parameters, %s of them decayed.",
        f"{sum(sizes.values()):,}",
        f"{sum(sizes[path] for path in optimizer.decayed_paths):,}",
    )
