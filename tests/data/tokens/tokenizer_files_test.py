import dataclasses
import json
import pathlib
import tempfile

import pytest
import tokenizers
import transformers
from absl.testing import parameterized

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


class WithFolder(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(
            self.enterContext(tempfile.TemporaryDirectory())
        )

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

    def read(self, **options):
        return tokenizer_files.read_tokenizer_settings(self.folder, **options)

    def write_all(self, **options):
        settings = TokenizerSettings(VOCABULARY, **options)
        tokenizer_files.write_tokenizer_files(
            self.folder, settings, model_max_length=512
        )
        return settings


class ReadTest(WithFolder):
    def test_vocabulary_alone_means_lower_case(self):
        self.write_vocabulary()
        with self.assertLogs("absl", "INFO") as logs:
            settings = self.read()
        self.assertEqual(settings, TokenizerSettings(VOCABULARY))
        self.assertIn("do_lower_case=True", logs.output[0])

    def test_windows_line_ends_and_blank_lines_at_the_end(self):
        self.write("vocab.txt", "\r\n".join(VOCABULARY) + "\r\n\r\n")
        self.assertEqual(self.read().vocabulary, VOCABULARY)

    def test_no_line_end_at_the_end(self):
        self.write("vocab.txt", "\n".join(VOCABULARY))
        self.assertEqual(self.read().vocabulary, VOCABULARY)

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

    @parameterized.parameters(True, False)
    def test_override_decides(self, do_lower_case):
        self.write_vocabulary()
        self.write(
            "tokenizer_config.json", {"do_lower_case": not do_lower_case}
        )
        settings = self.read(do_lower_case=do_lower_case)
        self.assertEqual(settings.do_lower_case, do_lower_case)

    @parameterized.parameters(
        ("uncased_L-12_H-768_A-12", True),
        ("cased_L-12_H-768_A-12", False),
        ("multi_cased_L-12_H-768_A-12", False),
        ("chinese_L-12_H-768_A-12", True),
    )
    def test_google_folders_are_cased_as_named(self, name, do_lower_case):
        self.folder /= name
        self.folder.mkdir()
        self.write_vocabulary()
        self.write("bert_config.json", {"vocab_size": len(VOCABULARY)})
        with self.assertLogs("absl", "INFO") as logs:
            settings = self.read()
        self.assertEqual(settings.do_lower_case, do_lower_case)
        self.assertIn(f"do_lower_case={do_lower_case}", logs.output[0])

    def test_the_name_of_other_folders_does_not_count(self):
        self.folder /= "my-cased-model"
        self.folder.mkdir()
        self.write_vocabulary()
        self.assertTrue(self.read().do_lower_case)

    def test_vocabulary_without_mask_token(self):
        self.write("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n")
        self.assertIsNone(self.read().mask_token)

    def test_serialized_tokenizer_alone(self):
        settings = self.write_all(do_lower_case=False, strip_accents=True)
        (self.folder / "vocab.txt").unlink()
        (self.folder / "tokenizer_config.json").unlink()
        self.assertEqual(self.read(), settings)

    def test_special_tokens_of_the_serialized_tokenizer_alone(self):
        settings = TokenizerSettings(
            ("[PAD]", "<unk>", "<s>", "</s>", "<mask>", *VOCABULARY[5:]),
            unk_token="<unk>",
            cls_token="<s>",
            sep_token="</s>",
        )
        tokenizer_files.write_tokenizer_files(
            self.folder, settings, model_max_length=512
        )
        (self.folder / "vocab.txt").unlink()
        (self.folder / "tokenizer_config.json").unlink()
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
        (self.folder / "vocab.txt").unlink()
        (self.folder / "tokenizer_config.json").unlink()
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


class ReadErrorsTest(WithFolder):
    def assert_refused(self, message, error=ValueError):
        with self.assertRaisesRegex(error, message):
            self.read()

    def test_no_vocabulary(self):
        self.assert_refused(
            f"vocab.txt or tokenizer.json. Received: folder='{self.folder}'",
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
        self.assert_refused("UTF-8 was expected. Received: path=.*vocab.txt")

    @parameterized.parameters("[1", '["a"]')
    def test_broken_json(self, text):
        self.write_vocabulary()
        self.write("tokenizer_config.json", text)
        self.assert_refused("expected. Received: path=.*tokenizer_config.json")

    @parameterized.parameters("RobertaTokenizer", "PreTrainedTokenizerFast")
    def test_another_class(self, name):
        self.write_vocabulary()
        self.write("tokenizer_config.json", {"tokenizer_class": name})
        self.assert_refused(
            f"BertTokenizer, BertTokenizerFast.*tokenizer_class='{name}'"
        )

    @parameterized.parameters(
        ("model", "type", "BPE"),
        ("model", "continuing_subword_prefix", "@@"),
        ("model", "max_input_chars_per_word", 50),
        ("normalizer", "type", "Lowercase"),
        ("normalizer", "clean_text", False),
        ("normalizer", "type", "Sequence"),
        ("pre_tokenizer", "type", "Whitespace"),
    )
    def test_another_serialized_tokenizer(self, part, key, value):
        self.write_all()
        self.edit(
            "tokenizer.json", lambda content: content[part].update({key: value})
        )
        self.assert_refused(f"in the {part}. Received: {key}={value!r}")

    def test_serialized_tokenizer_without_normalizer(self):
        self.write_all()
        self.edit(
            "tokenizer.json", lambda content: content.update(normalizer=None)
        )
        self.assert_refused("Received: type=None")

    @parameterized.named_parameters(
        ("text", "normalizer", "BertNormalizer", "type='str'"),
        ("list", "model", [], "type='list'"),
        ("option", "normalizer.lowercase", "yes", "lowercase='yes'"),
        ("option_none", "normalizer.lowercase", None, "lowercase=None"),
        ("vocabulary_list", "model.vocab", ["a"], "Received: list in the"),
        ("vocabulary_none", "model.vocab", None, "Received: NoneType in the"),
        ("id_text", "model.vocab.he", "5", "give each entry a number"),
        ("id_float", "model.vocab.he", 5.0, "give each entry a number"),
        ("id_twice", "model.vocab.he", 6, "from 0 without a gap"),
        ("unknown", "model.unk_token", "<unk>", "unk_token='<unk>'"),
        ("unknown_list", "model.unk_token", [], r"unk_token=\[\]"),
        ("half", "model.vocab.\ud800", 15, r"half a .* '\\ud800'"),
        ("added_text", "added_tokens", "x", "Received: 'x'"),
        ("added_none", "added_tokens", [None], "Received: None"),
        ("roberta", "post_processor.type", "RobertaProcessing", "CLS"),
        ("processor_list", "post_processor", ["x"], "post-processor must be"),
        ("one_text", "post_processor.single", [], "post-processor must be"),
        ("pair", "post_processor.pair", [], "post-processor must be"),
        ("no_ids", "post_processor.special_tokens", {}, "post-processor must"),
    )
    def test_a_serialized_tokenizer_with_another(self, place, value, message):
        self.write_all()
        *parents, name = place.split(".")

        def edit(content):
            for parent in parents:
                content = content[parent]
            content[name] = value

        self.edit("tokenizer.json", edit)
        (self.folder / "vocab.txt").unlink()
        self.assert_refused(f"{message}.*tokenizer.json")

    @parameterized.parameters("[" * 100_000, "1" * 5_000, '{"a": NaN')
    def test_a_serialized_tokenizer_that_is_no_json(self, text):
        self.write("tokenizer.json", text)
        self.assert_refused("JSON .*Received: path=.*tokenizer.json.*again")

    def test_an_added_token_that_texts_would_be_searched_for(self):
        self.write_all()
        token = {"id": VOCABULARY.index("he"), "content": "he"}
        self.edit(
            "tokenizer.json",
            lambda content: content["added_tokens"].append(token),
        )
        self.assert_refused("must be special.*Received: 'he', an ordinary one")

    def test_an_added_token_with_another_id(self):
        self.write_all()
        token = {"id": 1, "content": "he", "special": True}
        self.edit(
            "tokenizer.json",
            lambda content: content["added_tokens"].append(token),
        )
        self.assert_refused("with its id. Received: 'he'")

    @parameterized.parameters("vocab.txt", "tokenizer.json")
    def test_a_link_that_leads_nowhere_is_named(self, name):
        (self.folder / name).symlink_to("gone")
        self.assert_refused(
            f"symbolic link .*Received: .*{name} -> gone", FileNotFoundError
        )

    def test_added_token_outside_the_vocabulary(self):
        self.write_all()
        token = {"id": len(VOCABULARY), "content": "<user>"}
        self.edit(
            "tokenizer.json",
            lambda content: content["added_tokens"].append(token),
        )
        self.assert_refused("Received: '<user>'")

    def test_two_vocabularies(self):
        self.write_all()
        self.write("vocab.txt", "\n".join(reversed(VOCABULARY)))
        self.assert_refused("the same vocabulary. Received: two that differ")

    def test_serialized_vocabulary_with_a_gap(self):
        self.write_all()
        self.edit(
            "tokenizer.json",
            lambda content: content["model"]["vocab"].update(he=99),
        )
        (self.folder / "vocab.txt").unlink()
        self.assert_refused("from 0 without a gap")

    def test_option_that_is_no_boolean(self):
        self.write_vocabulary()
        self.write("tokenizer_config.json", {"do_lower_case": "false"})
        self.assert_refused("do_lower_case='false'", ValueError)


class WriteTest(WithFolder):
    @parameterized.product(
        do_lower_case=(True, False),
        strip_accents=(None, True, False),
        tokenize_chinese_chars=(True, False),
    )
    def test_both_programs_read_the_same(self, **options):
        settings = self.write_all(**options)
        self.assertEqual(self.read(), settings)
        tokenizer = tokenization.BertTokenizer.from_settings(settings)
        self.assertEqual(
            tokenizer.encode(TEXTS, max_seq_length=1000).input_ids.to_list(),
            read_transformers_ids(self.folder, TEXTS),
        )
        pairs = TEXTS[::-1]
        batch = tokenizer.encode(TEXTS, pairs, max_seq_length=1000)
        self.assertEqual(
            batch.input_ids.to_list(),
            read_transformers_ids(self.folder, TEXTS, pairs),
        )

    def test_transformers_knows_lengths_and_special_tokens(self):
        self.write_all()
        tokenizer = transformers.AutoTokenizer.from_pretrained(self.folder)
        self.assertIsInstance(tokenizer, transformers.BertTokenizer)
        self.assertEqual(tokenizer.model_max_length, 512)
        self.assertLen(tokenizer, len(VOCABULARY))
        self.assertEqual(tokenizer.pad_token_id, 0)
        self.assertEqual(tokenizer.mask_token_id, 4)
        self.assertEqual(
            tokenizer("he", "a")["token_type_ids"], [0, 0, 0, 1, 1]
        )

    def test_serialized_tokenizer_is_complete_by_itself(self):
        settings = self.write_all(do_lower_case=False)
        path = str(self.folder / "tokenizer.json")
        tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_file=path)
        ours = tokenization.BertTokenizer.from_settings(settings)
        self.assertEqual(
            tokenizer(TEXTS)["input_ids"],
            ours.encode(TEXTS, max_seq_length=1000).input_ids.to_list(),
        )

    def test_vocabulary_without_mask_token(self):
        vocabulary = tuple(t for t in VOCABULARY if t != "[MASK]")
        tokenizer_files.write_tokenizer_files(
            self.folder, TokenizerSettings(vocabulary), model_max_length=512
        )
        self.assertEqual(self.read(), TokenizerSettings(vocabulary))
        tokenizer = transformers.AutoTokenizer.from_pretrained(self.folder)
        self.assertEqual(tokenizer("a!")["input_ids"], [2, 13, 9, 3])

    def test_writing_twice_gives_the_same_files(self):
        settings = self.write_all()
        first = {p.name: p.read_bytes() for p in self.folder.iterdir()}
        self.assertEqual(
            set(first), {"vocab.txt", "tokenizer.json", "tokenizer_config.json"}
        )
        self.assertEqual(self.write_all(), settings)
        second = {p.name: p.read_bytes() for p in self.folder.iterdir()}
        self.assertEqual(first, second)


class TokenizerSettingsTest(parameterized.TestCase):
    def test_accents_follow_the_case_unless_told(self):
        settings = TokenizerSettings(VOCABULARY)
        self.assertTrue(settings.strips_accents)
        cased = dataclasses.replace(settings, do_lower_case=False)
        self.assertFalse(cased.strips_accents)
        told = dataclasses.replace(settings, strip_accents=False)
        self.assertFalse(told.strips_accents)

    def test_special_token_with_white_space_is_refused(self):
        with self.assertRaisesRegex(ValueError, r"cls_token='\\xa0'"):
            TokenizerSettings(VOCABULARY, cls_token="\u00a0")

    def test_the_vocabulary_is_not_printed(self):
        self.assertNotIn("##llo", repr(TokenizerSettings(VOCABULARY)))


@pytest.mark.large
class LargeTest(WithFolder):
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
