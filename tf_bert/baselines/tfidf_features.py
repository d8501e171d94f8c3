"""TF-IDF features of texts and of text pairs. No TensorFlow.

Letters: N rows, V words and word pairs in the training texts.
"""

from collections.abc import Sequence

from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

# Words of any length and single punctuation marks. scikit-learn's default
# drops both "I" and "?", which tell questions and opinions apart.
_TOKEN_PATTERN = r"\w+|[^\w\s]"


class TfidfFeatures:
    """Turns texts into sparse vectors, by what was in the training texts.

    Words and pairs of neighbouring words are counted, lower-cased, each count
    t as 1 + log(t), weighted by the inverse document frequency, and the
    vector of a text is scaled to length 1. Words that no training text has
    are ignored. A language without spaces is not split into words.

    A pair (a, b) gets five blocks side by side: the vectors of a and of b,
    their elementwise product, the absolute value of their difference, and
    their cosine similarity. The last one is the sum of the product block, and
    is there because a linear model cannot give thousands of rare words the
    same weight by itself.

    Args:
        texts: Training texts.
        text_pairs: As many second texts, or None.
    """

    def __init__(
        self, texts: Sequence[str], text_pairs: Sequence[str] | None = None
    ):
        documents = [*texts, *(text_pairs or ())]
        if not any(document.strip() for document in documents):
            raise ValueError(
                "No training text holds a word. Received: "
                f"{len(documents):,} empty texts. Check --text_column."
            )
        self._vectorizer = TfidfVectorizer(
            ngram_range=(1, 2),
            sublinear_tf=True,
            token_pattern=_TOKEN_PATTERN,
        ).fit(documents)

    def transform(
        self, texts: Sequence[str], text_pairs: Sequence[str] | None = None
    ) -> sparse.csr_matrix:
        """Returns the vectors of N texts, `[N, V]`, or pairs, `[N, 4V + 1]`."""
        first = self._vectorizer.transform(texts)
        if text_pairs is None:
            return first
        second = self._vectorizer.transform(text_pairs)
        product = first.multiply(second).tocsr()
        cosine = sparse.csr_matrix(product.sum(axis=1))
        return sparse.hstack(
            [first, second, product, abs(first - second), cosine],
            format="csr",
        )
