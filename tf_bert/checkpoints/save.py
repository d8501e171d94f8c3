"""Writing a model as a Hugging Face folder."""

import json
import os
from typing import Any

import numpy as np
import safetensors.numpy
import transformers

from tf_bert.checkpoints import names
from tf_bert.system import file_io


def save_model(
    folder: str,
    *,
    weights: dict[str, Any],
    config: transformers.BertConfig,
    architecture: str,
) -> None:
    """Writes `config.json` and `model.safetensors`.

    The weights have PyTorch's names and layout, so that transformers opens
    the folder with no conversion.

    Args:
        folder: local or `gs://`; made if it is not there.
        weights: Keras variables by path.
        config: of the model.
        architecture: the PyTorch class that opens it, such as
            `BertForSequenceClassification`.
    """
    file_io.make_dirs(folder)
    tensors = {}
    for path, variable in weights.items():
        stored = names.torch_name(path)
        array = np.asarray(variable.numpy(), np.float32)
        tensors[stored.name] = np.ascontiguousarray(
            array.T if stored.is_transposed else array
        )
    # Hugging Face tools refuse a file without this entry.
    data = safetensors.numpy.save(tensors, metadata={"format": "pt"})
    file_io.write_bytes(os.path.join(folder, "model.safetensors"), data)
    fields = config.to_dict()
    fields["architectures"] = [architecture]
    fields["dtype"] = "float32"
    file_io.write_text(
        os.path.join(folder, "config.json"),
        json.dumps(fields, indent=2, sort_keys=True) + "\n",
    )
