"""Tests of tf_bert/data/readers/unlabelled.py."""

import tracemalloc
from unittest import mock

from absl.testing import parameterized
from conftest import WithFolder

from tf_bert.data.readers import data_files, parquet_files
from tf_bert.data.readers.unlabelled import UnlabelledFile


class UnlabelledTest(WithFolder):
    def test_every_row_is_in_one_chunk_in_file_order(self):
        path = self.write_labelled("p.tsv", *"ab" * 2500)
        file = UnlabelledFile(path, "text")
        chunks = list(file.chunks())
        self.assertEqual([len(chunk.rows) for chunk in chunks], [4096, 904])
        self.assertEqual(chunks[0].columns, ("text", "label"))
        self.assertEqual(chunks[0].rows[:2], [("text 1", "a"), ("text 2", "b")])
        self.assertEqual(chunks[1].texts[-1], "text 5000")
        self.assertIsNone(chunks[0].text_pairs)
        self.assertEqual(list(file.chunks_ahead()), chunks)

    def test_pairs_by_number(self):
        path = self.write_rows("p.tsv", ("1", "a", "b"), ("2", "c", "d"))
        (chunk,) = UnlabelledFile(path, "3", "2").chunks()
        self.assertEqual(chunk.columns, ("column_1", "column_2", "column_3"))
        self.assertEqual(chunk.texts, ("b", "d"))
        self.assertEqual(chunk.text_pairs, ("a", "c"))

    def test_check_finds_a_bad_last_row(self):
        rows = [("a",)] * 3000
        path = self.write_rows("p.tsv", ("text",), *rows, (" ",))
        with self.assertRaisesRegex(ValueError, r"row 3001 \(line 3002\)"):
            UnlabelledFile(path, "text").check()

    def test_empty_texts_are_read_on_request(self):
        path = self.write_rows("p.tsv", ("text", "x"), ("a", "1"), ("", "2"))
        chunks = UnlabelledFile(path, "text").chunks(allow_empty_texts=True)
        self.assertEqual([chunk.texts for chunk in chunks], [("a", "")])

    def test_memory_does_not_grow_with_the_file(self):
        path = self.write_labelled("p.tsv", *["a label"] * 20_000)
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        UnlabelledFile(path, "text").check()
        _, peak = tracemalloc.get_traced_memory()
        # All of them are 4 MB.
        self.assertLess(peak, 2_500_000)

    def test_a_wrong_row_is_found_ahead(self):
        path = self.write_rows("p.tsv", ("text",), *[("a",)] * 9000, (" ",))
        with self.assertRaisesRegex(ValueError, "row 9001"):
            UnlabelledFile(path, "text").chunks_ahead()

    def test_a_large_file_is_not_held_as_a_whole(self):
        rows = [("x" * 1_000_000,)] * 7
        path = self.write_rows("p.tsv", ("text",), *rows, (" ",))
        chunks = UnlabelledFile(path, "text").chunks_ahead()
        self.assertLen(next(chunks).rows, 3)
        with self.assertRaisesRegex(ValueError, "row 8"):
            list(chunks)

    @parameterized.parameters("p.csv", "p.tsv", "p.jsonl", "p.parquet")
    def test_the_file_is_opened_once(self, name):
        path = self.write_columns(name, {"text": ["a", "b"]})
        opened = mock.Mock(side_effect=data_files.open_binary)
        with mock.patch.object(data_files, "open_binary", opened):
            with mock.patch.object(parquet_files, "open_binary", opened):
                list(UnlabelledFile(path, "text").chunks())
        self.assertEqual(opened.call_count, 1)

    def test_chunks_of_long_documents_are_short(self):
        rows = [("x" * 1_000_000,)] * 7
        path = self.write_rows("p.tsv", ("text",), *rows)
        chunks = list(UnlabelledFile(path, "text").chunks())
        self.assertEqual([len(chunk.rows) for chunk in chunks], [3, 3, 1])

    def test_keys_that_would_be_lost_are_refused(self):
        path = self.folder / "p.jsonl"
        path.write_text(
            '{"text": "a", "id": 1}\n{"text": "b"}\n{"text": "c", "n": 2}\n'
        )
        with self.assertRaisesRegex(
            ValueError,
            r"all the keys.*Received: 'n' in .*p.jsonl, row 3 \(line 3\), too "
            r"\(columns: 'text', 'id'\)",
        ):
            UnlabelledFile(str(path), "text").check()
