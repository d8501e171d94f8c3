"""Tests of tf_bert/data/readers/unlabelled.py."""

import pathlib
import tempfile
import tracemalloc
from unittest import mock

import pyarrow.parquet
from absl.testing import parameterized

from tf_bert.data.readers import data_files, parquet_files, unlabelled
from tf_bert.data.readers.unlabelled import check_unlabelled, iterate_unlabelled


class UnlabelledTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def write(self, name: str, *rows: tuple[str, ...]) -> str:
        path = self.folder / name
        text = "".join("\t".join(row) + "\n" for row in rows)
        path.write_text(text, encoding="utf-8")
        return str(path)

    def write_labelled(self, name: str, *labels: str) -> str:
        rows = [(f"text {i}", label) for i, label in enumerate(labels, 1)]
        return self.write(name, ("text", "label"), *rows)

    def test_every_row_is_in_one_chunk_in_file_order(self):
        path = self.write_labelled("p.tsv", *"abcde")
        chunks = list(
            iterate_unlabelled(path, text_column="text", chunk_rows=2)
        )
        self.assertEqual([len(chunk.rows) for chunk in chunks], [2, 2, 1])
        self.assertEqual(chunks[0].columns, ("text", "label"))
        self.assertEqual(chunks[0].rows, [("text 1", "a"), ("text 2", "b")])
        self.assertEqual(chunks[2].texts, ("text 5",))
        self.assertIsNone(chunks[0].text_pairs)

    def test_pairs_by_number(self):
        path = self.write("p.tsv", ("1", "a", "b"), ("2", "c", "d"))
        (chunk,) = iterate_unlabelled(
            path, text_column="3", text_pair_column="2"
        )
        self.assertEqual(chunk.columns, ("column_1", "column_2", "column_3"))
        self.assertEqual(chunk.texts, ("b", "d"))
        self.assertEqual(chunk.text_pairs, ("a", "c"))

    def test_check_counts_the_rows(self):
        path = self.write_labelled("p.tsv", *"a" * 3000)
        self.assertEqual(check_unlabelled(path, text_column="text"), 3000)

    def test_check_finds_a_bad_last_row(self):
        rows = [("a",)] * 3000
        path = self.write("p.tsv", ("text",), *rows, (" ",))
        with self.assertRaisesRegex(ValueError, r"row 3001 \(line 3002\)"):
            check_unlabelled(path, text_column="text")

    def test_empty_texts_are_read_on_request(self):
        path = self.write("p.tsv", ("text", "x"), ("a", "1"), ("", "2"))
        chunks = iterate_unlabelled(
            path, text_column="text", allow_empty_texts=True
        )
        self.assertEqual([chunk.texts for chunk in chunks], [("a", "")])

    def test_memory_does_not_grow_with_the_file(self):
        path = self.write_labelled("p.tsv", *["a label"] * 50_000)
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        check_unlabelled(path, text_column="text")
        _, peak = tracemalloc.get_traced_memory()
        # All of them are 10 MB.
        self.assertLess(peak, 2_500_000)

    def test_reading_ahead_changes_nothing(self):
        path = self.write_labelled("p.tsv", *"abcde")

        def read():
            return iterate_unlabelled(path, text_column="text", chunk_rows=2)

        self.assertEqual(list(unlabelled.read_ahead(read())), list(read()))

    def test_a_wrong_row_is_found_ahead(self):
        path = self.write("p.tsv", ("text",), *[("a",)] * 9000, (" ",))
        with self.assertRaisesRegex(ValueError, "row 9001"):
            unlabelled.read_ahead(iterate_unlabelled(path, text_column="text"))

    def test_a_large_file_is_not_held_as_a_whole(self):
        rows = [("x" * 1_000_000,)] * 7
        path = self.write("p.tsv", ("text",), *rows, (" ",))
        chunks = unlabelled.read_ahead(
            iterate_unlabelled(path, text_column="text")
        )
        self.assertLen(next(chunks).rows, 3)
        with self.assertRaisesRegex(ValueError, "row 8"):
            list(chunks)

    @parameterized.parameters("p.csv", "p.tsv", "p.jsonl", "p.parquet")
    def test_the_file_is_opened_once(self, name):
        path = self.folder / name
        if name == "p.parquet":
            pyarrow.parquet.write_table(
                pyarrow.table({"text": ["a", "b"]}), path
            )
        else:
            is_json = name == "p.jsonl"
            path.write_text('{"text": "a"}\n' if is_json else "text\na\n")
        opened = mock.Mock(side_effect=data_files.open_binary)
        with mock.patch.object(data_files, "open_binary", opened):
            with mock.patch.object(parquet_files, "open_binary", opened):
                list(iterate_unlabelled(str(path), text_column="text"))
        self.assertEqual(opened.call_count, 1)

    def test_chunks_of_long_documents_are_short(self):
        rows = [("x" * 1_000_000,)] * 7
        path = self.write("p.tsv", ("text",), *rows)
        chunks = list(iterate_unlabelled(path, text_column="text"))
        self.assertEqual([len(chunk.rows) for chunk in chunks], [3, 3, 1])

    def test_keys_that_would_be_lost_are_refused(self):
        path = self.folder / "p.jsonl"
        path.write_text(
            '{"text": "a", "id": 1}\n{"text": "b"}\n{"text": "c", "n": 2}\n'
        )
        chunks = iterate_unlabelled(str(path), text_column="text", chunk_rows=1)
        self.assertEqual(next(chunks).rows, [("a", "1")])
        self.assertEqual(next(chunks).rows, [("b", "")])
        with self.assertRaisesRegex(
            ValueError,
            r"all the keys.*Received: 'n' in .*p.jsonl, row 3 \(line 3\), too "
            r"\(columns: 'text', 'id'\)",
        ):
            next(chunks)

    def test_chunk_rows_must_be_positive(self):
        path = self.write_labelled("p.tsv", "a")
        with self.assertRaisesRegex(ValueError, "chunk_rows=0"):
            next(iterate_unlabelled(path, text_column="text", chunk_rows=0))
