"""The package in Python programs and notebooks: load, fine-tune, predict.

    import tf_bert

    examples = tf_bert.load_examples("train.csv")
    tf_bert.fine_tune(
        tf_bert.Config(train_file="train.csv", output_dir="runs/mine")
    )
    tf_bert.predict("runs/mine", ["Where is my card?"]).labels

`Config` stands in `config/`, `fine_tune` in `finetune.py`.
"""

import dataclasses
import os
from collections.abc import Iterable, Sequence

import numpy as np

from tf_bert.checkpoints import formats, load
from tf_bert.checkpoints.fetch import resolve as checkpoint_sources
from tf_bert.config import Config
from tf_bert.config.text_format import TextFormat
from tf_bert.data.readers.unlabelled import UnlabelledFile
from tf_bert.data.tasks import load_splits, run_data
from tf_bert.data.tasks.examples import Examples
from tf_bert.data.tokens import tokenizer_files
from tf_bert.runs import predictions, run_folder, stored_config
from tf_bert.runs.classifier import check_fits, load_finished
from tf_bert.system import file_io
from tf_bert.training import inference


@dataclasses.dataclass(frozen=True, eq=False)
class LoadedExamples(Examples):
    """`Examples`, with the names of their class ids.

    Args:
        label_names: C names, in the order of the ids in `labels`. None for
            scores and for unlabelled rows.
    """

    label_names: tuple[str, ...] | None = None


def load_examples(
    path: str,
    *,
    text_column: str = "text",
    text_pair_column: str | None = None,
    label_column: str | None = "label",
    label_names: Sequence[str] | None = None,
    task_type: str = "classification",
    encoding: str | None = None,
    delimiter: str | None = None,
) -> LoadedExamples:
    """Reads a file of texts, as a run reads its `train_file`.

    Args:
        path: A file of a format that `--train_file` takes, local or `gs://`.
        text_column: Name in the header; or digits, the number of the column
            counted from 1, in a file without a header.
        text_pair_column: Name or number of the column of a second text;
            None: single texts.
        label_column: Name or number of the column of the label; None:
            unlabelled examples.
        label_names: Labels as the file spells them, in the order of their
            ids; None: the different labels of the file, sorted.
        task_type: `classification`, or `regression` for labels that are
            scores.
        encoding: Of a text file, see `TextFormat`; None: UTF-8.
        delimiter: Of a text file, see `TextFormat`; None: detected.

    Returns:
        The rows in file order: `texts`, `text_pairs`, `labels` (int32 `[N]`
        class ids, float32 `[N]` scores, or None) and `label_names`.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A column is not there or a row is wrong; the message names
            file, row and column.

    Example:
        >>> import importlib.resources
        >>> folder = importlib.resources.files("tf_bert.data")
        >>> path = str(folder / "product_reviews" / "test.tsv")
        >>> examples = load_examples(path)
        >>> len(examples), examples.label_names
        (200, ('negative', 'positive'))
    """
    text_format = TextFormat(encoding, delimiter)
    if label_column is None:
        return _load_unlabelled(
            path, text_column, text_pair_column, text_format
        )
    task = run_data.get_task(
        Config(
            output_dir=".",
            text_column=text_column,
            text_pair_column=text_pair_column,
            label_column=label_column,
            label_names=None if label_names is None else tuple(label_names),
            task_type=task_type,
        )
    )
    if task.label_names is None:
        task, examples = load_splits.load_train(
            task, path, text_format=text_format
        )
    else:
        examples = load_splits.load_split(task, path, text_format=text_format)
    return LoadedExamples(**vars(examples), label_names=task.label_names)


@dataclasses.dataclass(frozen=True, eq=False)
class Predictions:
    """What a model says about N texts, in their order.

    Attributes:
        labels: N names, the most probable class of each; None for regression.
        probabilities: float64 `[N, C]`, each row sums to 1; None for
            regression.
        label_names: C names, of the columns of `probabilities`; None for
            regression.
        scores: float32 `[N]` for regression; None for classes.
    """

    labels: tuple[str, ...] | None = None
    probabilities: np.ndarray | None = None
    label_names: tuple[str, ...] | None = None
    scores: np.ndarray | None = None


class Predictor:
    """A model that is loaded once and predicts many times.

    Args:
        folder: That of a run (`--output_dir`) that has ended, or the `model`
            folder in it: predicts as `--mode=predict` does. Or any Hugging
            Face folder, or hub id, of a BERT with a trained classifier: then
            texts are cut to as many tokens as the model has positions.

    Attributes:
        max_seq_length: Tokens that a text, or a pair, is cut to.
        label_names: Of the classes, in the order of their ids; None for
            regression.

    Raises:
        FileNotFoundError: There is no such folder, or its run has not ended.
        ValueError: The files are damaged, or no model for this.
    """

    def __init__(self, folder: str | os.PathLike[str]):
        folder = os.fspath(folder)
        run = _find_run(folder)
        if run is None:
            model_folder = checkpoint_sources.resolve(folder)
            config = _model_config(model_folder)
        else:
            model_folder = os.path.join(run, run_folder.MODEL)
            config = stored_config.stored_config(output_dir=run)
        self._is_run = run is not None
        self._classifier = load_finished(model_folder, config)
        self.max_seq_length = self._classifier.max_seq_length
        self.label_names = self._classifier.task.label_names

    def predict(
        self, texts: Iterable[str], text_pairs: Iterable[str] | None = None
    ) -> Predictions:
        """Returns the label, or the score, of each text, in their order.

        Args:
            texts: N texts; a list, an array, a column of a data frame.
            text_pairs: N second texts, for a model that was trained on pairs.

        Raises:
            ValueError: A text is empty or no string; or there are second
                texts where the run had none, or none where it had them.
        """
        examples = _as_examples(texts, text_pairs)
        self._check_pairs(examples)
        classifier = self._classifier
        if len(examples):
            logits = predictions.predict_on_texts(
                classifier, examples.texts, examples.text_pairs
            )
        else:
            logits = np.zeros([0, classifier.model.config.num_labels])
        if classifier.task.is_regression:
            return Predictions(scores=logits[:, 0])
        probabilities = inference.probabilities(logits)
        return Predictions(
            labels=tuple(self.label_names[i] for i in logits.argmax(axis=-1)),
            probabilities=probabilities,
            label_names=self.label_names,
        )

    def _check_pairs(self, examples: Examples) -> None:
        column = self._classifier.task.text_pair_column
        is_given = examples.text_pairs is not None
        if self._is_run and is_given != (column is not None):
            raise ValueError(
                f"The model was trained {'on' if column else 'without'} pairs "
                f"of texts. Received: text_pairs "
                f"{'given' if is_given else 'not given'}, and a run with "
                f"text_pair_column={column!r}. "
                f"{'Leave them out' if is_given else 'Give them'}."
            )


def predict(
    folder: str | os.PathLike[str],
    texts: Iterable[str],
    text_pairs: Iterable[str] | None = None,
) -> Predictions:
    """Predicts with the model in a folder; see `Predictor` for many calls.

    Loading takes seconds each time. Arguments and errors are those of
    `Predictor` and `Predictor.predict`.
    """
    # Checked before a model is loaded, which takes seconds.
    examples = _as_examples(texts, text_pairs)
    return Predictor(folder).predict(examples.texts, examples.text_pairs)


def _load_unlabelled(
    path: str,
    text_column: str,
    text_pair_column: str | None,
    text_format: TextFormat,
) -> LoadedExamples:
    file = UnlabelledFile(path, text_column, text_pair_column, text_format)
    chunks = list(file.chunks())
    texts = tuple(text for chunk in chunks for text in chunk.texts)
    pairs = None
    if text_pair_column is not None:
        pairs = tuple(text for chunk in chunks for text in chunk.text_pairs)
    return LoadedExamples(
        texts=texts,
        text_pairs=pairs,
        labels=None,
        row_numbers=np.arange(1, len(texts) + 1),
        source=path,
    )


def _find_run(folder: str) -> str | None:
    """Returns the folder of the run that `folder` is, or is the model of."""
    path = folder.rstrip("/")
    parent, name = os.path.split(path)
    # An unfinished run, which has checkpoints alone, is refused as such.
    for part in (run_folder.MODEL, run_folder.CHECKPOINTS):
        if file_io.is_dir(os.path.join(path, part)):
            return path
    results = os.path.join(parent, run_folder.RESULTS)
    if name == run_folder.MODEL and file_io.exists(results):
        return parent
    return None


def _model_config(folder: str) -> Config:
    """Returns how to predict with a model of which nothing else is known."""
    model_config = load.read_config(folder)
    is_regression = model_config.num_labels == 1
    config = Config(
        output_dir=folder,
        max_seq_length=model_config.max_position_embeddings,
        task_type="regression" if is_regression else "classification",
    )
    settings = tokenizer_files.read_tokenizer_settings(folder)
    check_fits(config, model_config, settings, folder)
    _check_is_trained(folder)
    return config


def _check_is_trained(folder: str) -> None:
    """Raises unless the weights of the head are there: none may be drawn."""
    weights = formats.open_weights(folder)
    for path in (
        "classifier/kernel",
        "classifier/bias",
        "bert/pooler/dense/kernel",
    ):
        name = weights.stored_name(path).name
        if name not in weights.shapes:
            raise ValueError(
                "This model has no trained classifier, and cannot predict. "
                f"Received: {weights.file} without {name}. Fine-tune it "
                "first, or give the folder of another model."
            )


def _as_examples(
    texts: Iterable[str], text_pairs: Iterable[str] | None
) -> Examples:
    texts = _as_texts("texts", texts)
    if text_pairs is not None:
        text_pairs = _as_texts("text_pairs", text_pairs)
    return Examples(
        texts=texts,
        text_pairs=text_pairs,
        labels=None,
        row_numbers=np.arange(1, len(texts) + 1),
        source="texts",
    )


def _as_texts(name: str, texts: Iterable[str]) -> tuple[str, ...]:
    if isinstance(texts, str | bytes):
        raise ValueError(
            f"`{name}` must be a list of texts. Received: {name}={texts!r}. "
            "Put a single text into a list."
        )
    texts = tuple(texts)
    for index, text in enumerate(texts):
        if not isinstance(text, str) or not text.strip():
            raise ValueError(
                f"One of `{name}` is empty or no text. Received: "
                f"{name}[{index}]={text!r}. Fill in the text, or leave it out."
            )
    return texts
