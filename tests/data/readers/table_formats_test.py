"""Tests of tf_bert/data/readers/table_formats.py."""

import csv
import pathlib
import tempfile
import tracemalloc

from absl.testing import parameterized

from tf_bert.data.readers.table_formats import open_table, uses_header


class TableTestCase(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

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

    def test_columns_without_a_header_are_numbered(self):
        table = open_table(self.write("a.txt", "good\t1\n"), has_header=False)
        self.assertEqual(table.columns, ("column_1", "column_2"))
        self.assertEqual([row.number for row in table.rows()], [1])

    def test_rows_can_be_read_again(self):
        table = open_table(self.write("a.tsv", "t\na\n"), has_header=True)
        self.assertEqual(list(table.rows()), list(table.rows()))

    def test_quotes_are_literal_in_tsv(self):
        rows = self.read("a.tsv", 'say "hi\t1\n"open\t0\n')
        self.assertEqual(rows, [('say "hi', "1"), ('"open', "0")])

    @parameterized.parameters("\r", "\x85", "\u2028", "\u2029", "\x0b", "\x1c")
    def test_only_newline_ends_a_tsv_row(self, separator):
        rows = self.read("a.tsv", f"a{separator}b\t1\nc\t0\n")
        self.assertEqual(rows, [(f"a{separator}b", "1"), ("c", "0")])

    @parameterized.parameters("a.tsv", "a.csv")
    def test_carriage_return_at_a_row_end_is_not_text(self, name):
        text = "a,1\r\nb,0\r\n".replace(",", "," if "csv" in name else "\t")
        self.assertEqual(self.read(name, text), [("a", "1"), ("b", "0")])

    def test_csv_fields_may_hold_commas_quotes_and_line_breaks(self):
        path = self.write("a.csv", 'text,label\n"a, ""b""\r\nc",1\n"d\re",0\n')
        rows = list(open_table(path, has_header=True).rows())
        self.assertEqual(rows[0].fields, ('a, "b"\r\nc', "1"))
        self.assertEqual(rows[1].fields, ("d\re", "0"))
        self.assertEqual([row.line for row in rows], [2, 4])

    def test_old_mac_line_ends_are_read_in_csv(self):
        self.assertEqual(
            self.read("a.csv", "a,1\rb,0\r"), [("a", "1"), ("b", "0")]
        )

    @parameterized.parameters("a.csv", "a.tsv", "a.txt", "A.CSV")
    def test_byte_order_mark_is_not_part_of_the_first_field(self, name):
        table = open_table(
            self.write(name, b"\xef\xbb\xbftext\nx\n"), has_header=True
        )
        self.assertEqual(table.columns, ("text",))

    @parameterized.parameters("a.csv", "a.tsv")
    def test_nul_stays_in_the_text(self, name):
        self.assertEqual(self.read(name, "a\x00b\n"), [("a\x00b",)])

    @parameterized.parameters("a.csv", "a.tsv")
    def test_fields_may_exceed_the_limit_of_the_csv_module(self, name):
        self.addCleanup(csv.field_size_limit, csv.field_size_limit(131072))
        self.assertEqual(self.read(name, "x" * 200_000), [("x" * 200_000,)])

    @parameterized.parameters("a.csv", "a.tsv")
    def test_blank_lines_at_the_end_are_ignored(self, name):
        self.assertEqual(self.read(name, "a\n\n\r\n\n"), [("a",)])

    @parameterized.parameters("a.csv", "a.tsv")
    def test_last_row_needs_no_line_end(self, name):
        self.assertEqual(self.read(name, "a\nb"), [("a",), ("b",)])

    def test_memory_does_not_grow_with_the_file(self):
        path = self.write("a.csv", "some text of a row,1\n" * 100_000)
        table = open_table(path, has_header=False)
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        count = sum(1 for _ in table.rows())
        _, peak = tracemalloc.get_traced_memory()
        self.assertEqual(count, 100_000)
        self.assertLess(peak, 500_000)

    @parameterized.parameters("csv", "tsv")
    def test_remote_files_read_as_local_ones(self, extension):
        import tensorflow as tf

        content = b"\xef\xbb\xbftext\n" + "é\x00".encode() * 2**20 + b"\r\nb\n"
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

    def test_lone_carriage_return_survives_in_a_remote_file(self):
        import tensorflow as tf

        with tf.io.gfile.GFile("ram://tables_test/b.tsv", "wb") as file:
            file.write(b"a\rb\n")
        table = open_table("ram://tables_test/b.tsv", has_header=False)
        self.assertEqual([r.fields for r in table.rows()], [("a\rb",)])


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
        with self.assertRaisesRegex(ValueError, "at least one row"):
            list(self.open("*.csv").rows())

    @parameterized.parameters("text\nb\n", "text,labels\nb,1\n")
    def test_other_columns_are_refused(self, content):
        self.write("1.csv", "text,label\na,1\n")
        self.write("2.csv", content)
        with self.assertRaisesRegex(
            ValueError,
            r"the same columns. Received: 'text', 'label' in .*1\.csv, "
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
            FileNotFoundError, f"must exist. Received: path='{path}'.*data_dir"
        ):
            open_table(path, has_header=True)

    def test_folder(self):
        (self.folder / "a.tsv").mkdir()
        with self.assertRaisesRegex(
            ValueError, r"must not be a folder. Received: path='.*/a\.tsv'"
        ):
            open_table(self.folder / "a.tsv", has_header=True)

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
        name=["a.csv", "a.tsv"],
        content=[b"", b"\n\r\n", b"\xef\xbb\xbf"],
        has_header=[True, False],
    )
    def test_empty_file(self, name, content, has_header):
        self.assert_refused(
            name, content, f"not be empty.*{name}", has_header=has_header
        )

    @parameterized.parameters("a.csv", "a.tsv")
    def test_header_only(self, name):
        self.assert_refused(
            name, "text\n\n", f"at least one row below .*{name}.*header only"
        )

    @parameterized.parameters(
        ("a.csv", "a,b\n1,2\n3,4,5\n", 3),
        ("a.csv", "a,b\n1,2\n3\n", 1),
        ("a.tsv", "a\tb\n1\t2\n3\t4\t5\n", 3),
        ("a.tsv", "a\tb\n1\t2\n3\n", 1),
    )
    def test_too_many_or_too_few_fields(self, name, content, found):
        self.assert_refused(
            name,
            content,
            rf"must have 2 fields, as the header has. Received: {found} "
            rf"fields in .*{name}, row 2 \(line 3\). Correct the row",
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
            rf"very end only. Received: .*{name}, line {line} \(before row "
            rf"{row}\). Delete",
        )

    @parameterized.parameters("a.csv", "a.tsv")
    def test_bytes_that_are_not_utf8(self, name):
        self.assert_refused(
            name,
            b"text\ngood\ncaf\xe9\n",
            f"must be UTF-8 .*byte 0xe9 in .*{name}, line 3. Convert the file",
        )

    @parameterized.parameters(
        ('text,label\na,1\n"never closed,0\nb,1\n', "unexpected end", 3),
        ('text,label\n"a "b" c",1\n', "',' expected after", 2),
    )
    def test_broken_quotes_in_csv(self, content, reason, line):
        self.assert_refused(
            "a.csv",
            content,
            rf"quoted correctly.*{reason}.*a.csv, .* line {line}\. Correct",
        )

    def test_repeated_column_names(self):
        self.assert_refused(
            "a.csv", "x,y,x\n1,2,3\n", "must differ. Received: 'x' more than"
        )


class ColumnIndexTest(TableTestCase):
    def test_by_name(self):
        table = open_table(self.write("a.tsv", "a\tb\n1\t2\n"), has_header=True)
        self.assertEqual(table.column_index("b"), 1)

    def test_by_number_counted_from_one(self):
        table = open_table(self.write("a.tsv", "1\t2\n"), has_header=False)
        self.assertEqual(table.column_index("1"), 0)
        self.assertEqual(table.column_index("2"), 1)

    def test_missing_name_lists_the_columns(self):
        table = open_table(self.write("a.tsv", "a\tb\n1\t2\n"), has_header=True)
        with self.assertRaisesRegex(
            ValueError,
            r"column='text' for .*a.tsv \(columns: 'a', 'b'\). Correct --text",
        ):
            table.column_index("text")

    def test_undivided_columns_point_to_the_delimiter(self):
        table = open_table(self.write("a.tsv", "a;b\n1;2\n"), has_header=True)
        with self.assertRaisesRegex(
            ValueError, r"\(columns: 'a;b'\). .*--delimiter if the columns"
        ):
            table.column_index("a")

    def test_missing_number_says_how_many_there_are(self):
        table = open_table(self.write("a.tsv", "1\t2\n"), has_header=False)
        with self.assertRaisesRegex(ValueError, r"\(columns: 1 to 2, counted"):
            table.column_index("3")


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
