"""How long the texts are, and how much of them the vocabulary cannot spell.

Letters: N rows, T tokens of all rows.
"""

import collections
import dataclasses
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from tf_bert.data.tasks.examples import Examples
from tf_bert.data.tokens.tokenization import BertTokenizer, EncodedTexts
from tf_bert.data.tokens.word_splitting import split_into_words

# Above any real text, so that nothing is cut; its sums still fit an int32.
_UNLIMITED = 2**30

_QUANTILES = {
    "min": 0.0,
    "p5": 0.05,
    "p25": 0.25,
    "p50": 0.5,
    "p75": 0.75,
    "p95": 0.95,
    "p99": 0.99,
    "max": 1.0,
}
_MOST_UNKNOWN_WORDS = 10


class EncodedRows(NamedTuple):
    """Some rows of a split, as texts and as all their tokens."""

    examples: Examples
    encoded: EncodedTexts


@dataclasses.dataclass(frozen=True)
class TextStatistics:
    """What is known of the texts of a split.

    Attributes:
        empty_rows: numbers of the rows with an empty text, ascending.
        length_quantiles: "min", "p5" ... "max" -> tokens of a row, special
            tokens included, before anything is cut.
        num_truncated: rows that are longer than `max_seq_length`.
        num_tokens: of all rows, special tokens not counted.
        unknown_share: of these tokens, those that are [UNK], in [0, 1].
        unknown_words: the most frequent words that become [UNK], with their
            number.
    """

    num_rows: int
    empty_rows: list[int]
    length_quantiles: dict[str, int]
    num_truncated: int
    truncated_share: float
    num_tokens: int
    unknown_share: float
    num_rows_with_unknown: int
    unknown_words: list[tuple[str, int]]


def encode_whole(tokenizer: BertTokenizer, examples: Examples) -> EncodedRows:
    """Encodes rows without cutting any."""
    encoded = tokenizer.encode_all(
        examples.texts, examples.text_pairs, max_seq_length=_UNLIMITED
    )
    return EncodedRows(examples, encoded)


def measure_texts(
    tokenizer: BertTokenizer,
    chunks: Iterable[EncodedRows],
    *,
    max_seq_length: int,
) -> TextStatistics:
    """Measures the rows of a split; keeps no text of a chunk that is done.

    Args:
        chunks: the rows, at least one of them, in any number of parts.
    """
    lengths, unknown, empty = [], [], []
    words: collections.Counter[str] = collections.Counter()
    for examples, encoded in chunks:
        lengths.append(np.diff(encoded.row_splits))
        unknown.append(_unknown_per_row(encoded, tokenizer.unk_token_id))
        empty += examples.row_numbers[_is_empty(examples)].tolist()
        words += _unknown_words(tokenizer, examples, unknown[-1] > 0)
    all_lengths, all_unknown = np.concatenate(lengths), np.concatenate(unknown)
    num_truncated = int((all_lengths > max_seq_length).sum())
    special = 2 if examples.text_pairs is None else 3
    num_tokens = int((all_lengths - special).sum())
    return TextStatistics(
        num_rows=len(all_lengths),
        empty_rows=empty,
        length_quantiles=length_quantiles(all_lengths),
        num_truncated=num_truncated,
        truncated_share=num_truncated / len(all_lengths),
        num_tokens=num_tokens,
        unknown_share=int(all_unknown.sum()) / max(num_tokens, 1),
        num_rows_with_unknown=int((all_unknown > 0).sum()),
        unknown_words=_most_frequent(words),
    )


def length_quantiles(lengths: np.ndarray) -> dict[str, int]:
    """Returns quantiles that are lengths of rows, none in between.

    Example:
        >>> length_quantiles(np.array([9, 3, 4, 5]))["p50"]
        4
    """
    values = np.quantile(
        lengths, list(_QUANTILES.values()), method="inverted_cdf"
    )
    return dict(zip(_QUANTILES, values.astype(int).tolist(), strict=True))


def _is_empty(examples: Examples) -> np.ndarray:
    """bool `[N]`: whether a text is empty, or nothing but white space."""
    is_empty = np.array([not text.strip() for text in examples.texts], bool)
    if examples.text_pairs is not None:
        is_empty |= [not text.strip() for text in examples.text_pairs]
    return is_empty


def _unknown_per_row(encoded: EncodedTexts, unk_token_id: int) -> np.ndarray:
    """int `[N]`: how many tokens of each row are [UNK]."""
    is_unknown = encoded.input_ids == unk_token_id
    counts = np.concatenate([[0], np.cumsum(is_unknown)])
    return np.diff(counts[encoded.row_splits])


def _unknown_words(
    tokenizer: BertTokenizer, examples: Examples, has_unknown: np.ndarray
) -> collections.Counter[str]:
    """Counts the words of some rows that become [UNK], each by itself."""
    affected = np.flatnonzero(has_unknown).tolist()
    texts = [examples.texts[i] for i in affected]
    if examples.text_pairs is not None:
        texts += [examples.text_pairs[i] for i in affected]
    if not texts:
        return collections.Counter()
    settings = tokenizer.settings
    words = split_into_words(
        texts,
        do_lower_case=settings.do_lower_case,
        strip_accents=settings.strips_accents,
        tokenize_chinese_chars=settings.tokenize_chinese_chars,
    ).values.numpy()
    counts = collections.Counter(words.tolist())
    pieces = tokenizer.tokenize(list(counts))
    is_unknown = (pieces[:, :1] == tokenizer.unk_token_id).numpy()
    return collections.Counter(
        {
            word.decode("utf-8", "replace"): count
            for (word, count), unknown in zip(
                counts.items(), is_unknown, strict=True
            )
            if unknown.all() and len(unknown)
        }
    )


def _most_frequent(words: collections.Counter[str]) -> list[tuple[str, int]]:
    """Of equally frequent words, the first of the alphabet."""
    ordered = sorted(words.items(), key=lambda item: (-item[1], item[0]))
    return ordered[:_MOST_UNKNOWN_WORDS]
