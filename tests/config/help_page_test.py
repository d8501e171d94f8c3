"""Tests of tf_bert/config/help_page.py."""

import os
import pathlib
import re
import subprocess
import sys

from tf_bert.config import Config, help_page, parse
from tf_bert.config.all_settings import FLAGS

ROOT = pathlib.Path(__file__).parents[2]


def test_comes_without_tensorflow_and_begins_with_an_example_that_parses():
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "tf_bert.run", "--help"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": ""},
        check=True,
    )
    assert "tf_bert.config.parse" in done.stderr
    assert not re.search(r"\| +tensorflow\b", done.stderr)
    head, _, _ = done.stdout.partition("What to do:")
    _, _, rest = head.partition("python -m tf_bert.run ")
    command, _, _ = rest.partition("\n\n")
    Config(**parse.parse(command.replace("\\\n", " ").split()))


def test_every_flag_has_its_line_and_its_default():
    lines = help_page.help_text().splitlines()
    for flag in FLAGS:
        pattern = re.compile(rf"  --(\[no\])?{flag.name}\b")
        assert len(list(filter(pattern.match, lines))) == 1, flag.name
    assert "  --learning_rate=X  (default: 5e-05)" in lines
    assert "  --[no]bias_correction  (default: on)" in lines
    assert max(map(len, lines)) <= 80
    # Other names are in docs/flags.md.
    assert "model_name_or_path" not in " ".join(lines)


def test_the_page_is_current():
    """If not: python -m tf_bert.config.help_page > docs/flags.md"""
    text = (ROOT / "docs" / "flags.md").read_text(encoding="utf-8")
    assert text == help_page.markdown() + "\n"
    for row in re.findall(r"^\|.*", text, re.M):
        assert len(re.findall(r"(?<!\\)\|", row)) == 4, row
    for row in (
        "| `--model_name_or_path` | `--init_checkpoint` |  |",
        "| `--metric_for_best_model` | `--metric` |",
        "| `--logging_steps` | refused, unless `0` |",
        "| `--save_best` | true: `--checkpoint_to_use=best` |",
    ):
        assert row in text
