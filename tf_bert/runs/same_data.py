"""Whether several workers have read the same data, each on its machine."""

import dataclasses
import zlib

from tf_bert.config import Config
from tf_bert.data.tasks.examples import Examples
from tf_bert.data.tasks.load_splits import TaskData
from tf_bert.data.tasks.task_spec import TaskSpec
from tf_bert.runs.classifier import read_checkpoint
from tf_bert.system import file_io
from tf_bert.training.devices.workers import Workers

_KINDS = (
    "training data",
    "validation or test data",
    "predict_file",
    "model or vocabulary of init_checkpoint",
)


def check_same(workers: Workers, config: Config, data: TaskData) -> None:
    """Refuses a run whose workers would train on different data.

    All of them call this. Every worker takes its part of each batch from all of
    the data. Weights are not compared: all get those of worker 0. Of
    `predict_file` only the size is: its rows go through in batches of all.
    """
    others = [e for name, e in data.splits().items() if name != "train"]
    size = 0
    if config.predict_file:
        size, _ = file_io.size_and_mtime(config.predict_file)
    digests = (
        _digest([data.train], repr(data.task.label_names)),
        _digest(others),
        zlib.crc32(str(size).encode()),
        _digest_of_checkpoint(config, data.task),
    )
    # Into the range of an int32.
    table = workers.of_each(digest - 2**31 for digest in digests)
    for index, row in enumerate(table):
        for kind, digest, expected in zip(_KINDS, row, table[0], strict=True):
            if digest != expected:
                raise ValueError(
                    "The workers have read different data. Received: another "
                    f"{kind} on worker {index} than on worker 0. Copy the "
                    "files from one machine to the other, and start all "
                    "workers again."
                )


def _digest(splits: list[Examples], more: str = "") -> int:
    digest = zlib.crc32(more.encode())
    for examples in splits:
        for texts in (examples.texts, examples.text_pairs or ()):
            digest = zlib.crc32("\0".join(texts).encode(), digest)
        if examples.labels is not None:
            digest = zlib.crc32(examples.labels.tobytes(), digest)
    return digest


def _digest_of_checkpoint(config: Config, task: TaskSpec) -> int:
    """Of what decides on the shapes of the weights, and on the tokens."""
    _, model, settings = read_checkpoint(config, task)
    shapes = {
        name: value
        for name, value in model.to_dict().items()
        # Of the machine, not of the model.
        if name not in ("_name_or_path", "transformers_version")
    }
    text = repr((sorted(shapes.items()), dataclasses.astuple(settings)))
    return zlib.crc32(text.encode())
