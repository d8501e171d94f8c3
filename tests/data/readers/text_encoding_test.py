"""Tests of tf_bert/data/readers/text_encoding.py."""

import gzip
import io
import os
import threading
import tracemalloc
import zlib

from absl.testing import parameterized

from tf_bert.data.readers.text_encoding import decode_blocks, decode_lines


def decode(content, encoding=None):
    return list(decode_lines(io.BytesIO(content), encoding, "a.csv"))


class DecodeLinesTest(parameterized.TestCase):
    @parameterized.parameters(
        "utf-8-sig", "utf-16", "utf-32", "utf-8", "utf-16-le", "utf-16-be"
    )
    def test_marks_decide_and_nothing_is_lost(self, encoding):
        lines = [
            "é日\U0001f600\r\n",
            "\n",
            "a\rb\u2028\x85\x0b\n",
            "x" * 99_999,
        ]
        content = "".join(lines).encode(encoding)
        has_mark = encoding in ("utf-8-sig", "utf-16", "utf-32")
        # Whatever else is said.
        said = "cp1252" if has_mark else encoding
        self.assertEqual(decode(content, said), lines)

    @parameterized.parameters(
        ("cp1252", "“ça” €\n"),
        ("latin-1", "ça\n"),
        ("cp1251", "да\n"),
        ("shift_jis", "ソ表\n"),
        ("gb18030", "中文\n"),
        ("iso2022_jp", "日本\n"),
    )
    def test_the_encoding_that_is_said(self, encoding, text):
        content = (text * 9000).encode(encoding)
        self.assertEqual(decode(content, encoding), [text] * 9000)

    @parameterized.parameters(
        (b"", []),
        (b"\xef\xbb\xbf", []),
        (b"\xff\xfe", []),
        (b"a\0b\n\0\n", ["a\0b\n", "\0\n"]),
        (b"\xfe\xff" + "é\n".encode("utf-16-be"), ["é\n"]),
    )
    def test_marks_alone_nul_and_big_endian(self, content, lines):
        self.assertEqual(decode(content), lines)

    def test_lines_come_as_soon_as_they_are_there(self):
        source, target = os.pipe()
        with open(source, "rb") as file, open(target, "wb") as writer:
            writer.write(b"first\nsec")
            writer.flush()
            blocks = decode_blocks(file, None, "pipe")
            # If it waited for more, this thread would help it on.
            watch = threading.Timer(30, writer.close)
            watch.start()
            self.assertEqual(next(blocks), ["first\n"])
            watch.cancel()
            writer.write(b"ond\n")
            writer.flush()
            self.assertEqual(next(blocks), ["second\n"])


class RefusedTest(parameterized.TestCase):
    def assert_refused(self, content, message, encoding=None):
        with self.assertRaisesRegex(ValueError, message):
            decode(content, encoding)

    @parameterized.parameters(0, 20_000, 70_000)
    def test_bytes_that_are_not_utf_8(self, num_lines):
        self.assert_refused(
            b"a good line\n" * num_lines + b"caf\xe9 \x80 5\nx\n",
            f"not UTF-8 .*byte 0xe9 in a.csv, line {num_lines + 1}. .*"
            "--encoding=cp1252 .*--encoding=latin-1.* the line reads "
            "'café € 5'",
        )

    @parameterized.parameters(
        (b"x\nab\xc3", None, "byte 0xc3 in a.csv, line 2"),
        (
            b"x\n\xff\n",
            "ascii",
            "not text in ascii. Received: byte 0xff in a.csv, line 2. "
            "Correct --encoding",
        ),
        (b"\xff\xfea\0\n\0b", None, "utf-16-le.*byte 0x62.*line 2"),
        (b"x\n" + b"y" * (2**24 + 1), None, "longer than 16,777,216.*line 2"),
    )
    def test_the_line_is_named(self, content, encoding, message):
        self.assert_refused(content, message, encoding)

    @parameterized.parameters("utf-16-le", "utf-16-be")
    def test_utf_16_without_a_mark_is_recognised(self, encoding):
        for text in ("text,label\nда,1\n", "no line end"):
            self.assert_refused(
                text.encode(encoding),
                f"is UTF-16 without .*second byte is 0.*--encoding={encoding}",
            )

    @parameterized.parameters(
        (b"\x1f\x8b\x08", "a gzip file. Add .gz"),
        (b"PK\x03\x04...", "a zip archive or a spreadsheet. Save it as 'CSV"),
        (b"\xd0\xcf\x11\xe0...", "a spreadsheet"),
    )
    def test_other_files_under_the_name_of_text(self, content, message):
        self.assert_refused(
            content, f"not a text file. .*'a.csv', which is {message}"
        )


class GzipTest(parameterized.TestCase):
    packed = gzip.compress(b"".join(b"line %d\n" % i for i in range(9000)))

    def decode(self, content):
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
            yield from decode_lines(file, None, "a.csv.gz")

    def test_whole(self):
        self.assertLen(list(self.decode(self.packed)), 9000)

    @parameterized.parameters(
        (packed[:-9], "end-of-stream marker"),
        (packed[:-5] + b"\0\0\0\0\0", "CRC check failed|Incorrect length"),
        (packed[:20] + b"\xff" * 20 + packed[40:], "decompressing|CRC"),
        (b"text,label\n", "Not a gzipped file"),
    )
    def test_damaged(self, content, reason):
        with self.assertRaisesRegex(
            ValueError,
            rf"is damaged.*path='a.csv.gz' \(.*({reason}).*Fetch or",
        ):
            list(self.decode(content))

    def test_a_small_file_that_unpacks_to_much(self):
        compressor = zlib.compressobj(9, wbits=31)
        million = b"\0" * 2**20
        parts = [compressor.compress(million) for _ in range(100)]
        content = b"".join([*parts, compressor.flush()])
        self.assertLess(len(content), 200_000)
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        with self.assertRaisesRegex(ValueError, "A line is longer"):
            list(self.decode(content))
        _, peak = tracemalloc.get_traced_memory()
        self.assertLess(peak, 64 * 2**20)
