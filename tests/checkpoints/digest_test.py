"""Tests of tf_bert/checkpoints/digest.py."""

import pathlib
import shutil

import numpy as np
import pytest
import safetensors.numpy

from tf_bert.checkpoints import formats
from tf_bert.checkpoints.digest import weights_digest

_SHARED = pathlib.Path(__file__).parents[2] / "../shared/data"


def write(folder, array, **more):
    folder.mkdir(exist_ok=True)
    path = folder / "model.safetensors"
    safetensors.numpy.save_file({"a": array, **more}, path)
    return folder


def test_it_is_of_the_weights_wherever_they_lie_and_of_nothing_else(tmp_path):
    array = np.arange(30_000, dtype=np.float32).reshape(100, 300)
    digest = weights_digest(write(tmp_path / "a", array))
    assert weights_digest(write(tmp_path / "b", array.copy())) == digest
    (tmp_path / "b" / "config.json").write_text("{}")
    assert weights_digest(tmp_path / "b") == digest


@pytest.mark.parametrize("size", [1, 8167, 8168, 8169, 100_000])
def test_one_byte_anywhere_changes_it(tmp_path, size):
    """Around the length of a row of its table, 8168 bytes, too."""
    generator = np.random.default_rng(0)
    array = generator.integers(0, 255, size, np.uint8)
    digest = weights_digest(write(tmp_path / "model", array))
    for place in {0, size - 1, *generator.integers(0, size, 20).tolist()}:
        changed = array.copy()
        changed[place] += 1
        write(tmp_path / "model", changed)
        assert weights_digest(tmp_path / "model") != digest, place


def test_what_only_changes_places_changes_it(tmp_path):
    array = np.random.default_rng(0).normal(size=(64, 1024))
    seen = {weights_digest(write(tmp_path / "model", array))}
    for other in (array[::-1], array[:, ::-1], array.T, np.roll(array, 1, 0)):
        write(tmp_path / "model", np.ascontiguousarray(other))
        seen.add(weights_digest(tmp_path / "model"))
    assert len(seen) == 5


def test_the_files_of_google_count_all(tmp_path):
    folder = tmp_path / "google"
    shutil.copytree(_SHARED / "bert_ckpt_fixture", folder)
    files = formats.weights_files(str(folder))
    assert [pathlib.Path(f).suffix for f in files] == [
        ".index",
        ".data-00000-of-00001",
    ]
    digest = weights_digest(folder)
    for file in map(pathlib.Path, files):
        content = bytearray(file.read_bytes())
        content[-1] ^= 1
        file.write_bytes(content)
        changed, digest = digest, weights_digest(folder)
        assert digest != changed
