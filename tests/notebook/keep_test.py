"""Tests of tf_bert/notebook/keep.py, with a stand-in for `google.colab`."""

import sys
import types

import pytest

from tf_bert.notebook import keep


class TestKeep:
    @pytest.fixture
    def run(self, tmp_path):
        """The least that is a finished run."""
        folder = tmp_path / "run"
        (folder / "model").mkdir(parents=True)
        for name in ("config.json", "all_results.json", "model/vocab.txt"):
            (folder / name).write_text("{}", encoding="utf-8")
        return folder

    def test_a_copy_has_every_file(self, run, tmp_path):
        target = tmp_path / "new" / "copy"
        # The second replaces the first.
        for _ in range(2):
            keep.copy_run(str(run), str(target))
        names = {str(x.relative_to(run)) for x in run.rglob("*")}
        assert names == {str(x.relative_to(target)) for x in target.rglob("*")}

    def test_a_folder_of_something_else_is_not_replaced(self, run, tmp_path):
        with pytest.raises(ValueError, match="Give the copy a name"):
            keep.copy_run(str(run), str(tmp_path))
        assert run.exists()

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
