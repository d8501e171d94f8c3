"""Tests of tf_bert/data/readers/parquet_files.py."""

import datetime
import io

import pyarrow
import pyarrow.parquet
from absl.testing import parameterized
from conftest import WithFolder

from tf_bert.config.text_format import TextFormat
from tf_bert.data.readers.parquet_files import read_parquet
from tf_bert.data.readers.records import Kind


def as_bytes(**columns):
    file = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), file)
    return file.getvalue()


class ParquetTest(WithFolder):
    def read(self, content, *, has_header=True):
        path = self.folder / "a.parquet"
        path.write_bytes(content)
        return list(
            read_parquet(
                str(path), has_header=has_header, text_format=TextFormat()
            )
        )

    @parameterized.parameters(
        (["a\0b"], None, "a\0b", Kind.TEXT),
        ([7], pyarrow.uint8(), "7", Kind.NUMBER),
        ([2.0], None, "2", Kind.NUMBER),
        ([0.1], pyarrow.float32(), "0.1", Kind.NUMBER),
        ([float("nan")], None, "nan", Kind.NUMBER),
        ([True], None, "true", Kind.BOOLEAN),
        ([False], None, "false", Kind.BOOLEAN),
        ([None], pyarrow.string(), "", Kind.NULL),
        ([None], None, "", Kind.NULL),
        ([["é", None]], None, '["é", null]', Kind.NESTED),
        ([{"a": 1}], None, '{"a": 1}', Kind.NESTED),
        ([datetime.date(2020, 1, 2)], None, "2020-01-02", Kind.OTHER),
        ([b"\xff"], None, "b'\\xff'", Kind.OTHER),
    )
    def test_values_as_text(self, values, column_type, expected, kind):
        names, row = self.read(as_bytes(a=pyarrow.array(values, column_type)))
        self.assertEqual(names.fields, ("a",))
        self.assertEqual(row.fields, (expected,))
        self.assertEqual(row.kinds, (kind,))
        self.assertIsNone(row.line)

    def test_categories_are_their_values(self):
        column = pyarrow.array([3, 3, None]).dictionary_encode()
        _, *rows = self.read(as_bytes(a=column))
        self.assertEqual([row.fields for row in rows], [("3",), ("3",), ("",)])
        self.assertEqual(rows[2].kinds, (Kind.NULL,))

    def test_rows_of_several_batches_keep_their_order(self):
        _, *rows = self.read(as_bytes(a=pyarrow.array(range(1000))))
        self.assertEqual(
            [row.fields[0] for row in rows], [str(i) for i in range(1000)]
        )

    def test_a_damaged_file_is_refused(self):
        whole = as_bytes(a=pyarrow.array(["text"] * 100))
        for content in (b"", b"text,label\n", whole[:-20], whole[20:]):
            with self.assertRaisesRegex(
                ValueError, r"cannot be read.*path='.*a.parquet' \(.*again"
            ):
                self.read(content)

    def test_text_that_is_no_utf_8_is_refused(self):
        array = pyarrow.array([b"good", b"\xff"]).view(pyarrow.string())
        with self.assertRaisesRegex(ValueError, "cannot be read.*UTF8"):
            self.read(as_bytes(a=array))

    def test_a_name_that_is_no_utf_8_is_refused(self):
        content = as_bytes(label=pyarrow.array(["yes"]))
        damaged = content.replace(b"label", b"la\xffel")
        with self.assertRaisesRegex(ValueError, "cannot be read.*utf-8"):
            self.read(damaged)

    def test_columns_have_no_numbers(self):
        with self.assertRaisesRegex(
            ValueError, "must be given by name. .*a.parquet"
        ):
            self.read(as_bytes(a=pyarrow.array(["x"])), has_header=False)
