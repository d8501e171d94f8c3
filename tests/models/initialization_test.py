import numpy as np
import tiny_bert
from absl.testing import parameterized

from tf_bert.models import initialization


class InitializationTest(parameterized.TestCase):
    @parameterized.parameters(0.02, 0.5)
    def test_kernels_are_plain_normal(self, initializer_range):
        draws = initialization.new_value(
            "a/kernel", (400, 500), initializer_range=initializer_range, seed=0
        )
        self.assertEqual(draws.dtype, np.float32)
        self.assertAlmostEqual(draws.std() / initializer_range, 1, delta=0.008)
        self.assertAlmostEqual(draws.mean() / initializer_range, 0, delta=0.012)
        # Truncated normals, as TensorFlow's BERT drew, have none of these.
        beyond = (abs(draws) > 2 * initializer_range).mean()
        self.assertAlmostEqual(beyond, 0.0455, delta=0.0025)

    @parameterized.parameters(("gamma", 1), ("beta", 0), ("bias", 0))
    def test_gains_are_one_and_shifts_zero(self, leaf, expected):
        drawn = initialization.new_value(
            f"a/{leaf}", (5,), initializer_range=0.02, seed=0
        )
        np.testing.assert_array_equal(drawn, np.full(5, expected))

    def test_a_value_depends_on_the_seed_and_the_path(self):
        def draw(path, seed):
            return initialization.new_value(
                path, (4, 4), initializer_range=0.02, seed=seed
            ).tolist()

        self.assertEqual(draw("a/kernel", 0), draw("a/kernel", 0))
        self.assertNotEqual(draw("a/kernel", 0), draw("a/kernel", 1))
        self.assertNotEqual(draw("a/kernel", 0), draw("b/kernel", 0))

    def test_the_head_is_the_same_whatever_lies_below(self):
        shallow, deep = (
            tiny_bert.values(
                tiny_bert.tiny_classifier(7, num_hidden_layers=number)
            )
            for number in (1, 2)
        )
        for path in ("classifier/kernel", "bert/pooler/dense/kernel"):
            np.testing.assert_array_equal(shallow[path], deep[path])

    def test_another_seed_gives_another_model(self):
        first = tiny_bert.values(tiny_bert.tiny_classifier(0))
        second = tiny_bert.values(tiny_bert.tiny_classifier(1))
        for path, array in first.items():
            is_drawn = path.endswith(("kernel", "embeddings"))
            self.assertNotEqual(
                is_drawn, np.array_equal(array, second[path]), path
            )
