"""Tests of tf_bert/config/aliases/groups.py."""

from absl.testing import parameterized

from tf_bert.config.aliases import groups


class ModeTest(parameterized.TestCase):
    @parameterized.parameters(
        ("do_train", "train"),
        ("do_eval", "evaluate"),
        ("do_predict", "predict"),
        ("do_train do_eval", "train"),
        ("do_eval do_train", "train"),
    )
    def test_training_includes_the_others(self, names, mode):
        values = dict.fromkeys(names.split(), "true")
        self.assertEqual(groups.mode(values, {}), {"mode": mode})

    def test_what_is_off_does_not_count(self):
        values = {"do_train": "false", "do_eval": "true", "do_predict": "false"}
        self.assertEqual(groups.mode(values, {}), {"mode": "evaluate"})

    def test_the_same_mode_may_be_given_too(self):
        settings = groups.mode({"do_train": "true"}, {"mode": "train"})
        self.assertEqual(settings, {"mode": "train"})

    def test_predicts_a_file_after_training(self):
        values = dict.fromkeys(("do_train", "do_predict"), "true")
        settings = groups.mode(values, {"predict_file": "new.csv"})
        self.assertEqual(settings, {"mode": "train"})
        with self.assertRaisesRegex(ValueError, "Pass --predict_file"):
            groups.mode(values, {"test_file": "test.csv"})

    @parameterized.parameters(
        ({"do_train": "false"}, {}, "Received: --do_train=false"),
        ({"do_eval": "true"}, {"mode": "train"}, "`mode` contradicts"),
    )
    def test_contradictions_are_refused(self, values, ours, message):
        with self.assertRaisesRegex(ValueError, message):
            groups.mode(values, ours)


class WarmupTest(parameterized.TestCase):
    @parameterized.parameters(
        ({"warmup_ratio": "0.06"}, {"warmup_proportion": "0.06"}),
        ({"warmup_steps": "50"}, {"num_warmup_steps": "50"}),
        ({"warmup_steps": "0"}, {"num_warmup_steps": "0"}),
        # A float below 1 is a share in transformers 5.
        ({"warmup_steps": "0.06"}, {"warmup_proportion": "0.06"}),
        (
            {"warmup_steps": "0", "warmup_ratio": "0.06"},
            {"warmup_proportion": "0.06"},
        ),
        (
            {"warmup_steps": "50", "warmup_ratio": "0.06"},
            {"num_warmup_steps": "50"},
        ),
        ({"lr_scheduler_type": "cosine"}, {"lr_schedule": "cosine"}),
        (
            {"lr_scheduler_type": "constant_with_warmup", "warmup_steps": "5"},
            {"lr_schedule": "constant", "num_warmup_steps": "5"},
        ),
        (
            {"lr_scheduler_type": "constant", "warmup_steps": "0"},
            {"lr_schedule": "constant", "warmup_proportion": "0"},
        ),
    )
    def test_is_what_it_is_in_transformers(self, values, settings):
        self.assertEqual(groups.warmup(values, {}), settings)

    @parameterized.parameters(
        (
            {"lr_scheduler_type": "constant", "warmup_ratio": "0.1"},
            {},
            "Received: --warmup_proportion=0.1",
        ),
        (
            {"lr_scheduler_type": "constant"},
            {"num_warmup_steps": "5"},
            "Received: --num_warmup_steps=5",
        ),
        ({"warmup_steps": "some"}, {}, "must be a number. Received: warmup_st"),
    )
    def test_contradictions_are_refused(self, values, ours, message):
        with self.assertRaisesRegex(ValueError, message):
            groups.warmup(values, ours)


class EvaluationTest(parameterized.TestCase):
    @parameterized.parameters(
        ({"eval_strategy": "epoch"}, {"evaluate_every_epochs": "1"}),
        ({"evaluation_strategy": "epoch"}, {"evaluate_every_epochs": "1"}),
        ({"eval_strategy": "no"}, {"num_evaluations": "1"}),
        ({"eval_steps": "50"}, {"evaluate_every_steps": "50"}),
        (
            {"eval_strategy": "steps", "eval_steps": "50"},
            {"evaluate_every_steps": "50"},
        ),
        (
            {
                "eval_strategy": "steps",
                "eval_steps": "50",
                "save_strategy": "steps",
                "save_steps": "50",
            },
            {"evaluate_every_steps": "50"},
        ),
        (
            {"eval_strategy": "epoch", "save_strategy": "epoch"},
            {"evaluate_every_epochs": "1"},
        ),
        ({"save_steps": "0"}, {}),
        ({"save_strategy": "no"}, {}),
    )
    def test_lengths(self, values, settings):
        self.assertEqual(groups.evaluation(values, {}), settings)

    @parameterized.parameters(
        ({"eval_strategy": "no", "eval_steps": "5"}, "--eval_steps=5. Pass"),
        (
            {"eval_strategy": "no", "evaluation_strategy": "epoch"},
            "Pass --eval_strategy once",
        ),
        ({"eval_strategy": "daily"}, "must be no, epoch or steps"),
        ({"save_strategy": "epoch"}, "must be those of evaluation"),
        ({"eval_steps": "50", "save_steps": "500"}, "must be those of evaluat"),
    )
    def test_contradictions_are_refused(self, values, message):
        with self.assertRaisesRegex(ValueError, message):
            groups.evaluation(values, {})


class AdamTest(parameterized.TestCase):
    @parameterized.parameters(
        ({"use_bertadam": "true"}, "false"),
        ({"use_torch_adamw": "true"}, "true"),
        ({"use_bertadam": "true", "use_torch_adamw": "true"}, "true"),
        ({"use_bertadam": "true", "use_torch_adamw": "false"}, "false"),
        ({"use_bertadam": "false"}, "true"),
    )
    def test_corrects_the_bias_unless_it_is_bertadam(self, values, expected):
        settings = groups.adam(values, {})
        self.assertEqual(settings, {"bias_correction": expected})


class PriorTest(parameterized.TestCase):
    def test_the_strength_is_that_of_weight_decay(self):
        settings = groups.prior(
            {"prior_weight_decay": "true"}, {"weight_decay": "1e-3"}
        )
        self.assertEqual(
            settings, {"pretrained_weight_decay": "1e-3", "weight_decay": "0"}
        )

    def test_off_it_says_nothing_about_weight_decay(self):
        settings = groups.prior(
            {"prior_weight_decay": "false"}, {"weight_decay": "1e-3"}
        )
        self.assertEqual(settings, {})

    def test_without_a_strength_it_is_refused(self):
        with self.assertRaisesRegex(
            ValueError, "must be given with `prior_weight_decay`"
        ):
            groups.prior({"prior_weight_decay": "true"}, {})
