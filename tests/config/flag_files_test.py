"""Tests of tf_bert/config/flag_files.py."""

import pathlib
import tempfile

from absl.testing import parameterized

from tf_bert.config import flag_files


class ExpandTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(
            self.enterContext(tempfile.TemporaryDirectory())
        )

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    def test_without_a_file_nothing_changes(self):
        arguments = ["--seed=1", "left over", "--text_column", "3"]
        self.assertEqual(flag_files.expand(arguments), arguments)

    @parameterized.parameters("--flagfile={}", "-flagfile={}")
    def test_the_flags_stand_where_the_file_was_named(self, spelling):
        path = self.write("a.flags", "--seed=1\n--dropout=0\n")
        self.assertEqual(
            flag_files.expand(["--x=1", spelling.format(path), "--seed=2"]),
            ["--x=1", "--seed=1", "--dropout=0", "--seed=2"],
        )

    def test_the_name_may_be_an_argument_of_its_own(self):
        path = self.write("a.flags", "--seed=1\n")
        self.assertEqual(
            flag_files.expand(["--flagfile", path, "--x=1"]),
            ["--seed=1", "--x=1"],
        )

    def test_comments_and_blank_lines_are_passed_over(self):
        path = self.write(
            "a.flags", "# one\n\n// two\n  --seed=1  \n   \n--text_column=a b"
        )
        self.assertEqual(
            flag_files.expand([f"--flagfile={path}"]),
            ["--seed=1", "--text_column=a b"],
        )

    def test_a_number_sign_inside_a_value_stays(self):
        path = self.write("a.flags", "--text_column=#1\n--label_column=a#b\n")
        self.assertEqual(
            flag_files.expand([f"--flagfile={path}"]),
            ["--text_column=#1", "--label_column=a#b"],
        )

    def test_files_may_name_files(self):
        inner = self.write("inner.flags", "--seed=1\n")
        outer = self.write("outer.flags", f"--a=1\n--flagfile={inner}\n--b=2\n")
        self.assertEqual(
            flag_files.expand([f"--flagfile={outer}"]),
            ["--a=1", "--seed=1", "--b=2"],
        )

    def test_one_file_may_come_twice(self):
        path = self.write("a.flags", "--seed=1\n")
        self.assertEqual(
            flag_files.expand([f"--flagfile={path}", f"--flagfile={path}"]),
            ["--seed=1", "--seed=1"],
        )

    def test_circles_are_refused(self):
        first = str(self.folder / "first.flags")
        second = self.write("second.flags", f"--flagfile={first}\n")
        self.write("first.flags", f"--flagfile={second}\n")
        with self.assertRaisesRegex(
            ValueError, "in a circle. Received: .*first.*second.*first.flags. "
        ):
            flag_files.expand([f"--flagfile={first}"])

    @parameterized.parameters(
        (
            "--seed=1\n--dropout=0  # none\n",
            "of its own.*'--dropout=0  # none'",
        ),
        ("--seed=1\n  # indented\n", "neither a flag.*'# indented'"),
        ("--seed=1\nlearning_rate=1\n", "neither a flag.*'learning_rate=1'"),
    )
    def test_a_wrong_line_is_named(self, text, message):
        path = self.write("a.flags", text)
        with self.assertRaisesRegex(ValueError, f"{message} in {path}, line 2"):
            flag_files.expand([f"--flagfile={path}"])

    @parameterized.parameters([["--flagfile=no.flags"]], [["--flagfile"]])
    def test_a_missing_file_is_named(self, arguments):
        with self.assertRaisesRegex(
            FileNotFoundError,
            r"no such flag file. Received: flagfile='(no.*)?'",
        ):
            flag_files.expand(arguments)


class JoinedNamesTest(parameterized.TestCase):
    @parameterized.parameters(
        ([], ""),
        (["--seed=1", "flagfile"], ""),
        (["--flagfile=flags/recipes/zhang.flags"], "zhang"),
        (["--flagfile", "a/b.c.flags", "--x=1", "-flagfile=d"], "b.c_d"),
        (["--flagfile"], ""),
    )
    def test_folders_and_endings_do_not_count(self, arguments, expected):
        self.assertEqual(flag_files.joined_names(arguments), expected)
