"""`TFBertModel`: BERT without a task's head."""

from typing import Any

from tf_bert.models import outputs, pretrained

Tensor = Any


class TFBertModel(pretrained.PretrainedModel):
    """BERT without a task's head, as in transformers 4.

    Takes the arguments of `PretrainedModel`.
    """

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
        training: bool = False,
    ) -> outputs.TFBaseModelOutputWithPooling | tuple:
        """Runs the model; see `TFBertForSequenceClassification.call`.

        Takes the arguments of that but `labels`, returns a
        `TFBaseModelOutputWithPooling` or the tuple of its fields.
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
            },
        )
        output, _ = self._run_bert(inputs, training, all_tokens=True)
        if not output_hidden_states:
            output.hidden_states = None
        if not output_attentions:
            output.attentions = None
        return output if return_dict else output.to_tuple()


# transformers 4's class, which chose by the configuration: here BERTs alone.
TFAutoModel = TFBertModel
