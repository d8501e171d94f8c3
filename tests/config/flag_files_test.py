"""Tests of tf_bert/config/flag_files.py."""

import pytest

from tf_bert.config import flag_files


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch):
    """The flag files of these tests, in the current folder."""
    monkeypatch.chdir(tmp_path)
    for name, text in {
        "a": "--seed=1\n--dropout=0\n",
        "comments": "# one\n\n// two\n  --seed=1  \n   \n--text_column=a b",
        "number_signs": "--text_column=#1\n--label_column=a#b\n",
        "outer": "--a=1\n--flagfile=a.flags\n--b=2\n",
        "circle": "--flagfile=back.flags\n",
        "back": "--flagfile=circle.flags\n",
        "behind": "--seed=1\n--dropout=0  # none\n",
        "indented": "--seed=1\n  # indented\n",
        "bare": "--seed=1\nlearning_rate=1\n",
    }.items():
        (tmp_path / f"{name}.flags").write_text(text, encoding="utf-8")


A = ["--seed=1", "--dropout=0"]


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (
            ["--seed=1", "left over", "--text_column", "3"],
            ["--seed=1", "left over", "--text_column", "3"],
        ),
        (["--x=1", "--flagfile=a.flags", "--y=2"], ["--x=1", *A, "--y=2"]),
        (["-flagfile=a.flags"], A),
        (["--flagfile", "a.flags", "--x=1"], [*A, "--x=1"]),
        (["--flagfile=comments.flags"], ["--seed=1", "--text_column=a b"]),
        (
            ["--flagfile=number_signs.flags"],
            ["--text_column=#1", "--label_column=a#b"],
        ),
        (["--flagfile=outer.flags"], ["--a=1", *A, "--b=2"]),
        (["--flagfile=a.flags", "--flagfile=a.flags"], [*A, *A]),
    ],
)
def test_the_flags_stand_where_the_file_was_named(arguments, expected):
    assert flag_files.expand(arguments) == expected


@pytest.mark.parametrize(
    "argument, error, message",
    [
        (
            "--flagfile=circle.flags",
            ValueError,
            "in a circle. Received: circle.flags -> back.flags -> circle.flags",
        ),
        (
            "--flagfile=behind.flags",
            ValueError,
            "of its own.*'--dropout=0  # none' in behind.flags, line 2",
        ),
        (
            "--flagfile=indented.flags",
            ValueError,
            "neither a flag.*'# indented' in indented.flags, line 2",
        ),
        (
            "--flagfile=bare.flags",
            ValueError,
            "neither a flag.*'learning_rate=1' in bare.flags, line 2",
        ),
        (
            "--flagfile=no.flags",
            FileNotFoundError,
            "no such flag file. Received: flagfile='no.flags'",
        ),
        ("--flagfile", FileNotFoundError, "Received: flagfile=''"),
    ],
)
def test_what_is_wrong_is_named(argument, error, message):
    with pytest.raises(error, match=message):
        flag_files.expand([argument])


@pytest.mark.parametrize(
    "arguments, expected",
    [
        ([], ""),
        (["--seed=1", "flagfile"], ""),
        (["--flagfile=flags/recipes/zhang.flags"], "zhang"),
        (["--flagfile", "a/b.c.flags", "--x=1", "-flagfile=d"], "b.c_d"),
        (["--flagfile"], ""),
    ],
)
def test_joined_names_have_no_folders_and_endings(arguments, expected):
    assert flag_files.joined_names(arguments) == expected
