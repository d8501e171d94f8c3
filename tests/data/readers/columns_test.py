"""Tests of tf_bert/data/readers/columns.py: what may stand in which column."""

import json

from absl.testing import parameterized
from conftest import WithFolder

from tf_bert.data.readers.columns import (
    check_texts,
    open_with_columns,
    word_of,
)


class ColumnsTest(WithFolder):
    def read(self, path):
        table, (text, label) = open_with_columns(
            str(path), text_column="text", label_column="label"
        )
        labels = []
        for row in table.rows():
            check_texts(table, row, [text])
            labels.append(word_of(table, row, label, "label"))
        return labels

    def read_json(self, *rows):
        path = self.folder / "a.jsonl"
        lines = [json.dumps(row) for row in rows]
        path.write_text("\n".join(lines), encoding="utf-8")
        return self.read(path)

    def read_parquet(self, texts, labels):
        columns = {"text": texts, "label": labels}
        return self.read(self.write_columns("a.parquet", columns))

    @parameterized.parameters(
        ([" a ", "b"], ["a", "b"]),
        ([1, 2.5], ["1", "2.5"]),
        ([True, False], ["true", "false"]),
    )
    def test_labels_are_words_numbers_or_booleans(self, labels, expected):
        rows = [{"text": "x", "label": label} for label in labels]
        self.assertEqual(self.read_json(*rows), expected)
        self.assertEqual(self.read_parquet(["x", "x"], labels), expected)

    @parameterized.parameters(
        (
            {"text": 5, "label": 1},
            "no text in `text`.*text='5', a number, in",
            "as a",
        ),
        (
            {"text": ["x"], "label": 1},
            "'.*x.*', a list or an object, in",
            "-text",
        ),
        ({"text": None, "label": 1}, "Received: text=null in", "Fill in"),
        ({"label": 1}, "Received: text=missing in", "Fill in"),
        ({"text": "x", "label": None}, "no label: .*label=null in", "Fill"),
        ({"text": "x"}, "Received: label=missing in", "Fill in the label"),
        ({"text": "x", "label": float("nan")}, "'NaN', a number, in", "Fill"),
        ({"text": "x", "label": {"a": 1}}, "a list or an object, in", "Fill"),
    )
    def test_json_rows_that_are_refused(self, row, received, remedy):
        with self.assertRaisesRegex(
            ValueError, rf"{received} .*a.jsonl, row 2 \(line 2\)\. .*{remedy}"
        ):
            self.read_json({"text": "x", "label": 0}, row)

    @parameterized.parameters(
        (["x", None], [1, 2], "text=null in .*a.parquet, row 2. Fill in"),
        ([5, 6], [1, 2], "text='5', a number, in .*row 1. Write it as a str"),
        ([["x"], ["y"]], [1, 2], "a list or an object, in .*row 1"),
        (["x", "y"], [1, None], "label=null in .*a.parquet, row 2. Fill in"),
        (["x", "y"], [1, float("nan")], "label='nan', a number, in .*row 2"),
        (["x", "y"], [b"1", b"2"], "a date, a time or bytes, in .*row 1"),
    )
    def test_parquet_rows_that_are_refused(self, texts, labels, message):
        with self.assertRaisesRegex(ValueError, message):
            self.read_parquet(texts, labels)

    def test_long_values_are_cut(self):
        with self.assertRaisesRegex(ValueError, r"text='\[[1, ]{39}\.\.\.', a"):
            self.read_json({"text": [1] * 1000, "label": 0})
