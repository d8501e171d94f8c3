"""WordPiece in the graph: one tokenizer for training and for serving.

Everything is TensorFlow operations, so the same object works eagerly, inside
`tf.data` and in a SavedModel. The ids are those of Hugging Face's
`BertTokenizer`, with one difference, on purpose: a special token written
inside a text ("[SEP]") is text here, not a special token. Hugging Face does
the same when called with ``split_special_tokens=True``.

A text becomes words by rewriting (characters removed, accents stripped, lower
case, spaces around punctuation), and words become pieces by
`tensorflow_text.FastWordpieceTokenizer`. Its own normalization and word
splitting are left off: they follow the Unicode version of the installed
libraries, and know no setting for Chinese characters.

Shapes: N texts; a length in round brackets varies from row to row.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow_text

from tf_bert.data.tokens.tokenizer_settings import TokenizerSettings
from tf_bert.data.tokens.word_splitting import split_into_words

# Hugging Face's own constant for BERT; a longer word is unknown.
_MAX_CHARACTERS_PER_WORD = 100
_MAX_BYTES_PER_CHARACTER = 4


class TokenizedBatch(NamedTuple):
    """Encoded texts, as TensorFlow holds them.

    Args:
        input_ids: int32 RaggedTensor, shape ``[N, (tokens)]``, with [CLS] and
            [SEP].
        first_lengths: int32 Tensor, shape ``[N]``. Tokens of the first
            segment: [CLS], the first text and its [SEP]. `token_type_ids` is
            1 from there on.
    """

    input_ids: tf.RaggedTensor
    first_lengths: tf.Tensor


class EncodedTexts(NamedTuple):
    """Encoded texts, as NumPy holds them.

    Args:
        input_ids: int32 array, shape ``[all tokens]``, row after row.
        row_splits: int64 array, shape ``[N + 1]``. Row i is
            ``input_ids[row_splits[i]:row_splits[i + 1]]``.
        first_lengths: int32 array, shape ``[N]``, as in `TokenizedBatch`.
    """

    input_ids: np.ndarray
    row_splits: np.ndarray
    first_lengths: np.ndarray


class BertTokenizer(tf.Module):
    """Turns texts into the ids of word pieces.

    Letters that got a lower case, or a canonical decomposition, after
    Unicode 13 keep their form; a word with one is [UNK] in any vocabulary
    that does not list it. Bytes that are not UTF-8 make their word [UNK].

    Args:
        vocabulary: The word pieces, in the order of their ids.
        **options: The other arguments of `TokenizerSettings`.

    Example:
        >>> tokenizer = BertTokenizer(
        ...     ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "play", "##ing", "!"]
        ... )
        >>> tokenizer.tokenize(["Playing!", "Chess"]).to_list()
        [[4, 5, 6], [1]]
        >>> tokenizer.encode(["Play"], max_seq_length=8).input_ids.to_list()
        [[2, 4, 3]]
    """

    def __init__(self, vocabulary: Sequence[str], **options):
        super().__init__()
        self.settings = TokenizerSettings(tuple(vocabulary), **options)
        settings = self.settings
        self.unk_token_id = settings.token_id(settings.unk_token)
        self.cls_token_id = settings.token_id(settings.cls_token)
        self.sep_token_id = settings.token_id(settings.sep_token)
        self.pad_token_id = settings.token_id(settings.pad_token)
        self._wordpiece = tensorflow_text.FastWordpieceTokenizer(
            list(settings.vocabulary),
            unknown_token=settings.unk_token,
            max_bytes_per_word=(
                _MAX_CHARACTERS_PER_WORD * _MAX_BYTES_PER_CHARACTER
            ),
            token_out_type=tf.int32,
            no_pretokenization=True,
        )

    @classmethod
    def from_settings(cls, settings: TokenizerSettings) -> "BertTokenizer":
        """Returns the tokenizer of a checkpoint folder."""
        return cls(**vars(settings))

    def tokenize(self, texts: tf.Tensor | Sequence[str]) -> tf.RaggedTensor:
        """Returns word pieces, no special tokens, int32 ``[N, (tokens)]``."""
        words = split_into_words(
            _as_texts(texts, "texts"),
            do_lower_case=self.settings.do_lower_case,
            strip_accents=self.settings.strips_accents,
            tokenize_chinese_chars=self.settings.tokenize_chinese_chars,
        )
        # Done here because the kernel's own limit counts bytes.
        num_characters = tf.strings.length(words.values, "UTF8_CHAR")
        is_too_long = num_characters > _MAX_CHARACTERS_PER_WORD
        known = tf.where(is_too_long, self.settings.unk_token, words.values)
        pieces = self._wordpiece.tokenize(known)  # [all words, (pieces)]
        return words.with_values(pieces).merge_dims(1, 2)

    def encode(
        self,
        texts: tf.Tensor | Sequence[str],
        text_pairs: tf.Tensor | Sequence[str] | None = None,
        *,
        max_seq_length: int,
    ) -> TokenizedBatch:
        """Returns the rows a model reads: ``[CLS] text [SEP] (pair [SEP])``.

        A row that is too long loses word pieces from the end of its longer
        text until both are equally long, then from both; special tokens
        stay.

        Args:
            texts: UTF-8 strings, shape ``[N]``.
            text_pairs: Second texts, shape ``[N]``, or None.
            max_seq_length: Most tokens in a row, special ones included; at
                least 3, or 5 with `text_pairs`.

        Example:
            >>> tokenizer = BertTokenizer(
            ...     ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "b"]
            ... )
            >>> batch = tokenizer.encode(["a a a"], ["b"], max_seq_length=6)
            >>> batch.input_ids.to_list(), batch.first_lengths.numpy()
            ([[2, 4, 4, 3, 5, 3]], array([4], dtype=int32))
        """
        columns = _as_columns(texts, text_pairs)
        _check_max_seq_length(max_seq_length, num_texts=len(columns))
        segments = [self.tokenize(column) for column in columns]
        if text_pairs is None:
            segments = [segments[0][:, : max_seq_length - 2]]
        else:
            segments = _truncate_longest_first(*segments, max_seq_length - 3)
        shape = [segments[0].nrows(), 1]
        parts = [tf.fill(shape, self.cls_token_id)]
        for segment in segments:
            parts += [segment, tf.fill(shape, self.sep_token_id)]
        return TokenizedBatch(
            input_ids=tf.concat(parts, axis=1),  # [N, (tokens)]
            first_lengths=tf.cast(segments[0].row_lengths() + 2, tf.int32),
        )

    def encode_all(
        self,
        texts: Sequence[str],
        text_pairs: Sequence[str] | None = None,
        *,
        max_seq_length: int,
        batch_size: int = 1024,
    ) -> EncodedTexts:
        """Encodes a whole split, on all cores, in chunks.

        The arguments are those of `encode`. The result does not depend on
        `batch_size`, the texts in a chunk.
        """
        columns = _as_columns(texts, text_pairs)
        # Here, since out of a graph the message comes wrapped in its lines.
        _check_max_seq_length(max_seq_length, num_texts=len(columns))

        def encode_chunk(*chunk):
            batch = self.encode(*chunk, max_seq_length=max_seq_length)
            ids = batch.input_ids
            return ids.values, ids.row_lengths(), batch.first_lengths

        if len(columns[0]) <= batch_size:
            # One chunk; tracing takes longer than encoding it.
            chunks = [[part.numpy() for part in encode_chunk(*columns)]]
        else:
            chunks = (
                tf.data.Dataset.from_tensor_slices(tuple(columns))
                .batch(batch_size)
                .map(encode_chunk, num_parallel_calls=tf.data.AUTOTUNE)
                .as_numpy_iterator()
            )
        # The first entries let an empty split be concatenated as well; that
        # of `lengths` is the 0 that row splits start with.
        ids = [np.zeros(0, np.int32)]
        lengths = [np.zeros(1, np.int64)]
        first_lengths = [np.zeros(0, np.int32)]
        for chunk in chunks:
            for parts, part in zip(
                (ids, lengths, first_lengths), chunk, strict=True
            ):
                parts.append(part)
        return EncodedTexts(
            input_ids=np.concatenate(ids),
            row_splits=np.cumsum(np.concatenate(lengths)),
            first_lengths=np.concatenate(first_lengths),
        )


def _truncate_longest_first(
    first: tf.RaggedTensor, second: tf.RaggedTensor, limit: int
) -> list[tf.RaggedTensor]:
    """Cuts two texts to `limit` tokens together, as Hugging Face does it.

    The shorter text is cut only when it is longer than half of `limit`. When
    both are cut and `limit` is odd, the longer one keeps one token more; of
    two equally long ones, the second.
    """
    firsts, seconds = first.row_lengths(), second.row_lengths()
    limit = tf.cast(limit, firsts.dtype)
    half = limit // 2
    most_of_first = tf.where(firsts > seconds, limit - half, half)
    most_of_second = limit - most_of_first
    lengths = (
        tf.minimum(firsts, tf.maximum(most_of_first, limit - seconds)),
        tf.minimum(seconds, tf.maximum(most_of_second, limit - firsts)),
    )
    truncated = []
    for rows, length in zip((first, second), lengths, strict=True):
        starts = rows.row_starts()
        kept = tf.ragged.range(starts, starts + length)
        truncated.append(tf.gather(rows.values, kept))
    return truncated


def _as_columns(
    texts: tf.Tensor | Sequence[str],
    text_pairs: tf.Tensor | Sequence[str] | None,
) -> tuple[tf.Tensor, ...]:
    """Returns one or two string Tensors, shape ``[N]`` each."""
    first = _as_texts(texts, "texts")
    if text_pairs is None:
        return (first,)
    second = _as_texts(text_pairs, "text_pairs")
    if not first.shape.is_compatible_with(second.shape):
        raise ValueError(
            "`texts` and `text_pairs` must hold equally many texts. Received: "
            f"len(texts)={first.shape[0]}, len(text_pairs)={second.shape[0]}. "
            "Pass one second text for each first one."
        )
    return first, second


def _as_texts(texts: tf.Tensor | Sequence[str], name: str) -> tf.Tensor:
    texts = tf.convert_to_tensor(texts, tf.string)
    if texts.shape.rank not in (1, None):
        raise ValueError(
            f"`{name}` must be a list of texts. Received: {name} of shape "
            f"{tuple(texts.shape)}. Wrap a single text in a list."
        )
    return texts


def _check_max_seq_length(max_seq_length: int, *, num_texts: int) -> None:
    # [CLS], and for each text its [SEP] and one token at least.
    smallest = 1 + 2 * num_texts
    if max_seq_length < smallest:
        raise ValueError(
            f"`max_seq_length` must be at least {smallest} for examples of "
            f"{num_texts} text(s), special tokens included. Received: "
            f"max_seq_length={max_seq_length}. Pass "
            f"--max_seq_length={smallest} or more."
        )
