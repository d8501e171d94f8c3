"""Every file format holds the same rows: one table of all of them."""

import csv
import gzip
import io
import json
import pathlib

import numpy as np
import pyarrow
import pyarrow.parquet
from absl.testing import parameterized
from conftest import WithFolder

from tf_bert.config.text_format import TextFormat
from tf_bert.data.readers.unlabelled import UnlabelledFile
from tf_bert.data.tasks.known_tasks import custom_task
from tf_bert.data.tasks.load_splits import load_split

COLUMNS = ("text", "pair", "label")
# What every format can hold, .tsv too.
PLAIN = [
    ("Where is my card?", "a, b; c | d", "yes"),
    ('say "hi", she said', " spaces ", "no"),
    ("NUL \0 and \ufffd stay", "\u2028 \x85 \x0b \ufeff", "yes"),
    ("日本語 \U0001f600 é e\u0301", "x" * 200_000, "no"),
]
# A field of these needs quotes.
BROKEN_LINES = [
    ("one\ntwo\r\nthree\rfour", "tab\tinside", "yes"),
    ("line\n", "\n\n\r\r.", "no"),
]


def csv_bytes(rows, *, delimiter=",", line_end="\n", encoding="utf-8"):
    text = io.StringIO(newline="")
    csv.writer(
        text,
        delimiter=delimiter,
        lineterminator=line_end,
        quoting=csv.QUOTE_ALL,
    ).writerows([COLUMNS, *rows])
    return text.getvalue().encode(encoding)


def tsv_bytes(rows, *, delimiter="\t", line_end="\n"):
    lines = [delimiter.join(row) + line_end for row in [COLUMNS, *rows]]
    return "".join(lines).encode("utf-8")


def jsonl_bytes(rows, *, is_ascii=False):
    lines = [
        json.dumps(dict(zip(COLUMNS, row, strict=True)), ensure_ascii=is_ascii)
        for row in rows
    ]
    return ("\n".join(lines) + "\n").encode("utf-8")


def parquet_bytes(rows, *, column_type=None, is_dictionary=False):
    column_type = column_type or pyarrow.string()
    arrays = [
        pyarrow.array(column, column_type) for column in zip(*rows, strict=True)
    ]
    if is_dictionary:
        arrays = [array.dictionary_encode() for array in arrays]
    file = io.BytesIO()
    table = pyarrow.table(dict(zip(COLUMNS, arrays, strict=True)))
    pyarrow.parquet.write_table(table, file, row_group_size=3)
    return file.getvalue()


# Name of the file, its content, what must be said about it.
LINE_FORMATS = [
    ("plain.tsv", tsv_bytes(PLAIN), {}),
    ("plain.txt", tsv_bytes(PLAIN), {}),
    ("windows.tsv", tsv_bytes(PLAIN, line_end="\r\n"), {}),
    ("plain.tsv.gz", gzip.compress(tsv_bytes(PLAIN)), {}),
    ("caret.txt", tsv_bytes(PLAIN, delimiter="^"), {"delimiter": "^"}),
]
ALL = PLAIN + BROKEN_LINES
OTHER_FORMATS = [
    ("plain.csv", csv_bytes(ALL), {}),
    ("windows.csv", csv_bytes(ALL, line_end="\r\n"), {}),
    ("mark.csv", csv_bytes(ALL, encoding="utf-8-sig"), {}),
    ("wide.csv", csv_bytes(ALL, encoding="utf-16"), {}),
    ("wider.csv", csv_bytes(ALL, encoding="utf-32"), {}),
    (
        "no_mark.csv",
        csv_bytes(ALL, encoding="utf-16-be"),
        {"encoding": "utf-16-be"},
    ),
    ("semicolon.csv", csv_bytes(ALL, delimiter=";"), {}),
    ("tab.csv", csv_bytes(ALL, delimiter="\t"), {}),
    ("pipe.csv", csv_bytes(ALL, delimiter="|"), {}),
    ("colon.csv", csv_bytes(ALL, delimiter=":"), {"delimiter": ":"}),
    ("Upper.CSV.GZ", gzip.compress(csv_bytes(ALL)), {}),
    ("plain.jsonl", jsonl_bytes(ALL), {}),
    ("escaped.ndjson", jsonl_bytes(ALL, is_ascii=True), {}),
    ("plain.jsonl.gz", gzip.compress(jsonl_bytes(ALL)), {}),
    ("plain.parquet", parquet_bytes(ALL), {}),
    (
        "large.parquet",
        parquet_bytes(ALL, column_type=pyarrow.large_string()),
        {},
    ),
    ("dictionary.parquet", parquet_bytes(ALL, is_dictionary=True), {}),
]
FORMATS = [(*format, PLAIN) for format in LINE_FORMATS] + [
    (*format, ALL) for format in OTHER_FORMATS
]


class FormatsTest(WithFolder):
    @parameterized.parameters(*FORMATS)
    def test_what_is_read_is_what_was_written(self, name, content, said, rows):
        path = str(self.folder / name)
        pathlib.Path(path).write_bytes(content)
        text_format = TextFormat(**said)
        texts, pairs, labels = zip(*rows, strict=True)
        with self.subTest("to train on"):
            task = custom_task(
                text_column="text",
                text_pair_column="pair",
                label_column="label",
                label_names=("no", "yes"),
            )
            examples = load_split(task, path, text_format=text_format)
            self.assertEqual(examples.texts, texts)
            self.assertEqual(examples.text_pairs, pairs)
            np.testing.assert_array_equal(
                examples.labels, [int(label == "yes") for label in labels]
            )
        with self.subTest("to predict"):
            (chunk,) = UnlabelledFile(
                path, "text", text_format=text_format
            ).chunks()
            self.assertEqual(chunk.columns, COLUMNS)
            self.assertEqual(chunk.rows, rows)
            self.assertEqual(chunk.texts, texts)
