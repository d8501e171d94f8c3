"""Tests of the reviews that come with the package."""

import collections
import csv
import os
import pathlib
import re
import tempfile

import numpy as np
from absl.testing import parameterized

from tf_bert.config import Config
from tf_bert.data.tasks import run_data

FOLDER = pathlib.Path(__file__).parents[2] / "tf_bert/data/product_reviews"
SIZES = {"train": 500, "validation": 100, "test": 200}


def read(split):
    with open(FOLDER / f"{split}.tsv", encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return list(rows)


ROWS = {split: read(split) for split in SIZES}
ALL_ROWS = [row for rows in ROWS.values() for row in rows]


def word_sets():
    """Returns the rows as 0 and 1: which words each has."""
    texts = [set(re.findall("[a-z']+", r["text"].lower())) for r in ALL_ROWS]
    words = {word: i for i, word in enumerate(sorted(set().union(*texts)))}
    table = np.zeros([len(texts), len(words)], np.float32)
    for row, text in enumerate(texts):
        table[row, [words[word] for word in text]] = 1
    return table


class ProductReviewsTest(parameterized.TestCase):
    @parameterized.parameters(*SIZES.items())
    def test_half_of_each_split_is_positive(self, split, size):
        labels = collections.Counter(row["label"] for row in ROWS[split])
        self.assertEqual(labels, {"negative": size // 2, "positive": size // 2})

    @parameterized.parameters(*SIZES)
    def test_rows_are_complete_short_and_of_many_products(self, split):
        for number, row in enumerate(ROWS[split], start=1):
            self.assertEqual(
                list(row), ["text", "label", "product", "kind"], number
            )
            for field in row.values():
                self.assertEqual(field, field.strip(), number)
                self.assertNotEmpty(field, number)
            self.assertBetween(len(row["text"].split()), 5, 60, number)
        self.assertGreaterEqual(len({r["product"] for r in ROWS[split]}), 20)

    @parameterized.parameters("validation", "test")
    def test_kinds_have_the_same_share_in_every_split(self, split):
        def counts(rows):
            return collections.Counter((r["kind"], r["label"]) for r in rows)

        train, other = counts(ROWS["train"]), counts(ROWS[split])
        for key in train | other:
            expected = train[key] * SIZES[split] / SIZES["train"]
            self.assertLess(abs(other[key] - expected), 1, key)

    def test_no_two_texts_have_nearly_the_same_words(self):
        table = word_sets()
        both = table @ table.T
        sizes = table.sum(axis=1)
        similarity = both / (sizes[:, None] + sizes[None, :] - both)
        np.fill_diagonal(similarity, 0)
        first, second = np.unravel_index(similarity.argmax(), similarity.shape)
        self.assertLess(
            similarity.max(),
            0.6,
            f"{ALL_ROWS[first]['text']} / {ALL_ROWS[second]['text']}",
        )

    def test_is_found_from_any_folder(self):
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.enterContext(tempfile.TemporaryDirectory()))
        config = Config(output_dir="x", task_name="product_reviews")
        data = run_data.load(config, run_data.get_task(config))
        for split in SIZES:
            examples = getattr(data, split)
            self.assertEqual(
                list(examples.texts), [row["text"] for row in ROWS[split]]
            )
            names = [data.task.label_names[i] for i in examples.labels]
            self.assertEqual(names, [row["label"] for row in ROWS[split]])
