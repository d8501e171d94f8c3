"""A model with its tokenizer and its task, from a checkpoint or a finished run.

All that can be wrong with a checkpoint, and with flags about the model, is
found here.
"""

import dataclasses

import tensorflow as tf
import transformers
from absl import logging

from tf_bert.adaptation import freezing, reinit
from tf_bert.checkpoints import load
from tf_bert.checkpoints.fetch import resolve as checkpoint_sources
from tf_bert.config import Config
from tf_bert.data.tasks import known_tasks, positive_class, run_data
from tf_bert.data.tasks.examples import Examples
from tf_bert.data.tokens import tokenizer_files
from tf_bert.data.tokens.tokenization import BertTokenizer
from tf_bert.data.tokens.tokenized_examples import TokenizedExamples
from tf_bert.data.tokens.tokenizer_settings import TokenizerSettings
from tf_bert.models import initialization
from tf_bert.models.sequence_classification import (
    TFBertForSequenceClassification,
)
from tf_bert.optimization import parameter_groups
from tf_bert.runs import kept_head
from tf_bert.training.devices import distribution
from tf_bert.training.inference import Inference

# Some releases round the number of word embeddings up to a multiple of 128.
_LARGEST_PADDING = 127
_HEAD = ("classifier/kernel", "classifier/bias")


@dataclasses.dataclass(frozen=True)
class Classifier:
    """A model with its tokenizer and its task: what predicting needs.

    Attributes:
        task: with its label names, unless it is a regression.
        inference: of the model; it keeps its trace.
        max_seq_length: tokens that a text, or a pair, is cut to.
        new: paths of the variables that were drawn, not loaded.
        loaded: path -> value of the others in the checkpoint, once
            `reload_classifier` has read them.
    """

    task: known_tasks.TaskSpec
    tokenizer: BertTokenizer
    model: TFBertForSequenceClassification
    strategy: tf.distribute.Strategy
    inference: Inference
    max_seq_length: int
    new: frozenset[str] = frozenset()
    loaded: dict[str, tf.Tensor] | None = None

    def tokenize(self, examples: Examples) -> TokenizedExamples:
        """Tokenises a labelled split."""
        encoded = self.tokenizer.encode_all(
            examples.texts,
            examples.text_pairs,
            max_seq_length=self.max_seq_length,
        )
        return TokenizedExamples(
            encoded.input_ids,
            encoded.row_splits,
            encoded.first_lengths,
            examples.labels,
        )


def load_finished(folder: str, config: Config) -> Classifier:
    """Loads the classifier of a finished run, from its `model` folder."""
    settings = tokenizer_files.read_tokenizer_settings(folder)
    strategy = distribution.get_strategy(config, trains=False)
    with strategy.scope():
        model = TFBertForSequenceClassification.from_pretrained(
            folder, dtype=config.precision
        )
    task = run_data.get_trained_task(config)
    if not task.is_regression:
        names = model.config.id2label
        label_names = tuple(names[i] for i in range(len(names)))
        task = dataclasses.replace(
            task,
            label_names=label_names,
            positive_label=positive_class.recorded(
                task.positive_label, label_names
            ),
        )
    return _make_classifier(config, task, settings, model, strategy)


def read_checkpoint(
    config: Config, task: known_tasks.TaskSpec
) -> tuple[str, transformers.BertConfig, TokenizerSettings]:
    """Reads all of a checkpoint but its weights, and checks that it fits.

    Returns:
        Its folder, the configuration of the model to be trained, and the
        tokenizer's settings.
    """
    folder = checkpoint_sources.resolve(config.init_checkpoint)
    model_config = load.read_config(folder)
    settings = tokenizer_files.read_tokenizer_settings(
        folder, do_lower_case=config.do_lower_case
    )
    check_fits(config, model_config, settings, folder)
    reinit.check_blocks(
        num_blocks=model_config.num_hidden_layers,
        reinit_layers=config.reinit_layers,
        freeze=config.freeze,
    )
    _check_layerwise_decay(config, model_config.num_hidden_layers)
    if config.keep_head:
        kept_head.check_kept_head(model_config, task, folder)
    _set_task(model_config, task)
    if config.dropout is not None:
        model_config.hidden_dropout_prob = config.dropout
        model_config.attention_probs_dropout_prob = config.dropout
        model_config.classifier_dropout = None
    return folder, model_config, settings


def _check_layerwise_decay(config: Config, num_blocks: int) -> None:
    """Refuses rates that fall from block to block where none is trained."""
    num_frozen = 0
    if config.freeze is not None:
        stages = freezing.count_stages(config.freeze, num_blocks=num_blocks)
        num_frozen = max(0, stages - 1)  # The embeddings are one too.
    top = [f"encoder/layer_{num_blocks - 1}/"]
    parameter_groups.layerwise_multipliers(
        top if num_frozen < num_blocks else [], config.layerwise_lr_decay
    )


def load_classifier(
    config: Config,
    task: known_tasks.TaskSpec,
    *,
    strategy: tf.distribute.Strategy | None = None,
) -> Classifier:
    """Loads the checkpoint that the training starts from.

    Of a checkpoint that was fine-tuned before, by this program or another, the
    weights alone are taken, and of these not the head, unless it is to be kept:
    it is drawn from `head_seed` like that of any other run. (The paper's code
    keeps a head of the same number of labels, and takes the optimizer's state
    and the step along.)
    """
    folder, model_config, settings = read_checkpoint(config, task)
    strategy = strategy or distribution.get_strategy(config)
    with strategy.scope():
        model, info = TFBertForSequenceClassification.from_pretrained(
            folder,
            config=model_config,
            seed=config.head_seed,
            dtype=config.precision,
            output_loading_info=True,
        )
        absent = frozenset(info["missing_keys"] + info["mismatched_keys"])
        new = absent | _reinitialize(config, model, absent)
    return _make_classifier(config, task, settings, model, strategy, new)


def reload_classifier(classifier: Classifier, config: Config) -> Classifier:
    """Gives a classifier the weights that a training starts from, again.

    From the second time on, without its files: it keeps what they held. That
    takes memory for the weights once more. The configuration may differ from
    that of `load_classifier` in seeds and in what is re-initialised.
    """
    model = classifier.model
    weights = model.weights_by_path()
    loaded = classifier.loaded
    with classifier.strategy.scope():
        if loaded is None:
            loaded = _load_again(weights, config)
        else:
            for path, value in loaded.items():
                weights[path].assign(value)
        absent = weights.keys() - loaded.keys()
        initialization.initialize(
            [weights[path] for path in absent],
            initializer_range=model.config.initializer_range,
            seed=config.head_seed,
        )
        new = absent | _reinitialize(config, model, frozenset(absent))
    return dataclasses.replace(classifier, new=new, loaded=loaded)


def _load_again(weights, config: Config) -> dict[str, tf.Tensor]:
    """Loads a checkpoint into a model; returns what it held."""
    folder = checkpoint_sources.resolve(config.init_checkpoint)
    report = load.load_weights(weights, folder)
    # A variable that changes leaves the value that was read from it alone.
    return {
        path: tf.convert_to_tensor(variable.value)
        for path, variable in weights.items()
        if path not in report.new
    }


def _reinitialize(
    config: Config,
    model: TFBertForSequenceClassification,
    absent: frozenset[str],
) -> frozenset[str]:
    """Draws what is not to be taken from the checkpoint; returns the paths.

    `absent`, what the checkpoint lacks, is drawn already.
    """
    new = reinit.reinitialize_top_layers(
        model,
        config.reinit_layers,
        pooler=config.reinit_pooler,
        seed=config.head_seed,
    )
    if not config.keep_head and not absent.issuperset(_HEAD):
        new |= reinit.reinitialize_head(model, seed=config.head_seed)
    return new


def _make_classifier(
    config, task, settings, model, strategy, new=frozenset()
) -> Classifier:
    return Classifier(
        task=task,
        tokenizer=BertTokenizer.from_settings(settings),
        model=model,
        strategy=strategy,
        inference=Inference(
            model,
            strategy,
            batch_size=config.eval_batch_size,
            static_shapes=distribution.has_static_shapes(config, strategy),
            jit_compile=distribution.is_compiled(config, strategy),
        ),
        max_seq_length=config.max_seq_length,
        new=new,
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
            "`max_seq_length` must not exceed the model's positions. "
            f"Received: max_seq_length={config.max_seq_length}, "
            f"max_position_embeddings={positions} in {folder}. Pass "
            f"--max_seq_length={positions} or less."
        )
    size = len(settings.vocabulary)
    surplus = model_config.vocab_size - size
    if surplus < 0 or surplus > _LARGEST_PADDING:
        raise ValueError(
            "The vocabulary belongs to another model. Received: "
            f"{size} entries in the vocabulary of {folder}, for "
            f"vocab_size={model_config.vocab_size} word embeddings. Pass "
            "another --init_checkpoint."
        )
    if surplus:
        logging.warning(
            "The last %d word embeddings of the checkpoint have no entry in "
            "its vocabulary: taken as padding, and never used.",
            surplus,
        )


def _set_task(
    model_config: transformers.BertConfig, task: known_tasks.TaskSpec
) -> None:
    """Writes the labels into the model's configuration, for every later use."""
    if task.is_regression:
        model_config.num_labels = 1
        model_config.problem_type = "regression"
        return
    model_config.id2label = dict(enumerate(task.label_names))
    model_config.label2id = {n: i for i, n in enumerate(task.label_names)}
    model_config.problem_type = "single_label_classification"
