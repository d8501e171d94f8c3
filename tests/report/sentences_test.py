"""Tests of tf_bert/report/sentences.py: what is claimed, and what is not."""

import pytest

from tf_bert.report import sentences

TWO = {"reinit_layers=0": {}, "reinit_layers=2": {"reinit_layers": 2}}


@pytest.fixture
def results_of(write_trials, compute, tmp_path):
    """Returns a function from test scores of two recipes to their results."""

    def results(first, second, **fields):
        labels = list(TWO)
        path = write_trials(
            tmp_path / "trials",
            sweep=TWO,
            scores={labels[0]: first, labels[1]: second},
            **fields,
        )
        return compute(path)

    return results


# Scores of two recipes, and what is said of the better one.
BEST = {
    "noise": ([0.6, 0.8], [0.65, 0.8], "which may be noise between seeds."),
    "the baseline": (
        [0.8, 0.82],
        [0.5, 0.6],
        "It is the baseline; the next, reinit_layers=2, is",
    ),
    "one trial each": (
        [0.6],
        [0.9],
        "there are too few trials to tell that from noise",
    ),
    "equal": (
        [0.6, 0.8],
        [0.8, 0.6],
        "reinit_layers=2, has the same mean as reinit_layers=0.",
    ),
    "constant": (
        [0.5] * 3,
        [0.7] * 3,
        "there is no test of it, for neither recipe's scores vary.",
    ),
}


class TestBestRecipe:
    def test_a_large_difference_is_more_than_noise(self, results_of):
        results = results_of([0.6, 0.61, 0.62], [0.8, 0.81, 0.82])
        text = sentences.best_recipe(results)
        assert text.startswith(
            "reinit_layers=2 has the highest mean: 0.810, with a standard "
            "deviation of 0.010 over 3 trials. That is a little too good, for "
            "the recipe was chosen on these test examples. It is 0.200 above "
            "reinit_layers=0 (95 % interval +"
        )
        assert text.endswith("more than noise between seeds.")

    @pytest.mark.parametrize("first, second, said", BEST.values(), ids=BEST)
    def test_nothing_more_is_claimed(self, results_of, first, second, said):
        results = results_of(first, second)
        assert said in sentences.best_recipe(results)
        assert sentences.differences(results).startswith("No recipe ")


class TestCaveat:
    @pytest.mark.parametrize(
        "chosen, ending",
        [("last", "validation examples."), ("best", "a little too good.")],
    )
    def test_without_test_rows_the_choice_matters(
        self, results_of, chosen, ending
    ):
        results = results_of([0.6, 0.8], [0.8, 0.6])
        for trial in results.task.trials:
            del trial.record["majority"]["test"]
            trial.record["chosen"] = chosen
        assert sentences.summary(results)[-1].endswith(ending)
        with_it = ", with its checkpoints," if chosen == "best" else ""
        text = sentences.best_recipe(results)
        assert f"was chosen{with_it} on these validation examples." in text


class TestFlattered:
    def test_advice_says_it_too(self, results_of):
        results = results_of([0.6, 0.7, 0.8], [0.7, 0.8, 0.9])
        assert sentences.trials_advice(results).startswith(
            "With reinit_layers=2 (chosen on these test examples), "
        )

    @pytest.mark.parametrize(
        "chosen, patience, clause",
        [
            ("last", 0, ""),
            ("last", 3, "with checkpoints chosen on these validation examples"),
            ("best", 0, "with checkpoints chosen on these validation examples"),
        ],
    )
    def test_a_single_recipe_was_not_chosen_but_its_checkpoints_may_be(
        self, write_trials, compute, tmp_path, chosen, patience, clause
    ):
        path = write_trials(tmp_path / "one", scores={"all trials": [0.7, 0.8]})
        results = compute(path)
        assert sentences.flattered(results) == ""  # There is a test split.
        for trial in results.task.trials:
            del trial.record["majority"]["test"]
            trial.record["chosen"] = chosen
            trial.record["config"]["early_stopping_patience"] = patience
        assert sentences.flattered(results) == clause


class TestBaselines:
    # The baseline of the fixture has 0.78, known to 0.73 to 0.83.
    @pytest.mark.parametrize(
        "score, beginning",
        [
            (0.9, "BERT is worth it here: TF-IDF + linear SVM scores 0.780; "),
            (0.8, "Whether BERT is worth it here is not clear: "),
            (0.6, "BERT is not worth it here: "),
        ],
    )
    def test_the_verdict_follows_the_interval(
        self, results_of, score, beginning
    ):
        results = results_of([score, score + 0.001], [0.5, 0.5])
        text = sentences.baselines(results)
        assert text.startswith(beginning)
        assert f"{'below' if score < 0.78 else 'above'} it." in text

    def test_without_an_interval_it_is_not_clear(self, results_of):
        results = results_of([0.9], [0.5])
        stored = results.task.baselines["models"]["tfidf_svm"]["test"]
        note = "too few examples of class spam"
        stored |= {"accuracy_ci": None, "accuracy_ci_note": note}
        text = sentences.baselines(results)
        assert text.startswith("Whether BERT is worth it here is not clear: ")
        assert f"There are {note} among these test examples to say" in text

    def test_one_trial_is_one(self, results_of):
        text = sentences.baselines(results_of([0.68], [0.5]))
        assert text == (
            "BERT is not worth it here: TF-IDF + linear SVM scores 0.780; the "
            "one trial of reinit_layers=0 (chosen on these test examples) is "
            "0.100 below it."
        )


class TestFailures:
    def test_none_is_said_too(self, results_of):
        results = results_of([0.8, 0.9], [0.8, 0.9])
        assert sentences.failures(results) == "None of 4 trials failed."

    def test_those_of_a_single_recipe_are_not_listed(
        self, write_trials, compute, tmp_path
    ):
        path = write_trials(tmp_path / "one", scores={"all trials": [0.4, 0.8]})
        assert sentences.failures(compute(path)) == (
            "1 of 2 trials failed, that is, ended no better than guessing."
        )

    def test_they_are_counted_by_recipe(self, results_of):
        results = results_of([None, 0.9], [0.4, 0.5])
        assert sentences.failures(results) == (
            "3 of 4 trials failed, that is, ended no better than guessing: "
            "1 of 2 of reinit_layers=0; 2 of 2 of reinit_layers=2."
        )
