import os
import pathlib
import subprocess
import sys
import tempfile
import unicodedata

import numpy as np
import pytest
import tensorflow as tf
import transformers
from absl.testing import parameterized

from tf_bert.data.tokens import tokenization

DATA_DIR = pathlib.Path(__file__).parents[3] / "../shared/data"

SPECIAL_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
UNK = 1
FORMS = ("NFD", "NFC")

# Words of every script below are spelled letter by letter, so that a letter
# that is treated otherwise changes an id.
SAMPLES = {
    "plain": "Hello, World! It's 3.5% o'clock (really?) a_b a-b $5 <x>",
    "accents": "Ångström café CAFÉ naïve Señor cafe\u0301 \u00c5 \u212b",
    "turkish": "İstanbul ISPARTA ılık İ I ı i\u0307",
    "greek": "ΟΔΥΣΣΕΥΣ ΣΑΣ ΑΣ. Σ σς Ή",
    "german": "Straße STRASSE ẞ",
    "cyrillic": "Йод ёлка ЩИ й",
    "chinese": "中国abc国 𠀀a\U0002b820b豈x",
    "japanese": "が゛ガ ー、。カタカナ",
    "korean": "한국어 한글",
    "arabic": "العَرَبِيَّة ١٢٣، ؟",
    "hebrew": "שָׁלוֹם עולם",
    "hindi": "हिन्दी में क़",
    "thai": "สวัสดีครับ ที่นี่",
    "emoji": "👍🏽 👨\u200d👩\u200d👧 ❤\ufe0f a🙂b",
    "zero width": "a\u200bb c\u200dd \ufeffe f\u00adg h\u2060i",
    "control": "a\x00b c\x01d e\x7ff\x85g h\x0bi\x0cj k\ufffdl",
    "white space": "a\tb\nc\rd\u00a0e\u2003f\u3000g\u2028h\u2029i\u202fj",
    "compatibility": "½ ³ x² ﬁ Ⅷ ㎏ ｗｉｄｅ",
    "punctuation": "«a» “b” a—b a…b ¿c? §1 a·b €5 ©x a‿b",
    "special tokens": "[CLS] a [SEP] b [MASK] [UNK] [PAD] [sep]",
    "later unicode": "a⹃b c\u1abfd e\u0898f g\u0891h a\u166db",
    "private use": "a\ue000b \U000f0000",
    "empty": "",
    "only spaces": " \t \u3000 ",
}
# Every value of each option, and every pair of values.
SETTINGS = tuple(
    {
        "do_lower_case": lower,
        "strip_accents": strip,
        "tokenize_chinese_chars": chinese,
    }
    for lower, strip, chinese in (
        (True, None, True),
        (True, True, False),
        (True, False, True),
        (False, None, False),
        (False, True, True),
        (False, False, False),
    )
)


def letter_vocabulary():
    """Returns a vocabulary of every character that the samples can become."""
    text = "".join(SAMPLES.values())
    text += text.lower() + text.upper()
    text += "".join(unicodedata.normalize(form, text) for form in FORMS)
    letters = sorted(
        {letter for letter in text if letter.isprintable()} - {" "}
    )
    return SPECIAL_TOKENS + letters + [f"##{letter}" for letter in letters]


def hugging_face_tokenizer(vocabulary, **settings):
    ids = {token: index for index, token in enumerate(vocabulary)}
    return transformers.BertTokenizer(vocab=ids, **settings)


def hugging_face_ids(reference, texts, text_pairs=None, **options):
    options = {
        "add_special_tokens": False,
        "return_attention_mask": False,
        "return_token_type_ids": False,
        "split_special_tokens": True,
        "verbose": False,
    } | options
    return reference(texts, text_pairs, **options)["input_ids"]


def assert_same_tokens(vocabulary, texts, **settings):
    """Compares with Hugging Face, and names the first text that differs."""
    ours = tokenization.BertTokenizer(vocabulary, **settings).tokenize(texts)
    reference = hugging_face_tokenizer(vocabulary, **settings)
    theirs = hugging_face_ids(reference, texts)
    for text, row, expected in zip(texts, ours.to_list(), theirs, strict=True):
        assert row == expected, f"{text!r}: {row} != {expected}"


def rows_of(encoded):
    return np.split(encoded.input_ids, encoded.row_splits[1:-1])


def read_bert_vocabulary():
    path = DATA_DIR / "bert_vocab/vocab.txt"
    return path.read_text(encoding="utf-8").rstrip("\n").split("\n")


def read_every_line():
    """Returns every line of every text file of the task folders."""
    lines = []
    for path in sorted(DATA_DIR.glob("*/*")):
        if not path.parent.name.startswith("bert_"):
            # As strings, because Hugging Face takes nothing else.
            text = path.read_bytes().decode("utf-8", errors="replace")
            lines += text.split("\n")
    return lines


class SameAsHuggingFaceTest(parameterized.TestCase):
    @parameterized.parameters(*SETTINGS)
    def test_samples(self, **settings):
        assert_same_tokens(
            letter_vocabulary(), list(SAMPLES.values()), **settings
        )

    @parameterized.parameters(True, False)
    def test_a_word_of_up_to_100_characters_is_spelled(self, do_lower_case):
        letters = "กдa𐐨한"
        pieces = sorted({*letters, *unicodedata.normalize("NFD", letters)})
        vocabulary = [*SPECIAL_TOKENS, *pieces]
        vocabulary += [f"##{piece}" for piece in pieces]
        words = [x * n for x in letters for n in (34, 51, 100, 101)]
        texts = [
            text
            for word in words
            for text in (word, f"{word}.{word}", f"{word}中{word}", f"!{word}")
        ]
        assert_same_tokens(vocabulary, texts, do_lower_case=do_lower_case)

    def test_word_pieces_are_the_longest_that_fit(self):
        vocabulary = [*SPECIAL_TOKENS, "un", "una", "##ffable", "##f", "##able"]
        assert_same_tokens(
            vocabulary, ["unaffable unffable unaable unaf affable unaffablex"]
        )
        # Letters that have a lower case since Unicode 14.
        letters = [*SPECIAL_TOKENS, "a", "##a"]
        assert_same_tokens(letters, ["a\ua7c0a", "\u1c89"])

    def test_every_pair_of_lengths_is_cut_as_hugging_face_cuts_it(self):
        vocabulary = [*SPECIAL_TOKENS, "a", "b"]
        grid = [(i, j) for i in range(8) for j in range(8)]
        texts = ["a " * i for i, _ in grid]
        pairs = ["b " * j for _, j in grid]
        reference = hugging_face_tokenizer(vocabulary)
        ours = tokenization.BertTokenizer(vocabulary)
        for max_seq_length in (5, 6, 7, 10, 13, 16, 17):
            batch = ours.encode(texts, pairs, max_seq_length=max_seq_length)
            expected = hugging_face_ids(
                reference,
                texts,
                pairs,
                add_special_tokens=True,
                truncation="longest_first",
                max_length=max_seq_length,
            )
            self.assertEqual(batch.input_ids.to_list(), expected)
            separator_id = SPECIAL_TOKENS.index("[SEP]")
            self.assertEqual(
                batch.first_lengths.numpy().tolist(),
                [row.index(separator_id) + 1 for row in expected],
            )


class BertTokenizerTest(parameterized.TestCase):
    vocabulary = (*SPECIAL_TOKENS, "a", "b", "##b", "!", "[", "]", "sep")

    def setUp(self):
        super().setUp()
        self.tokenizer = tokenization.BertTokenizer(self.vocabulary)

    def test_special_tokens_in_a_text_are_text(self):
        ids = self.tokenizer.tokenize(["a [SEP]"]).to_list()
        self.assertEqual(ids, [[5, 9, 11, 10]])

    def test_single_texts_keep_their_first_pieces(self):
        batch = self.tokenizer.encode(["a b", "a b a!", ""], max_seq_length=4)
        self.assertEqual(
            batch.input_ids.to_list(), [[2, 5, 6, 3], [2, 5, 6, 3], [2, 3]]
        )
        self.assertEqual(batch.first_lengths.numpy().tolist(), [4, 4, 2])
        self.assertEqual(batch.input_ids.dtype, tf.int32)
        self.assertEqual(batch.first_lengths.dtype, tf.int32)

    def test_bytes_that_are_no_utf8_make_their_word_unknown(self):
        ids = self.tokenizer.tokenize(tf.constant([b"a b\xff! a"])).to_list()
        self.assertEqual(ids, [[5, UNK, 8, 5]])

    def test_other_special_tokens(self):
        tokenizer = tokenization.BertTokenizer(
            ["<s>", "</s>", "<pad>", "\\0", "a"],
            unk_token="\\0",
            cls_token="<s>",
            sep_token="</s>",
            pad_token="<pad>",
        )
        batch = tokenizer.encode(["a c", "c" * 101], max_seq_length=9)
        self.assertEqual(batch.input_ids.to_list(), [[0, 4, 3, 1], [0, 3, 1]])

    def test_saved_model_gives_the_eager_result(self):
        module = tf.Module()
        module.tokenizer = self.tokenizer
        module.serve = tf.function(
            lambda texts: module.tokenizer.encode(
                texts, max_seq_length=6
            ).input_ids.to_tensor(),
            input_signature=[tf.TensorSpec([None], tf.string)],
        )
        folder = self.enterContext(tempfile.TemporaryDirectory())
        tf.saved_model.save(module, folder)
        served = tf.saved_model.load(folder).serve(tf.constant(["ab", "a á!"]))
        self.assertEqual(
            served.numpy().tolist(), [[2, 5, 7, 3, 0], [2, 5, 5, 8, 3]]
        )

    @parameterized.parameters(
        (["a"], None, 2, "must be at least 3 .*length=2. .*_length=3"),
        (["a"], ["b"], 4, "must be at least 5 .*length=4. .*_length=5"),
        (["a", "b"], ["a"], 8, r"len\(texts\)=2, len\(text_pairs\)=1"),
        ("a", None, 8, "Wrap a single text in a list"),
    )
    def test_what_cannot_be_encoded_is_refused(
        self, texts, pairs, length, message
    ):
        with self.assertRaisesRegex(ValueError, message):
            self.tokenizer.encode(texts, pairs, max_seq_length=length)


class EncodeAllTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.tokenizer = tokenization.BertTokenizer([*SPECIAL_TOKENS, "a", "b"])
        self.texts = ["a " * (i % 7) for i in range(23)]
        self.pairs = ["b " * (i % 5) for i in range(23)]

    @parameterized.parameters((5, True), (23, False), (1024, True))
    def test_chunks_do_not_change_the_result(self, batch_size, with_pairs):
        pairs = self.pairs if with_pairs else None
        encoded = self.tokenizer.encode_all(
            self.texts, pairs, max_seq_length=8, batch_size=batch_size
        )
        batch = self.tokenizer.encode(self.texts, pairs, max_seq_length=8)
        self.assertEqual(
            [row.tolist() for row in rows_of(encoded)],
            batch.input_ids.to_list(),
        )
        np.testing.assert_array_equal(
            encoded.first_lengths, batch.first_lengths
        )
        dtypes = [part.dtype for part in encoded]
        self.assertEqual(dtypes, [np.int32, np.int64, np.int32])

    def test_of_no_text_at_all(self):
        encoded = self.tokenizer.encode_all([], max_seq_length=8)
        self.assertEqual(encoded.row_splits.tolist(), [0])
        self.assertEmpty(encoded.input_ids)
        self.assertEqual(encoded.first_lengths.dtype, np.int32)


@pytest.mark.large
class LargeTest(parameterized.TestCase):
    def test_every_line_of_the_data(self):
        lines = read_every_line()
        self.assertGreater(len(lines), 100_000)
        vocabulary = read_bert_vocabulary()
        assert_same_tokens(vocabulary, lines)
        assert_same_tokens(vocabulary, lines[::7], do_lower_case=False)

    def test_pairs_of_lines(self):
        # Many are cut. Of which lengths how much goes, has its own test.
        max_seq_length = 33
        lines = read_every_line()[::7]
        pairs = lines[1:] + lines[:1]
        vocabulary = read_bert_vocabulary()
        encoded = tokenization.BertTokenizer(vocabulary).encode_all(
            lines, pairs, max_seq_length=max_seq_length
        )
        theirs = hugging_face_ids(
            hugging_face_tokenizer(vocabulary),
            lines,
            pairs,
            add_special_tokens=True,
            truncation="longest_first",
            max_length=max_seq_length,
        )
        for row, expected in zip(rows_of(encoded), theirs, strict=True):
            self.assertEqual(row.tolist(), expected)

    @parameterized.parameters(
        {"do_lower_case": True},
        {"do_lower_case": False},
        {"strip_accents": False, "tokenize_chinese_chars": False},
    )
    def test_every_unicode_character(self, **settings):
        characters = [
            chr(code)
            for code in range(sys.maxunicode + 1)
            if not 0xD800 <= code <= 0xDFFF  # Surrogates are no characters.
        ]
        vocabulary = [*SPECIAL_TOKENS, "a", "b", "##b", "##a"]
        words = [f"a{character}b" for character in characters]
        texts = [" ".join(words[i : i + 20]) for i in range(0, len(words), 20)]
        for start in range(0, len(texts), 5_000):
            batch = texts[start : start + 5_000]
            assert_same_tokens(vocabulary, batch, **settings)

    def test_the_locale_does_not_count(self):
        # ICU reads the locale once per process.
        program = (
            "import tensorflow as tf\n"
            "from tf_bert.data.tokens.word_splitting import lower_case\n"
            "text = tf.constant(['I \\u0130'])\n"
            "plain = tf.strings.lower(text, 'utf-8')\n"
            "for result in (plain, lower_case(text)):\n"
            "    print(ascii(result.numpy()[0].decode()))\n"
        )
        result = subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"LC_ALL": "tr_TR.UTF-8"},
            cwd=pathlib.Path(__file__).parents[3],
            check=True,
            capture_output=True,
            text=True,
        )
        # The first line shows that the locale is in force.
        self.assertEqual(
            result.stdout.splitlines(), [r"'\u0131 i'", r"'i i\u0307'"]
        )
