"""`TFBertForSequenceClassification`: BERT with a classifier or regressor."""

from typing import Any

import keras
from keras import ops

from tf_bert.models import fit_labels, outputs, pretrained
from tf_bert.models.bert import Block
from tf_bert.models.dropout import dropout
from tf_bert.models.initialization import NOT_DRAWN

Tensor = Any


class TFBertForSequenceClassification(pretrained.PretrainedModel):
    """BERT with a linear layer on the pooled first token.

    A drop-in replacement for the class of that name in transformers 4: code
    written for it runs after its import line is changed. `config.num_labels`
    of 1 makes it a regression.

    Takes the arguments of `PretrainedModel`. Known differences: weights are
    loaded for another number of labels without `ignore_mismatched_sizes`;
    a call knows packed inputs too; `head_mask` is refused.

    Example:
        >>> import numpy as np
        >>> import transformers
        >>> config = transformers.BertConfig(
        ...     vocab_size=20,
        ...     hidden_size=8,
        ...     num_hidden_layers=1,
        ...     num_attention_heads=2,
        ...     intermediate_size=16,
        ...     num_labels=3,
        ... )
        >>> model = TFBertForSequenceClassification(config, seed=0)
        >>> output = model(np.array([[2, 5, 3]]), labels=np.array([1]))
        >>> tuple(output.logits.shape), tuple(output["loss"].shape)
        ((1, 3), (1,))

    References:
        Devlin et al., 2019, Section 4. https://arxiv.org/abs/1810.04805
    """

    def _build_head(self) -> None:
        config = self.config
        rate = getattr(config, "classifier_dropout", None)
        self.classifier_dropout = (
            config.hidden_dropout_prob if rate is None else rate
        )
        # Logits are float32 under any policy: softmax and loss need it.
        self.classifier = keras.layers.Dense(
            config.num_labels, name="classifier", dtype="float32", **NOT_DRAWN
        )
        self.classifier.build((None, config.hidden_size))

    def call(
        self,
        input_ids: Tensor | dict[str, Tensor] | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        head_mask: None = None,
        inputs_embeds: Tensor | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool = True,
        labels: Tensor | None = None,
        training: bool = False,
    ) -> outputs.TFSequenceClassifierOutput | tuple:
        """Runs the model.

        Args:
            input_ids: int `[B, S]`; or a dictionary of inputs, which may be
                packed ones (see `tf_bert.models.pretrained.packed_inputs`).
            attention_mask: int `[B, S]`, 0 for padding, on either side of the
                text. Unlike in Hugging Face's BERT, padding attends to
                padding, so hidden states *of padding* differ; and with
                padding on the left, the first real token is pooled, which
                has position 0: Hugging Face's pools the padding.
            token_type_ids: int `[B, S]`, 1 for the second text.
            position_ids: int `[B, S]`. None counts from the first real token.
            head_mask: not supported.
            inputs_embeds: float `[B, S, H]`, instead of `input_ids`.
            output_attentions: adds `attentions`, before dropout (Hugging
                Face's, in training, are after it).
            output_hidden_states: adds `hidden_states`.
            return_dict: False returns a tuple.
            labels: int `[B]` class ids, or float `[B]` with one label: adds
                the loss *of each example*, as transformers' TF class did
                (PyTorch's returns the mean).
            training: turns dropout on.

        Returns:
            `TFSequenceClassifierOutput`, or the tuple of its fields.
        """
        output_attentions, output_hidden_states = self._demanded(
            output_attentions, output_hidden_states
        )
        inputs = pretrained.merge_inputs(
            input_ids,
            {
                "attention_mask": attention_mask,
                "token_type_ids": token_type_ids,
                "position_ids": position_ids,
                "head_mask": head_mask,
                "inputs_embeds": inputs_embeds,
                "labels": labels,
            },
        )
        labels = inputs.pop("labels", None)
        features, seed = self._run_bert(
            inputs,
            training,
            all_tokens=output_hidden_states or output_attentions,
        )
        pooled = features.pooler_output
        if seed is not None:
            site = 1 + Block.DROPOUT_SITES * self.config.num_hidden_layers
            pooled = dropout(pooled, self.classifier_dropout, seed, site)
        logits = self.classifier(pooled)  # [B, C]
        output = outputs.TFSequenceClassifierOutput(
            loss=None
            if labels is None
            else self.hf_compute_loss(labels, logits),
            logits=logits,
            hidden_states=features.hidden_states
            if output_hidden_states
            else None,
            attentions=features.attentions if output_attentions else None,
        )
        return output if return_dict else output.to_tuple()

    def hf_compute_loss(self, labels: Tensor, logits: Tensor) -> Tensor:
        """The model's own loss, float32 `[B]`: a subclass may bring another.

        Args:
            labels: see `call`.
            logits: float32 `[B, C]`.
        """
        return per_example_loss(labels, logits)

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        metrics: Any = None,
        loss_weights: Any = None,
        **options: Any,
    ) -> None:
        """Configures `fit` and `evaluate`; arguments in transformers 4's order.

        They are those of Keras's `compile`. A `loss` of None, "auto",
        "auto_with_warning" or "passthrough" is the model's own (transformers
        4 knew the three words, and None as no loss); `metrics` are of the
        logits.
        """
        if fit_labels.is_own_loss(loss):
            loss = fit_labels.OwnLoss()
        super().compile(
            optimizer=optimizer,
            loss=loss,
            metrics=metrics,
            loss_weights=loss_weights,
            **options,
        )

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        *args: Any,
        validation_data: Any = None,
        class_weight: dict[int, float] | None = None,
        **options: Any,
    ) -> keras.callbacks.History:
        """Trains; labels may be `y`, or "labels" among the inputs.

        Takes the arguments of Keras's `fit`; `y` may be a dictionary with one
        array, and the labels of `validation_data` may be in either place too.

        Raises:
            ValueError: if there are no labels, or two that contradict each
                other.
        """
        if class_weight is not None:
            x = fit_labels.move_labels(x)
        if validation_data is not None:
            held_x, held_y, weights = keras.utils.unpack_x_y_sample_weight(
                validation_data
            )
            validation_data = (held_x, self._labels(held_x, held_y), weights)
        return super().fit(
            x,
            self._labels(x, y),
            *args,
            validation_data=validation_data,
            class_weight=class_weight,
            **options,
        )

    def evaluate(self, x: Any = None, y: Any = None, *args, **options):
        """Scores; labels may be `y`, or "labels" among the inputs.

        Takes the arguments of Keras's `evaluate`, raises what `fit` does.
        """
        return super().evaluate(x, self._labels(x, y), *args, **options)

    def train_on_batch(self, x: Any, y: Any = None, *args, **options):
        """Takes one step; labels may be `y`, or "labels" among the inputs.

        Takes the arguments of Keras's `train_on_batch`, raises what `fit` does.
        """
        return super().train_on_batch(x, self._labels(x, y), *args, **options)

    def _labels(self, x: Any, y: Any) -> Any:
        """Returns the `y` for Keras, which drops weights where it is None."""
        if isinstance(getattr(self, "loss", None), fit_labels.OwnLoss):
            fit_labels.check_same_labels(x, y)
        if hasattr(x, "keys") or hasattr(x, "shape"):  # No dataset.
            return fit_labels.require_labels(x, y)
        return fit_labels.find_labels(x, y)

    def compute_loss(
        self,
        x=None,
        y=None,
        y_pred=None,
        sample_weight=None,
        training=True,
    ):
        """Loss for `fit`: the compiled one, or the model's own."""
        labels = fit_labels.require_labels(x, y)
        predicted = y_pred.logits  # [B, C]
        if isinstance(self.loss, fit_labels.OwnLoss):
            predicted = y_pred.loss  # [B]
            if predicted is None:
                predicted = self.hf_compute_loss(labels, y_pred.logits)
        weight = fit_labels.only_array(sample_weight, "sample_weight")
        return super().compute_loss(x, labels, predicted, weight, training)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        """Metrics for `fit`, on the logits."""
        labels = fit_labels.require_labels(x, y)
        weight = fit_labels.only_array(sample_weight, "sample_weight")
        return super().compute_metrics(x, labels, y_pred.logits, weight)


# transformers 4's class, which chose by the configuration: here BERTs alone.
TFAutoModelForSequenceClassification = TFBertForSequenceClassification


def per_example_loss(
    labels: Tensor, logits: Tensor, *, label_smoothing: float = 0.0
) -> Tensor:
    """Cross-entropy, or squared error where there is one logit: float32 `[B]`.

    Args:
        labels: int `[B]` in [0, C), or float `[B]` where C is 1.
        logits: float32 `[B, C]`.
        label_smoothing: e in [0, 1): the loss is `(1 - e)` times that of the
            true class and `e` times the mean over all classes, the true one
            too, as in PyTorch and transformers. Above 0 where C is 1, it is
            a `ValueError`.

    References:
        Szegedy et al., 2016, Section 7. https://arxiv.org/abs/1512.00567
    """
    if label_smoothing and logits.shape[-1] == 1:
        raise ValueError(
            "A regression, with one logit, has no labels to smooth. Received: "
            f"label_smoothing={label_smoothing}. Leave out "
            "--label_smoothing_factor."
        )
    labels = ops.reshape(labels, [-1])
    if logits.shape[-1] == 1:
        return ops.square(logits[:, 0] - ops.cast(labels, logits.dtype))
    of_class = ops.sparse_categorical_crossentropy(
        ops.cast(labels, "int32"), logits, from_logits=True
    )
    if not label_smoothing:
        return of_class
    of_all = -ops.mean(ops.log_softmax(logits), axis=-1)
    return (1 - label_smoothing) * of_class + label_smoothing * of_all
