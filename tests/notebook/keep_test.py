"""Tests of tf_bert/notebook/keep.py, with a stand-in for `google.colab`."""

import sys
import types

import pytest

from tf_bert.config import Config
from tf_bert.notebook import keep
from tf_bert.runs.run_folder import RunFolder


class TestKeep:
    @pytest.fixture
    def run(self, tmp_path):
        """The least that is a finished run."""
        folder = tmp_path / "run"
        (folder / "model").mkdir(parents=True)
        RunFolder(str(folder)).begin(Config(output_dir=str(folder)))
        for name in ("all_results.json", "model/vocab.txt", "notes.txt"):
            (folder / name).write_text("{}", encoding="utf-8")
        return folder

    def test_a_copy_has_every_file(self, run, tmp_path):
        target = tmp_path / "new" / "copy"
        # The second replaces the first.
        for _ in range(2):
            keep.copy_run(str(run), str(target))
        names = {str(x.relative_to(run)) for x in run.rglob("*")}
        assert names == {str(x.relative_to(target)) for x in target.rglob("*")}

    @pytest.mark.parametrize("name", ["thesis.txt", "model.safetensors"])
    def test_what_is_no_run_is_not_replaced(self, run, tmp_path, name):
        target = tmp_path / "mine"
        target.mkdir()
        for file in ("config.json", name):
            (target / file).write_text('{"model_type": "bert"}')
        with pytest.raises(ValueError, match="Give the copy a name"):
            keep.copy_run(str(run), str(target))
        assert (target / name).exists()

    def test_a_copy_with_more_in_it_is_not_replaced(self, run, tmp_path):
        target = tmp_path / "copy"
        keep.copy_run(str(run), str(target))
        (target / "model" / "thesis.txt").write_text("mine")
        with pytest.raises(ValueError, match=r"else \(model/thesis.txt\). Giv"):
            keep.copy_run(str(run), str(target))
        assert (target / "model" / "thesis.txt").exists()

    def test_a_copy_is_not_replaced_while_it_is_trained_on(self, run, tmp_path):
        target = tmp_path / "copy"
        keep.copy_run(str(run), str(target))
        with RunFolder(str(target)).lock.held():
            with pytest.raises(FileExistsError, match="is at work"):
                keep.copy_run(str(run), str(target))

    def test_a_run_must_have_ended(self, run, tmp_path):
        (run / "all_results.json").unlink()
        with pytest.raises(FileNotFoundError):
            keep.copy_run(str(run), str(tmp_path / "copy"))
        with pytest.raises(FileNotFoundError):
            keep.download_run(str(run))

    def test_a_download_is_handed_to_the_browser(self, run, monkeypatch):
        handed = []
        module = types.ModuleType("google.colab")
        module.files = types.SimpleNamespace(download=handed.append)
        monkeypatch.setitem(sys.modules, "google.colab", module)
        path = keep.download_run(str(run), {"COLAB_RELEASE_TAG": "release"})
        assert handed == [path] == [f"{run}.zip"]

    def test_a_bucket_is_not_downloaded(self):
        with pytest.raises(ValueError, match="kept where it is"):
            keep.download_run("gs://bucket/run")
