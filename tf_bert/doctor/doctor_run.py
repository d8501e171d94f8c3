"""`--mode=doctor`: what is wrong with this machine, before a training."""

import os
import tempfile
from collections.abc import Iterator

from tf_bert.config import Config
from tf_bert.doctor import (
    accelerators,
    doctor_report,
    model_source,
    network,
    packages,
    runtime,
    storage,
    tensorflow_check,
)
from tf_bert.doctor.check_result import Check
from tf_bert.system import file_io

# Small, and on every index.
_ANY_PACKAGE = "packaging"


def doctor_run(config: Config) -> int:
    """Looks at the machine, prints what it finds; returns the exit status."""
    return doctor_report.show(checks(config), as_json=config.json)


def checks(config: Config, root: str = "/") -> Iterator[Check]:
    """Yields what was found, subject by subject; nothing is left behind.

    Args:
        config: of the training to be.
        root: of the folders `dev`, `proc` and `sys` that are read.
    """
    yield packages.check(runtime.find_kind(root=root))
    check, tensorflow = tensorflow_check.check(packages.installed())
    yield check
    yield accelerators.check(config, tensorflow, root)
    source = model_source.find(config.init_checkpoint)
    yield storage.check_memory(source.num_bytes, root)
    yield network.check_proxies()
    yield (index := network.check_index(_package(source)))
    yield model_source.check(
        config.init_checkpoint, source, has_index=not index.findings
    )
    output_dir = config.output_dir or os.curdir
    is_remote = file_io.is_remote(output_dir)
    folders = {
        "output": None if is_remote else output_dir,
        "cache": None if source.is_here else source.cache,
        "temporary files": tempfile.gettempdir() if is_remote else None,
    }
    if any(folders.values()):
        yield storage.check_disk(folders, source.num_bytes)
    inputs = storage.remote_paths(config.inputs.values())
    if is_remote or inputs:
        yield storage.check_remote(output_dir if is_remote else None, inputs)


def _package(source: model_source.Source) -> str:
    if source.is_here or source.requirement is None:
        return _ANY_PACKAGE
    return source.requirement.partition("==")[0]
