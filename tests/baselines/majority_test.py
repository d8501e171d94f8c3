import numpy as np
from absl.testing import absltest

from tf_bert.baselines import majority


class MajorityTest(absltest.TestCase):
    def test_answers_the_most_frequent_class_with_its_share(self):
        labels = np.array([2, 0, 2, 1])
        model = majority.fit_majority(list("abcd"), None, labels, num_classes=4)
        self.assertEqual(model.predict(["x", "y"]).tolist(), [2, 2])

    def test_lowest_id_of_equally_frequent_classes(self):
        labels = np.array([2, 1, 1, 2, 0])
        model = majority.fit_majority(
            list("abcde"), None, labels, num_classes=3
        )
        self.assertEqual(model.prediction, 1)

    def test_a_balanced_sample_leaves_it_to_the_scored_rows(self):
        for labels in ([0, 0, 0, 1, 1, 1, 2], [0, 0, 0, 1, 1, 2]):
            model = majority.fit_majority(
                ["a"] * len(labels),
                None,
                np.array(labels),
                num_classes=3,
                scored_labels=np.array([2, 2, 2, 1, 1, 0]),
            )
            self.assertEqual(model.prediction, 1)

    def test_training_rows_say_it_where_they_can(self):
        model = majority.fit_majority(
            list("abcd"),
            None,
            np.array([0, 0, 0, 1]),
            num_classes=2,
            scored_labels=np.array([1, 1]),
        )
        self.assertEqual(model.prediction, 0)

    def test_mean_of_float32_scores(self):
        model = majority.fit_mean(
            list("ab"), list("cd"), np.array([1.0, 4.0], np.float32)
        )
        self.assertEqual(model.predict(["x"], ["y"]).tolist(), [2.5])

    def test_no_rows_are_refused(self):
        with self.assertRaisesRegex(ValueError, "--train_file"):
            majority.fit_mean([], None, np.array([]))
        with self.assertRaisesRegex(ValueError, "--train_file"):
            majority.fit_majority([], None, np.array([], int), num_classes=2)


if __name__ == "__main__":
    absltest.main()
