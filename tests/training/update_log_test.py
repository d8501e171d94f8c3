"""Tests of tf_bert/training/update_log.py."""

import io

import numpy as np
from absl.testing import parameterized

from tf_bert.training.update_log import UpdateLog, read_arrays


def make_log(num_steps=3):
    log = UpdateLog(("embeddings", "classifier"))
    for step in range(num_steps):
        rate = np.float32(step / 10)
        # Twice as far as expected; with a rate of 0, nowhere.
        log.append(rate, np.float32([[6, 8], [3, 4]]) * rate)
    return log


class UpdateLogTest(parameterized.TestCase):
    def test_arrays_are_those_of_the_steps(self):
        arrays = make_log().arrays()
        self.assertEqual(arrays["step"].tolist(), [1, 2, 3])
        self.assertEqual(arrays["step"].dtype, np.int32)
        np.testing.assert_allclose(arrays["learning_rate"], [0, 0.1, 0.2])
        np.testing.assert_allclose(
            arrays["update_norm/embeddings"], [0, 0.6, 1.2]
        )
        np.testing.assert_allclose(
            arrays["expected_norm/classifier"], [0, 0.4, 0.8]
        )
        floats = set(arrays) - {"step"}
        self.assertEqual(
            {arrays[x].dtype for x in floats}, {np.float32(0).dtype}
        )

    def test_a_step_without_a_rate_has_no_ratio(self):
        np.testing.assert_array_equal(
            make_log().arrays()["bias_ratio"], [np.nan, 2, 2]
        )

    def test_before_the_first_step_is_empty(self):
        arrays = make_log(0).arrays()
        self.assertEqual({len(array) for array in arrays.values()}, {0})

    def test_a_log_that_is_continued_equals_an_unbroken_one(self):
        unbroken = make_log(5)
        # The file is two steps ahead of the state.
        log = UpdateLog(unbroken.blocks)
        log.restore(unbroken.to_bytes(), 3, path="x")
        for rate, norms in zip(
            unbroken.learning_rates[3:], unbroken.norms[3:], strict=True
        ):
            log.append(rate, norms)
        self.assertEqual(log.to_bytes(), unbroken.to_bytes())

    @parameterized.parameters(
        (UpdateLog(("embeddings",)), 2),
        (UpdateLog(("pooler", "x")), 2),
        (make_log(), 4),
    )
    def test_that_of_another_run_is_refused(self, log, num_steps):
        data = make_log().to_bytes()
        with self.assertRaisesRegex(
            ValueError, "belong to another run.*Received: a.npz, not of"
        ):
            log.restore(data, num_steps, path="a.npz")

    @parameterized.parameters(b"", b"text", make_log().to_bytes()[:200])
    def test_a_damaged_file_is_refused(self, data):
        with self.assertRaisesRegex(
            ValueError, "Could not read .* Received: a.npz"
        ):
            read_arrays(data, path="a.npz")

    def test_objects_are_not_unpickled(self):
        file = io.BytesIO()
        np.savez(file, step=np.array([{}], object))
        with self.assertRaisesRegex(ValueError, "Could not read the rec"):
            read_arrays(file.getvalue(), path="a.npz")
