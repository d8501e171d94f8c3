"""Tests of tf_bert/data/readers/table_formats.py."""

import pathlib

from absl.testing import parameterized
from conftest import WithFolder

from tf_bert.data.readers.table_formats import (
    has_delimiter,
    has_encoding,
    open_table,
    uses_header,
)


class TableTestCase(WithFolder):
    def write(self, name: str, content: str | bytes) -> pathlib.Path:
        path = self.folder / name
        if isinstance(content, str):
            content = content.encode("utf-8")
        path.write_bytes(content)
        return path

    def read(self, name, content, *, has_header=False):
        table = open_table(self.write(name, content), has_header=has_header)
        return [row.fields for row in table.rows()]


class RowsTest(TableTestCase):
    def test_header_names_and_positions(self):
        path = self.write("a.tsv", "text\tlabel\ngood\t1\nbad\t0\n")
        table = open_table(path, has_header=True)
        self.assertEqual(table.columns, ("text", "label"))
        rows = list(table.rows())
        self.assertEqual(
            [row.fields for row in rows], [("good", "1"), ("bad", "0")]
        )
        self.assertEqual([row.number for row in rows], [1, 2])
        self.assertEqual([row.line for row in rows], [2, 3])

    def test_rows_can_be_read_again(self):
        table = open_table(self.write("a.tsv", "t\na\n"), has_header=True)
        self.assertEqual(list(table.rows()), list(table.rows()))

    # What else is in a text, and byte order marks: `formats_test.py`.
    @parameterized.parameters(
        ("a.tsv", "a\tb\r\nc\rd\x1c\t0\n", [("a", "b"), ("c\rd\x1c", "0")]),
        ("A.CSV", "a,1\rb,0\r", [("a", "1"), ("b", "0")]),
        ("a.csv", "a\n\n\r\n\n", [("a",)]),
        ("a.tsv", "a\n\n\r\n\n", [("a",)]),
        ("a.csv", "a\nb", [("a",), ("b",)]),
        ("a.txt", b"\xef\xbb\xbfa\nb", [("a",), ("b",)]),
    )
    def test_ends_of_rows_and_files(self, name, content, expected):
        self.assertEqual(self.read(name, content), expected)

    @parameterized.parameters("csv", "tsv")
    def test_remote_files_read_as_local_ones(self, extension):
        import tensorflow as tf

        content = (
            b"\xef\xbb\xbftext\na\rb" + "é\0".encode() * 2**18 + b"\r\nb\n"
        )
        remote = f"ram://tables_test/a.{extension}"
        with tf.io.gfile.GFile(remote, "wb") as file:
            file.write(content)
        remote_rows = open_table(remote, has_header=True).rows()
        local = self.write(f"a.{extension}", content)
        local_rows = open_table(local, has_header=True).rows()
        self.assertEqual(
            [(row.line, row.fields) for row in remote_rows],
            [(row.line, row.fields) for row in local_rows],
        )


class PatternTest(TableTestCase):
    def open(self, pattern, *, has_header=True):
        return open_table(self.folder / pattern, has_header=has_header)

    def test_rows_of_all_files_are_counted_through(self):
        self.write("p-2.csv", "text,label\nc,1\n")
        self.write("p-1.csv", 'text,label\n"a\n",1\nb,0\n')
        rows = list(self.open("p-*.csv").rows())
        self.assertEqual([row.fields[0] for row in rows], ["a\n", "b", "c"])
        self.assertEqual([row.number for row in rows], [1, 2, 3])
        self.assertEqual([row.number_in_file for row in rows], [1, 2, 1])
        self.assertEndsWith(rows[1].place, "p-1.csv, row 2 (line 4)")
        self.assertEndsWith(rows[2].place, "p-2.csv, row 1 (line 2)")

    def test_files_without_a_header(self):
        self.write("1.tsv", "a\t1\n")
        self.write("2.tsv", "b\t2\n")
        rows = self.open("?.tsv", has_header=False).rows()
        self.assertEqual([row.fields for row in rows], [("a", "1"), ("b", "2")])

    def test_columns_go_by_name_whatever_the_format(self):
        self.write("a.csv", "text,label\na,1\n")
        self.write("b.tsv", "label\ttext\n2\tb\n")
        self.write("c.jsonl", '{"label": 3, "text": "c"}\n')
        rows = list(self.open("[abc].*").rows())
        self.assertEqual(
            [row.fields for row in rows], [("a", "1"), ("b", "2"), ("c", "3")]
        )
        self.assertEqual(
            [kind.name for kind in rows[2].kinds], ["TEXT", "NUMBER"]
        )

    def test_a_part_may_be_a_header_alone(self):
        self.write("1.csv", "text\n")
        self.write("2.csv", "text\na\n")
        self.assertLen(list(self.open("*.csv").rows()), 1)
        (self.folder / "2.csv").unlink()
        with self.assertRaisesRegex(ValueError, "no row below"):
            list(self.open("*.csv").rows())

    @parameterized.parameters("text\nb\n", "text,labels\nb,1\n")
    def test_other_columns_are_refused(self, content):
        self.write("1.csv", "text,label\na,1\n")
        self.write("2.csv", content)
        with self.assertRaisesRegex(
            ValueError,
            r"different columns. Received: 'text', 'label' in .*1\.csv, "
            r"'text'.* in .*2\.csv. Correct",
        ):
            self.open("*.csv")

    def test_other_numbers_of_columns_are_refused(self):
        self.write("1.csv", "a,1\n")
        self.write("2.csv", "b,1,x\n")
        with self.assertRaisesRegex(ValueError, "'column_3' in .*2.csv"):
            self.open("*.csv", has_header=False)


class RefusedFilesTest(TableTestCase):
    def assert_refused(self, name, content, message, *, has_header=True):
        with self.assertRaisesRegex(ValueError, message):
            self.read(name, content, has_header=has_header)

    @parameterized.parameters("/no/such.tsv", "ram://no/such.csv")
    def test_missing_file(self, path):
        with self.assertRaisesRegex(
            FileNotFoundError,
            f"no such data file. Received: path='{path}'.*data_dir",
        ):
            open_table(path, has_header=True)

    @parameterized.parameters(
        "a.json", "a.xlsx", "a", "a.gz", "a.tsv.zip", "a.parquet.gz"
    )
    def test_other_extensions(self, name):
        self.assert_refused(
            name,
            "text\n",
            rf"must end in one of .csv, .tsv, .*, .csv.gz, .*, .parquet\. .*"
            rf"{name}'.*one object to a line of .jsonl",
        )

    @parameterized.product(
        name=["a.csv", "a.tsv"], content=[b"", b"\n\r\n", b"\xef\xbb\xbf"]
    )
    def test_empty_file(self, name, content):
        for has_header in (True, False):
            self.assert_refused(
                name, content, f"is empty.*{name}", has_header=has_header
            )

    def test_header_only(self):
        message = "no row below .*a.csv.*header only"
        self.assert_refused("a.csv", "text\n\n", message)

    @parameterized.parameters(
        ("csv", ",", 3), ("csv", ",", 1), ("tsv", "\t", 3)
    )
    def test_too_many_or_too_few_fields(self, extension, delimiter, found):
        row = delimiter.join("345"[:found])
        self.assert_refused(
            f"a.{extension}",
            f"a{delimiter}b\n1{delimiter}2\n{row}\n",
            rf"not have 2 fields, as the header has. Received: {found} "
            rf"fields in .*a.{extension}, row 2 \(line 3\). Correct the row",
        )

    def test_field_count_without_a_header_follows_the_first_row(self):
        self.assert_refused(
            "a.tsv",
            "1\t2\n3\n",
            r"as the first row has.*1 fields .*row 2 \(line 2\)",
            has_header=False,
        )

    @parameterized.parameters(
        ("a.csv", "t\n\na\n", 2, 1),
        ("a.tsv", "t\na\n\n\r\nb\n", 3, 2),
        ("a.tsv", "\nt\na\n", 1, 1),
    )
    def test_blank_line_before_the_last_row(self, name, content, line, row):
        self.assert_refused(
            name,
            content,
            rf"blank line between its rows. .*{name}, line {line} \(before row "
            rf"{row}\). Delete",
        )

    @parameterized.parameters(
        ('text,label\na,1\n"never closed,0\nb,1\n', "unexpected end", 3),
        ('text,label\n"a "b" c",1\n', "',' expected after", 2),
    )
    def test_broken_quotes_in_csv(self, content, reason, line):
        self.assert_refused(
            "a.csv",
            content,
            rf"not quoted correctly.*{reason}.*a.csv, .* line {line}\. Correct",
        )

    def test_repeated_column_names(self):
        self.assert_refused(
            "a.csv", "x,y,x\n1,2,3\n", "one name. Received: 'x' more than"
        )


class ColumnIndexTest(TableTestCase):
    @parameterized.parameters(
        ("a\tb\n1\t2\n", True, "b", 1),
        ("1\t2\n", False, "1", 0),
        ("1\t2\n", False, "2", 1),
    )
    def test_by_name_or_number(self, content, has_header, column, expected):
        table = open_table(self.write("a.tsv", content), has_header=has_header)
        self.assertEqual(table.column_index(column), expected)

    @parameterized.parameters(
        ("a\tb\n", True, r"'text' for .*a.tsv \(columns: 'a', 'b'\). .*--text"),
        ("a;b\n", True, r"\(columns: 'a;b'\). .*--delimiter if the columns"),
        ("1\t2\n", False, r"\(columns: 1 to 2, counted"),
    )
    def test_a_missing_one_lists_what_there_is(
        self, content, has_header, message
    ):
        table = open_table(self.write("a.tsv", content), has_header=has_header)
        with self.assertRaisesRegex(ValueError, message):
            table.column_index("text" if has_header else "3")


class UsesHeaderTest(parameterized.TestCase):
    def test_names_need_a_header_and_numbers_none(self):
        self.assertTrue(uses_header({"text_column": "text"}))
        self.assertFalse(uses_header({"text_column": "4", "pair": None}))
        self.assertTrue(uses_header({"text_column": "²"}))

    @parameterized.parameters(("text", "2"), ("0", "1"), ("", "label"))
    def test_mixed_or_void_columns_are_refused(self, text, label):
        with self.assertRaisesRegex(
            ValueError,
            f"text_column='{text}', label_column='{label}'. Correct "
            "--text_column or --label_column",
        ):
            uses_header({"text_column": text, "label_column": label})


class NamesTest(parameterized.TestCase):
    @parameterized.parameters(
        ("gs://b/part-*.CSV.gz", True, True),
        ("a.txt", True, True),
        ("a.ndjson.gz", True, False),
        ("a.parquet", False, False),
        ("a.csv/b.parquet", False, False),
    )
    def test_a_name_says_what_a_file_has(self, path, encoding, delimiter):
        found = has_encoding(path), has_delimiter(path)
        self.assertEqual(found, (encoding, delimiter))
