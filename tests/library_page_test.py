"""docs/library.md: its examples run, in their order."""

import pathlib
import re

import pytest

PAGE = pathlib.Path(__file__).parents[1] / "docs" / "library.md"


@pytest.mark.large
def test_the_examples_run(
    reviews, tiny_checkpoint, tmp_path, monkeypatch, capsys
):
    from absl import logging

    verbosity = logging.get_verbosity()
    text = PAGE.read_text(encoding="utf-8")
    assert text.count('"minilm-l6"') == 1
    text = text.replace('"minilm-l6"', repr(tiny_checkpoint))
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.M | re.S)
    assert len(blocks) == 5
    (tmp_path / "train.csv").write_bytes((reviews / "train.csv").read_bytes())
    monkeypatch.chdir(tmp_path)
    names = {}
    try:
        for block in blocks:
            exec(compile(block, str(PAGE), "exec"), names)
    finally:
        logging.set_verbosity(verbosity)
    printed = capsys.readouterr().out
    assert "40 ('bad', 'good')" in printed
    assert "The kettle is good, good indeed. 1" in printed
    predictions = names["predictions"]
    assert f"{predictions.labels}\n" in printed
    assert printed.endswith("".join(f"{x}\n" for x in predictions.labels))
