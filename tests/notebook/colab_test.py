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
    def test_local_places_ask_for_nothing(self, calls, capsys):
        colab.sign_in("runs/mine", "", None, environment=COLAB)
        assert calls == []
        assert "no sign-in is needed" in capsys.readouterr().out

    def test_a_bucket_asks_for_the_sign_in_alone(self, calls):
        colab.sign_in("minilm-l6", "gs://bucket/run", environment=COLAB)
        assert calls == ["sign in"]

    def test_drive_asks_for_drive_alone(self, calls):
        colab.sign_in(ON_DRIVE, environment=COLAB)
        assert calls == ["mount /content/drive"]

    def test_elsewhere_the_machine_signs_in_itself(self, calls, capsys):
        colab.sign_in("gs://bucket/run", environment={})
        assert calls == []
        assert "application-default login" in capsys.readouterr().out

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
