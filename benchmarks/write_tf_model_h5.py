"""Writes tiny checkpoints with transformers 4's TensorFlow classes.

Made the files in tests/checkpoints/transformers_4, which our readers are
tested on, and is run again by the tests marked `large`. It needs transformers
4.57.6 and tf-keras 2.21, which cannot stand in our environment:

    pip install --no-deps --target=t4 transformers==4.57.6 tf-keras==2.21.0 \\
        "tokenizers<0.23" "huggingface_hub<1"
    PYTHONPATH=t4 TF_USE_LEGACY_KERAS=1 python \\
        benchmarks/write_tf_model_h5.py tests/checkpoints/transformers_4

Each folder gets a model; `logits.npy` is what it says to `INPUT_IDS`.
"""

import argparse
import os

import numpy as np
import transformers

INPUT_IDS = [[2, 5, 6, 3], [2, 7, 3, 0]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder")
    parser.add_argument(
        "--all",
        action="store_true",
        help="Writes also what the repository does not keep.",
    )
    arguments = parser.parse_args()
    model = make_model(transformers.TFBertForSequenceClassification)
    save(model, arguments.folder, "whole")
    save(model, arguments.folder, "sharded", max_shard_size="1KB")
    if arguments.all:
        save(model, arguments.folder, "safetensors", safe_serialization=True)
        renamed = make_model(
            transformers.TFBertForSequenceClassification, name="my_model"
        )
        save(renamed, arguments.folder, "renamed")
        bare = make_model(transformers.TFBertModel)
        save(bare, arguments.folder, "bare")
        save(bare, arguments.folder, "bare_sharded", max_shard_size="1KB")
    np.save(
        os.path.join(arguments.folder, "logits.npy"),
        model(np.array(INPUT_IDS)).logits.numpy(),
    )


def make_model(cls, **arguments):
    """Returns a model each of whose weights is drawn, biases included."""
    config = transformers.BertConfig(
        vocab_size=20,
        hidden_size=4,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=6,
        max_position_embeddings=5,
        num_labels=3,
    )
    model = cls(config, **arguments)
    model(np.array(INPUT_IDS))  # Creates the variables.
    rng = np.random.default_rng(0)
    for variable in model.weights:
        variable.assign(rng.normal(size=variable.shape).astype(np.float32))
    return model


def save(model, folder: str, name: str, **arguments) -> None:
    model.save_pretrained(os.path.join(folder, name), **arguments)


if __name__ == "__main__":
    main()
