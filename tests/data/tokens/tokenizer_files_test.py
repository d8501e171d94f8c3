import json
import pathlib

import pytest
import tokenizers
import transformers
from absl.testing import parameterized
from conftest import WithFolder

from tf_bert.data.tokens import tokenization, tokenizer_files
from tf_bert.data.tokens.tokenizer_settings import TokenizerSettings

DATA_DIR = pathlib.Path(__file__).parents[3] / "../shared/data"

VOCABULARY = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]") + (
    *("he", "##llo", "He", "é", "e", "!", "中", "x\u2028y", "\u00a0", "a"),
)
TEXTS = [
    "hello Hello, HELLO!",
    "é É e",
    "中中a",
    "",
    "a" * 101,
    "hello " * 300,
]

BERT_PROCESSING = {
    "type": "BertProcessing",
    "cls": ["[CLS]", 2],
    "sep": ["[SEP]", 3],
}
PADDING = {
    "strategy": {"Fixed": 16},
    "direction": "Right",
    "pad_to_multiple_of": None,
    "pad_id": 0,
    "pad_type_id": 0,
    "pad_token": "[PAD]",
}
TRUNCATION = {
    "direction": "Right",
    "max_length": 4,
    "strategy": "LongestFirst",
    "stride": 0,
}


def read_transformers_ids(folder, texts, pairs=None):
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    return tokenizer(texts, pairs, verbose=False)["input_ids"]


class FilesTestCase(WithFolder):
    def write(self, name, content):
        if not isinstance(content, str):
            content = json.dumps(content)
        (self.folder / name).write_bytes(content.encode("utf-8"))

    def write_vocabulary(self):
        self.write("vocab.txt", "".join(f"{token}\n" for token in VOCABULARY))

    def edit(self, name, edit):
        path = self.folder / name
        content = json.loads(path.read_text(encoding="utf-8"))
        edit(content)
        self.write(name, content)

    def keep_serialized_alone(self):
        (self.folder / "vocab.txt").unlink()
        (self.folder / "tokenizer_config.json").unlink()

    def read(self, **options):
        return tokenizer_files.read_tokenizer_settings(self.folder, **options)

    def write_all(self, **options):
        settings = TokenizerSettings(VOCABULARY, **options)
        tokenizer_files.write_tokenizer_files(
            self.folder, settings, model_max_length=512
        )
        return settings


class ReadTest(FilesTestCase):
    def test_vocabulary_alone_means_lower_case(self):
        # The line ends may be any, and there may be more at the end.
        self.write("vocab.txt", "\r\n".join(VOCABULARY) + "\r\n\r\n")
        with self.assertLogs("absl", "INFO") as logs:
            settings = self.read()
        self.assertEqual(settings, TokenizerSettings(VOCABULARY))
        self.assertIn("do_lower_case=True", logs.output[0])

    def test_config_decides(self):
        self.write_vocabulary()
        config = {
            "do_lower_case": False,
            "strip_accents": True,
            "tokenize_chinese_chars": False,
            "cls_token": "he",
            "mask_token": {"content": "a", "lstrip": True},
        }
        self.write("tokenizer_config.json", config)
        expected = TokenizerSettings(
            VOCABULARY,
            do_lower_case=False,
            strip_accents=True,
            tokenize_chinese_chars=False,
            cls_token="he",
            mask_token="a",
        )
        self.assertEqual(self.read(), expected)
        self.assertTrue(self.read(do_lower_case=True).do_lower_case)

    @parameterized.parameters(
        ("uncased_L-12_H-768_A-12", True),
        ("cased_L-12_H-768_A-12", False),
        ("multi_cased_L-12_H-768_A-12", False),
        ("chinese_L-12_H-768_A-12", True),
        ("my-cased-model", True),
    )
    def test_google_folders_alone_are_cased_as_named(self, name, do_lower_case):
        self.folder /= name
        self.folder.mkdir()
        self.write_vocabulary()
        if "L-12" in name:
            self.write("bert_config.json", {"vocab_size": len(VOCABULARY)})
        with self.assertLogs("absl", "INFO") as logs:
            settings = self.read()
        self.assertEqual(settings.do_lower_case, do_lower_case)
        self.assertIn(f"do_lower_case={do_lower_case}", logs.output[0])

    def test_special_tokens_of_the_serialized_tokenizer_alone(self):
        settings = TokenizerSettings(
            ("[PAD]", "<unk>", "<s>", "</s>", "<mask>", *VOCABULARY[5:]),
            unk_token="<unk>",
            cls_token="<s>",
            sep_token="</s>",
            do_lower_case=False,
            strip_accents=True,
        )
        tokenizer_files.write_tokenizer_files(
            self.folder, settings, model_max_length=512
        )
        self.keep_serialized_alone()
        self.assertEqual(self.read(), settings)
        self.assert_encodes_as_the_file_says(settings)

    @parameterized.named_parameters(
        ("bert_processing", "post_processor", BERT_PROCESSING),
        ("no_post_processor", "post_processor", None),
        ("padding", "padding", PADDING),
        ("truncation", "truncation", TRUNCATION),
        ("no_decoder", "decoder", None),
    )
    def test_a_variant_of_the_serialized_tokenizer_alone(self, part, value):
        settings = self.write_all()
        self.keep_serialized_alone()
        self.edit(
            "tokenizer.json", lambda content: content.update({part: value})
        )
        self.assertEqual(self.read(), settings)
        if part != "post_processor" or value:
            self.assert_encodes_as_the_file_says(settings)

    def assert_encodes_as_the_file_says(self, settings):
        theirs = tokenizers.Tokenizer.from_file(
            str(self.folder / "tokenizer.json")
        )
        theirs.no_padding()
        theirs.no_truncation()
        ours = tokenization.BertTokenizer.from_settings(settings)
        for pairs in (None, TEXTS[::-1]):
            batch = ours.encode(TEXTS, pairs, max_seq_length=1000)
            texts = TEXTS if pairs is None else zip(TEXTS, pairs, strict=True)
            expected = theirs.encode_batch(list(texts))
            self.assertEqual(
                batch.input_ids.to_list(), [e.ids for e in expected]
            )

    def test_config_overrides_the_serialized_tokenizer(self):
        self.write_all(do_lower_case=False)
        self.write("tokenizer_config.json", {"do_lower_case": True})
        with self.assertLogs("absl", "WARNING") as logs:
            settings = self.read()
        self.assertTrue(settings.do_lower_case)
        self.assertIn("do_lower_case=True", logs.output[0])

    def test_for_a_generic_class_the_serialized_tokenizer_decides(self):
        self.write_all(do_lower_case=False)
        config = {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "do_lower_case": True,
        }
        self.write("tokenizer_config.json", config)
        self.assertFalse(self.read().do_lower_case)
        theirs = read_transformers_ids(self.folder, ["Hello"])
        self.assertEqual(theirs, [[2, 7, 6, 3]])

    def test_what_transformers_saves_is_read(self):
        ids = {token: index for index, token in enumerate(VOCABULARY)}
        tokenizer = transformers.BertTokenizer(vocab=ids, do_lower_case=False)
        tokenizer.save_pretrained(self.folder)
        self.assertEqual(
            self.read(), TokenizerSettings(VOCABULARY, do_lower_case=False)
        )


class ReadErrorsTest(FilesTestCase):
    def assert_refused(self, message, error=ValueError):
        with self.assertRaisesRegex(error, message):
            self.read()

    def test_no_vocabulary(self):
        self.assert_refused(
            f"neither vocab.txt nor tokenizer.json. .*folder='{self.folder}'",
            FileNotFoundError,
        )

    @parameterized.parameters(
        ("", "Received: no entry in .*vocab.txt"),
        ("[PAD]\n[UNK]\n[CLS]\na\n", r"sep_token='\[SEP\]'"),
        ("[PAD]\na\nb\na\n", "'a' in .*vocab.txt, entries 1 and 3"),
        ("[PAD]\n\na\n", "'' in .*vocab.txt, entry 1"),
        ("[PAD]\na\0b\n", r"'a\\x00b' in .*vocab.txt, entry 1"),
    )
    def test_broken_vocabulary(self, text, message):
        self.write("vocab.txt", text)
        self.assert_refused(message)

    def test_vocabulary_in_another_encoding(self):
        (self.folder / "vocab.txt").write_bytes(b"[PAD]\ncaf\xe9\n")
        self.assert_refused("is not in UTF-8. Received: path=.*vocab.txt")

    @parameterized.parameters("[1", '["a"]')
    def test_broken_json(self, text):
        self.write_vocabulary()
        self.write("tokenizer_config.json", text)
        self.assert_refused(
            "is not (a )?JSON.*Received: path=.*tokenizer_config.json"
        )

    @parameterized.parameters("RobertaTokenizer", "PreTrainedTokenizerFast")
    def test_another_class(self, name):
        self.write_vocabulary()
        self.write("tokenizer_config.json", {"tokenizer_class": name})
        self.assert_refused(
            f"BertTokenizer, BertTokenizerFast.*tokenizer_class='{name}'"
        )

    @parameterized.parameters(
        ("model.type", "BPE", "in the model. Received: type='BPE'"),
        ("model.continuing_subword_prefix", "@@", "_prefix='@@'"),
        ("model.max_input_chars_per_word", 50, "_per_word=50"),
        ("normalizer.type", "Lowercase", "in the normalizer. Received: type"),
        ("normalizer.clean_text", False, "clean_text=False"),
        ("pre_tokenizer.type", "Whitespace", "in the pre_tokenizer. Rec"),
        ("normalizer", None, "type=None"),
        ("model", [], "type='list'"),
        ("normalizer.lowercase", "yes", "do_lower_case='yes'"),
        ("normalizer.lowercase", None, "do_lower_case=None"),
        ("model.vocab", ["a"], r"without a gap. Received: \['a'\] in the"),
        ("model.vocab", None, "Received: None in the"),
        ("model.vocab.he", "5", "from 0 without a gap"),
        ("model.vocab.he", 5.0, "from 0 without a gap"),
        ("model.vocab.he", 6, "from 0 without a gap"),
        ("model.unk_token", "<unk>", "unk_token='<unk>'"),
        ("model.unk_token", [], r"unk_token=\[\]"),
        ("model.vocab.\ud800", 15, r"half a .* '\\ud800'"),
        ("added_tokens", "x", "Received: 'x'"),
        (
            "added_tokens",
            [{"id": 1, "content": "he", "special": True}],
            "with its id. Received: 'he'",
        ),
        (
            "added_tokens",
            [{"id": 15, "content": "<user>"}],
            "Received: '<user>'",
        ),
        (
            "added_tokens",
            [{"id": 5, "content": "he"}],
            "must be special.*Received: 'he', an ordinary one",
        ),
        ("added_tokens", [None], "Received: None"),
        ("post_processor.type", "RobertaProcessing", "CLS"),
        ("post_processor", ["x"], "post-processor must be"),
        ("post_processor.single", [], "post-processor must be"),
        ("post_processor.pair", [], "post-processor must be"),
        ("post_processor.special_tokens", {}, "post-processor must"),
    )
    def test_a_serialized_tokenizer_with_another(self, place, value, message):
        self.write_all()
        *parents, name = place.split(".")

        def edit(content):
            for parent in parents:
                content = content[parent]
            content[name] = value

        self.edit("tokenizer.json", edit)
        self.keep_serialized_alone()
        self.assert_refused(f"{message}.*tokenizer.json")

    @parameterized.parameters("[" * 100_000, "1" * 5_000, '{"a": NaN')
    def test_a_serialized_tokenizer_that_is_no_json(self, text):
        self.write("tokenizer.json", text)
        self.assert_refused(
            "not (a )?JSON.*Received: path=.*tokenizer.json.*again"
        )

    @parameterized.parameters("vocab.txt", "tokenizer.json")
    def test_a_link_that_leads_nowhere_is_named(self, name):
        (self.folder / name).symlink_to("gone")
        self.assert_refused(
            f"symbolic link .*Received: .*{name} -> gone", FileNotFoundError
        )

    def test_two_vocabularies(self):
        self.write_all()
        self.write("vocab.txt", "\n".join(reversed(VOCABULARY)))
        self.assert_refused("different vocabularies. Received: folder")

    def test_option_that_is_no_boolean(self):
        self.write_vocabulary()
        self.write("tokenizer_config.json", {"do_lower_case": "false"})
        self.assert_refused("do_lower_case='false'", ValueError)


class WriteTest(FilesTestCase):
    @parameterized.parameters(
        {},
        {"do_lower_case": False},
        {"strip_accents": False, "tokenize_chinese_chars": False},
        {"do_lower_case": False, "strip_accents": True},
    )
    def test_other_programs_read_the_same(self, **options):
        settings = self.write_all(**options)
        self.assertEqual(self.read(), settings)
        ours = tokenization.BertTokenizer.from_settings(settings)
        alone = transformers.PreTrainedTokenizerFast(
            tokenizer_file=str(self.folder / "tokenizer.json")
        )
        theirs = transformers.AutoTokenizer.from_pretrained(self.folder)
        for pairs in (None, TEXTS[::-1]):
            ids = ours.encode(TEXTS, pairs, max_seq_length=1000).input_ids
            for other in (theirs, alone):
                self.assertEqual(
                    ids.to_list(),
                    other(TEXTS, pairs, verbose=False)["input_ids"],
                )
        self.assertIsInstance(theirs, transformers.BertTokenizer)
        self.assertEqual(theirs.model_max_length, 512)
        self.assertLen(theirs, len(VOCABULARY))
        self.assertEqual((theirs.pad_token_id, theirs.mask_token_id), (0, 4))
        types = theirs("he", "a")["token_type_ids"]
        self.assertEqual(types, [0, 0, 0, 1, 1])

    def test_vocabulary_without_mask_token(self):
        vocabulary = tuple(t for t in VOCABULARY if t != "[MASK]")
        tokenizer_files.write_tokenizer_files(
            self.folder, TokenizerSettings(vocabulary), model_max_length=512
        )
        self.assertEqual(self.read(), TokenizerSettings(vocabulary))
        tokenizer = transformers.AutoTokenizer.from_pretrained(self.folder)
        self.assertEqual(tokenizer("a!")["input_ids"], [2, 13, 9, 3])


class TokenizerSettingsTest(parameterized.TestCase):
    def test_special_token_with_white_space_is_refused(self):
        with self.assertRaisesRegex(ValueError, r"cls_token='\\xa0'"):
            TokenizerSettings(VOCABULARY, cls_token="\u00a0")

    def test_the_vocabulary_is_not_printed(self):
        self.assertNotIn("##llo", repr(TokenizerSettings(VOCABULARY)))


@pytest.mark.large
class LargeTest(FilesTestCase):
    @parameterized.parameters("bert_vocab", "bert_ckpt_fixture")
    def test_real_vocabularies_survive(self, name):
        settings = tokenizer_files.read_tokenizer_settings(DATA_DIR / name)
        self.assertTrue(settings.do_lower_case)
        tokenizer_files.write_tokenizer_files(
            self.folder, settings, model_max_length=512
        )
        self.assertEqual(self.read(), settings)
        text = "Fine-tuning on small data, naïvely: 你好 (twice)."
        tokenizer = tokenization.BertTokenizer.from_settings(settings)
        self.assertEqual(
            tokenizer.encode([text], max_seq_length=99).input_ids.to_list(),
            read_transformers_ids(self.folder, [text]),
        )
