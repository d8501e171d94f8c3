"""The tasks that `child_process` runs in processes of their own.

What a task finds out it prints as lines of JSON, each when it is known: of a
process that is ended, these are there.
"""

import json
import os
import pathlib
import sys
import uuid
from typing import Any

_MODULES = (
    "tensorflow",
    "tensorflow_text",
    "keras",
    "transformers.models.bert.configuration_bert",
)
_WEIGHTS = ("*.safetensors", "*.bin", "*.h5", "*.ckpt.data*")


def main(task: str, *arguments: str) -> None:
    """Runs a task by its name."""
    _TASKS[task](*arguments)


def _say(**found: Any) -> None:
    print(json.dumps(found), flush=True)


def _tensorflow() -> None:
    """Loads TensorFlow as a training does, and asks what it can use."""
    from tf_bert.system import lean_tensorflow, onednn

    for name in _MODULES:
        _say(loading=name)
        lean_tensorflow.load(name)
    import tensorflow as tf

    _say(loading="the devices", version=tf.__version__, file=tf.__file__)
    from tf_bert.training.devices import tpu

    _say(
        onednn=onednn.is_on(),
        kernels=tpu.has_kernels(tpu.LOCAL),
        gpus=len(tf.config.list_physical_devices("GPU")),
        cuda=tf.test.is_built_with_cuda(),
    )


def _checkpoint(name: str) -> None:
    """Looks for a checkpoint on this machine; the hub must be switched off."""
    from huggingface_hub import constants

    from tf_bert.checkpoints.fetch import named_models, resolve

    row = named_models.NAMED_MODELS.get(name)
    _say(
        hub_id=resolve.find_hub_id(name),
        cache=named_models.user_cache_dir() if row else constants.HF_HUB_CACHE,
        num_bytes=row.num_bytes if row else None,
        requirement=row.requirement if row else None,
    )
    try:
        folder = pathlib.Path(resolve.resolve(name))
    except (OSError, ValueError) as error:
        _say(error=str(error))
        return
    # Of several formats one is read; one may be in several files.
    sizes = [sum(p.stat().st_size for p in folder.glob(w)) for w in _WEIGHTS]
    _say(folder=str(folder), num_bytes=max(sizes) or None)


def _hub(name: str) -> None:
    """Asks the hub for the file of a model that a training would ask for."""
    from tf_bert.checkpoints.fetch import hub, named_models

    row = named_models.NAMED_MODELS.get(name)
    try:
        if row:
            hub.check_offers(
                row.hub_id, "model.safetensors", revision=row.revision
            )
        else:
            hub.check_offers(name, "config.json")
    except (OSError, ValueError) as error:
        _say(error=str(error))


def _storage(output_dir: str, *inputs: str) -> None:
    """Writes, reads and removes an object; looks for the inputs."""
    from tf_bert.system import file_io

    def step(doing: str, path: str, function: Any, *arguments: Any) -> bool:
        _say(doing=doing, path=path)
        try:
            result = function(path, *arguments)
        except (OSError, ValueError) as error:
            _say(error=str(error), kind=type(error).__name__)
            return False
        if doing == "find" and not result:
            _say(error="There is none.", kind="FileNotFoundError")
            return False
        return True

    probe = f"{output_dir.rstrip('/')}/doctor_{uuid.uuid4().hex}"
    content = b"tf_bert --mode=doctor"
    steps = [("find", path, file_io.exists) for path in inputs]
    if output_dir:
        steps += [("write", probe, file_io.write_bytes, content)]
        steps += [("read", probe, file_io.read_bytes)]
        steps += [("remove", probe, file_io.remove_file)]
    if all(step(*x) for x in steps):
        _say(doing=None)


_TASKS = {
    "tensorflow": _tensorflow,
    "checkpoint": _checkpoint,
    "hub": _hub,
    "storage": _storage,
}


if __name__ == "__main__":
    # Its C++ may speak; nobody but `child_process` listens.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    main(*sys.argv[1:])
