"""Tests of tf_bert/trials/summary_table.py."""

from absl.testing import absltest, parameterized

from tf_bert.trials import summary_table


def record(seed, test, validation=0.6, *, recipe="a", **fields):
    scores = {
        "validation": {"accuracy": validation},
        "test": {"accuracy": test},
    }
    return {
        "trial": f"{seed}",
        "recipe": recipe,
        "config": {"train_file": "reviews.csv"},
        "seeds": {"head_seed": seed, "data_seed": seed, "dropout_seed": seed},
        "status": "ok",
        "metric": "accuracy",
        "task": {"is_regression": False, "label_names": ["bad", "good"]},
        "chosen": "last",
        "last": scores,
        "best": None,
        "majority": dict.fromkeys(scores, 0.5),
        "is_failed": False,
        "is_degenerate": False,
        "is_constant": False,
        **fields,
    }


def diverged(seed, **fields):
    nothing = {"status": "diverged", "last": None, "is_failed": True}
    return record(seed, None, **nothing, **fields)


class RenderTest(parameterized.TestCase):
    def test_a_single_recipe_has_its_scores_and_an_advice(self):
        text = summary_table.render([record(i, 0.6 + i / 10) for i in range(3)])
        self.assertStartsWith(text, "Accuracy on test, over 3 trials\n")
        self.assertRegex(text, r"a +3 +0\.7000 +\[0\.4516, 0\.9484\] +0\.1000")
        self.assertIn("trial is not clearly worth it", text)

    def test_one_trial_is_one(self):
        text = summary_table.render([record(0, 0.7)])
        self.assertStartsWith(text, "Accuracy on test, over 1 trial\n")

    def test_recipes_are_compared_with_the_baseline(self):
        records = [record(i, 0.7 + i / 100) for i in range(2)]
        records += [record(i, 0.8 + i / 100, recipe="b") for i in range(2)]
        self.assertRegex(
            summary_table.render(records), r"Against a .*\nb +\+0\.1000"
        )
        self.assertRegex(
            summary_table.render(records, baseline="b"),
            r"Against b .*\na +-0\.1000",
        )

    def test_the_advice_counts_those_that_diverged(self):
        # Of the two, one is expected to have (0.9 + 0.5) / 2.
        text = summary_table.render([record(0, 0.9), diverged(1)])
        self.assertRegex(text, r"one is expected to score 0\.(6|7)\d\d")

    def test_all_may_have_diverged(self):
        only_test = {"majority": {"test": 0.25}}
        text = summary_table.render(
            [diverged(i, **only_test) for i in range(2)]
        )
        self.assertStartsWith(text, "Accuracy on test, over 2 trials")
        self.assertRegex(text, r"a +2 +0\.2500")


if __name__ == "__main__":
    absltest.main()
