"""Tests of tf_bert/notebook/colab.py, with a stand-in for `google.colab`."""

import sys
import types

import pytest

from tf_bert.notebook import colab

COLAB = {"COLAB_RELEASE_TAG": "release"}
# Of Drive; it is not on this machine.
ON_DRIVE = "/content/drive/MyDrive/run"


@pytest.fixture
def calls(monkeypatch):
    """What was asked of `google.colab`, in order."""
    made = []
    module = types.ModuleType("google.colab")
    module.auth = types.SimpleNamespace(
        authenticate_user=lambda: made.append("sign in")
    )
    module.drive = types.SimpleNamespace(
        mount=lambda path: made.append(f"mount {path}")
    )
    module.files = types.SimpleNamespace(
        upload=lambda: {"mine.csv": b"text,label"},
    )
    monkeypatch.setitem(sys.modules, "google.colab", module)
    return made


class TestSignIn:
    @pytest.mark.parametrize(
        ("places", "environment", "asked", "said"),
        [
            (("runs/mine", "", None), COLAB, [], "no sign-in is needed"),
            (("x", "gs://b/run"), COLAB, ["sign in"], "for gs://b/run"),
            ((ON_DRIVE,), COLAB, ["mount /content/drive"], ""),
            (("gs://bucket/run",), {}, [], "application-default login"),
        ],
    )
    def test_asks_for_what_the_places_need(
        self, calls, capsys, places, environment, asked, said
    ):
        colab.sign_in(*places, environment=environment)
        assert calls == asked
        assert said in capsys.readouterr().out

    def test_drive_is_refused_elsewhere(self):
        with pytest.raises(ValueError, match=f"Received: {ON_DRIVE}"):
            colab.sign_in(ON_DRIVE, environment={})


class TestUpload:
    def test_the_path_is_returned(self, calls, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        assert colab.upload(COLAB) == str(tmp_path / "mine.csv")

    def test_two_files_are_refused(self, calls, monkeypatch):
        files = sys.modules["google.colab"].files
        monkeypatch.setattr(files, "upload", lambda: {"a.csv": b"", "b": b""})
        with pytest.raises(ValueError, match="Received: a.csv, b"):
            colab.upload(COLAB)

    def test_elsewhere_a_path_is_asked_for(self):
        with pytest.raises(ValueError, match="Fill in the path"):
            colab.upload({})
