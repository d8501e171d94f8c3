"""`--mode=export`: a finished run as a SavedModel that takes raw texts.

What is written needs TensorFlow and tensorflow-text, and nothing of this
package: tokenizer, model and softmax are one graph.

Letters: N texts, C labels, S tokens of the longest text of the N.
"""

import dataclasses

import tensorflow as tf

from tf_bert.config import Config
from tf_bert.runs import run_folder
from tf_bert.runs.classifier import Classifier, load_finished
from tf_bert.runs.run_folder import RunFolder
from tf_bert.system import log_level

_USAGE = """\
Wrote {path}. It needs TensorFlow and tensorflow-text, not this package:

  import tensorflow as tf, tensorflow_text
  model = tf.saved_model.load({path!r})
  model.signatures["serving_default"]({arguments})"""


def export_run(config: Config) -> str:
    """Writes `saved_model/` beside the model of a run; returns its path.

    An earlier export is replaced. Everything is computed in float32, whatever
    the run's precision.
    """
    folder = RunFolder(config.output_dir)
    classifier = load_finished(
        folder.join(run_folder.MODEL),
        dataclasses.replace(
            config, precision="float32", distribution="one_device"
        ),
    )
    path = folder.join(run_folder.SAVED_MODEL)
    served = ServedClassifier(classifier)
    with (
        folder.written.open_folder_writer(run_folder.SAVED_MODEL) as temporary,
        log_level.warnings_alone(),
    ):
        tf.saved_model.save(served, temporary, signatures=served.signatures())
    text = 'tf.constant(["A text."])'
    arguments = f"text={text}"
    if classifier.task.text_pair_column is not None:
        arguments += f", text_pair={text}"
    print(_USAGE.format(path=path, arguments=arguments))
    return path


class ServedClassifier(tf.Module):
    """From raw texts to labels and probabilities, in one graph.

    Nothing is refused here: an empty text, which `--mode=predict` takes for a
    mistake in the file, gets what the model says of ``[CLS] [SEP]``; bytes that
    are not UTF-8 make their word [UNK].

    Args:
        classifier: of `load_finished`, with a float32 model.
    """

    def __init__(self, classifier: Classifier):
        super().__init__()
        self._classifier = classifier
        # A SavedModel keeps the variables that its object holds. The Keras
        # model is not held itself: it would add traces of its own.
        self.model_variables = [
            variable.value
            for variable in classifier.model.weights_by_path().values()
        ]

    def signatures(self) -> dict[str, tf.types.experimental.GenericFunction]:
        """Returns the functions of the SavedModel, by name.

        ``serving_default`` takes `text`, string `[N]`, and for pairs
        `text_pair`, string `[N]`; N may be 0. It returns `label`, string `[N]`,
        and `probabilities`, float32 `[N, C]`; for a regression `score`, float32
        `[N]`. ``label_names``, unless it is a regression, takes nothing and
        returns `label_names`, string `[C]`, in the order of the probabilities.
        """
        names = ["text"]
        if self._classifier.task.text_pair_column is not None:
            names.append("text_pair")
        serve = tf.function(
            self._predict,
            input_signature=[
                tf.TensorSpec([None], tf.string, name=name) for name in names
            ],
        )
        if self._classifier.task.is_regression:
            return {"serving_default": serve}
        return {
            "serving_default": serve,
            "label_names": tf.function(
                lambda: {"label_names": self._label_names()}, input_signature=[]
            ),
        }

    def _predict(
        self, text: tf.Tensor, text_pair: tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]:
        logits = self._logits(text, text_pair)  # [N, C]
        if self._classifier.task.is_regression:
            return {"score": logits[:, 0]}
        return {
            "label": tf.gather(self._label_names(), tf.argmax(logits, axis=1)),
            "probabilities": tf.nn.softmax(logits),
        }

    def _logits(
        self, text: tf.Tensor, text_pair: tf.Tensor | None
    ) -> tf.Tensor:
        tokenizer = self._classifier.tokenizer
        batch = tokenizer.encode(
            text, text_pair, max_seq_length=self._classifier.max_seq_length
        )
        ids = batch.input_ids.to_tensor(tokenizer.pad_token_id)  # [N, S]
        mask = tf.sequence_mask(
            batch.input_ids.row_lengths(), tf.shape(ids)[1], tf.int32
        )
        first = tf.sequence_mask(
            batch.first_lengths, tf.shape(ids)[1], tf.int32
        )
        inputs = {
            "input_ids": ids,
            "attention_mask": mask,
            "token_type_ids": mask - first,
        }
        return self._classifier.model(inputs, training=False).logits

    def _label_names(self) -> tf.Tensor:
        return tf.constant(self._classifier.task.label_names)
