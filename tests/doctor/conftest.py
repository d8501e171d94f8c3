"""What the doctor's tests share."""

import pathlib
import venv

import pytest
from broken_machine import Machine


@pytest.fixture(scope="session")
def bare_python(tmp_path_factory) -> pathlib.Path:
    """A Python without a single package, pip included."""
    folder = tmp_path_factory.mktemp("bare") / "venv"
    venv.create(folder, symlinks=True)
    return folder / "bin" / "python"


@pytest.fixture
def machine(bare_python, tmp_path) -> Machine:
    """A healthy machine, but that it has no pip."""
    return Machine(bare_python, tmp_path)


@pytest.fixture
def checkpoint(tmp_path) -> str:
    """The folder of a checkpoint, as far as the doctor looks into it."""
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    (folder / "config.json").write_text("{}", encoding="utf-8")
    (folder / "model.safetensors").write_bytes(bytes(1000))
    return str(folder)
