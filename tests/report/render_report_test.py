"""Tests of benchmarks/render_report.py, without a browser."""

import sys

import render_report


def test_a_report_that_is_not_there_is_refused(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(sys, "argv", ["x", str(tmp_path / "no"), "pictures"])
    assert render_report.main() == 2
    assert "Received: report=" in capsys.readouterr().err


def test_a_missing_browser_is_said(monkeypatch, tmp_path, capsys):
    report = tmp_path / "report.html"
    report.touch()
    monkeypatch.setattr(sys, "argv", ["x", str(report), str(tmp_path / "p")])
    monkeypatch.setenv("PATH", str(tmp_path))
    assert render_report.main() == 2
    assert "Chromium is not here" in capsys.readouterr().err
    assert not (tmp_path / "p").exists()
