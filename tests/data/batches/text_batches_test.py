"""Tests of tf_bert/data/batches/text_batches.py."""

import numpy as np
from absl.testing import parameterized

from tf_bert.data.batches import text_batches
from tf_bert.data.tokens.tokenization import EncodedTexts


def make_texts(lengths, seed=0):
    """Texts of random ids; what is second in each is random too."""
    rng = np.random.default_rng(seed)
    lengths = np.array(lengths)
    return EncodedTexts(
        input_ids=rng.integers(1, 1000, lengths.sum()).astype(np.int32),
        row_splits=np.concatenate([[0], np.cumsum(lengths)]),
        first_lengths=rng.integers(1, lengths + 1).astype(np.int32),
    )


def unpack(batch):
    """Yields number, ids, types and positions of each text of a batch."""
    inputs = batch.inputs
    capacity = inputs["cls_positions"].shape[1]
    for number, slot in zip(batch.numbers, batch.slots, strict=True):
        replica, place = divmod(int(slot), capacity)
        width = inputs["input_ids"].shape[2]
        flat = {
            name: values[replica].ravel()
            for name, values in inputs.items()
            if name != "cls_positions"
        }
        begin = int(inputs["cls_positions"][replica, place])
        ids = flat["example_ids"]
        row = slice(begin // width * width, (begin // width + 1) * width)
        # All of its own tokens, which are the ones that it attends to.
        (own,) = np.nonzero(ids[row] == ids[begin])
        own += row.start
        yield (
            number,
            flat["input_ids"][own],
            flat["token_type_ids"][own],
            flat["position_ids"][own],
        )


class PackTest(parameterized.TestCase):
    @parameterized.parameters(1, 2, 3)
    def test_every_text_is_whole_and_by_itself(self, num_replicas):
        rng = np.random.default_rng(1)
        texts = make_texts(rng.integers(2, 300, 500))
        seen = []
        for batch in text_batches.pack(
            texts, most_rows=6, num_replicas=num_replicas
        ):
            for number, ids, types, positions in unpack(batch):
                seen.append(number)
                first, last = texts.row_splits[number : number + 2]
                np.testing.assert_array_equal(ids, texts.input_ids[first:last])
                inside = np.arange(last - first)
                np.testing.assert_array_equal(positions, inside)
                is_second = inside >= texts.first_lengths[number]
                np.testing.assert_array_equal(types, is_second)
        self.assertEqual(sorted(seen), list(range(500)))

    @parameterized.named_parameters(
        ("short", 3, 20, 0.9), ("long", 65, 129, 0.8), ("alike", 40, 42, 0.85)
    )
    def test_rows_are_full(self, shortest, longest, share):
        rng = np.random.default_rng(2)
        texts = make_texts(rng.integers(shortest, longest, 2000))
        computed = sum(
            batch.inputs["input_ids"].size
            for batch in text_batches.pack(texts, most_rows=16)
        )
        self.assertGreater(len(texts.input_ids) / computed, share)

    @parameterized.parameters(False, True)
    def test_shapes_are_a_handful_whatever_the_texts(self, is_one):
        rng = np.random.default_rng(3)
        shapes = set()
        for size in (1, 2, 10, 100, 1000):
            for longest in (3, 64, 70, 128):
                for batch in text_batches.pack(
                    make_texts(rng.integers(2, longest + 1, size)),
                    most_rows=8,
                    num_replicas=2,
                    is_one_height=is_one,
                ):
                    shapes.add(batch.inputs["input_ids"].shape)
        replicas, found, widths = (set(x) for x in zip(*shapes, strict=True))
        self.assertEqual(replicas, {2})
        self.assertLessEqual(widths, {64, 96, 128, 192, 256})
        if is_one:
            self.assertLen(shapes, len(widths))
        # Of rows of 128 tokens or fewer, of 192, and of 256.
        heights = {8, 5, 4} if is_one else {8, 4, 2, 1, 5}
        self.assertLessEqual(found, heights)

    @parameterized.parameters(
        ([5], 4, (1, 1, 64)),
        ([512] * 4, 16, (1, 4, 512)),  # Wider rows are fewer.
    )
    def test_shape_of_one_batch(self, lengths, most_rows, shape):
        texts = make_texts(lengths)
        (batch,) = text_batches.pack(texts, most_rows=most_rows)
        self.assertEqual(batch.inputs["input_ids"].shape, shape)
