"""Tests of tf_bert/config/aliases/translation.py."""

import dataclasses
import pathlib

from absl.testing import parameterized

from tf_bert.config import Config, parse
from tf_bert.config.aliases import translation

ROOT = pathlib.Path(__file__).parents[3]
# What every sample command of the paper's code has, beside --fp16.
PAPER_BASE = (
    "--model_type bert --model_name_or_path bert-large-uncased "
    "--task_name RTE --do_train --data_dir glue/RTE --max_seq_length 128 "
    "--per_gpu_eval_batch_size 64 --seed 0 --do_lower_case --num_loggings 10 "
    "--save_steps 0 --test_val_split --use_torch_adamw --warmup_ratio 0.1 "
    "--learning_rate 2e-05 --overwrite_output_dir "
)
# Where the two differ, in name alone: a recipe says the dropout that the
# checkpoint has, and --reinit_layers implies the pooler.
BY_OTHER_WORDS = {
    "output_dir": "x",
    "overwrite_output_dir": False,
    "init_checkpoint": "google-bert/bert-large-uncased",
    "task_name": "rte",
    "data_dir": None,
    "do_lower_case": None,
    "dropout": None,
    "reinit_pooler": False,
}
BATCH = "--per_gpu_train_batch_size 32 "
EPOCHS = "--num_train_epochs 3.0 "
NO_DECAY = "--weight_decay 0 "
# Recipe -> the sample command of the paper's code that it is.
PAPER_SAMPLES = {
    "zhang": BATCH + EPOCHS + NO_DECAY,
    "zhang_longer": BATCH + NO_DECAY + "--max_steps 400 --num_train_epochs 0",
    "zhang_reinit": BATCH
    + EPOCHS
    + NO_DECAY
    + "--reinit_pooler --reinit_layers 5",
    "mixout": "--per_gpu_train_batch_size 16 --gradient_accumulation_steps 2 "
    + EPOCHS
    + NO_DECAY
    + "--mixout 0.1",
    "llrd": BATCH + EPOCHS + NO_DECAY + "--layerwise_learning_rate_decay 0.95",
    "pretrained_wd": BATCH
    + EPOCHS
    + "--prior_weight_decay --weight_decay 1e-3",
}


def translate(line):
    return translation.translate(line.split())


class ReadingTest(parameterized.TestCase):
    @parameterized.parameters(
        ("--seed=1", {"seed": "1"}),
        ("-seed=1", {"seed": "1"}),
        ("--seed 1", {"seed": "1"}),
        ("--seed -1", {"seed": "-1"}),
        ("--seed=", {"seed": ""}),
        ("--text_column=a=b", {"text_column": "a=b"}),
        ("--text_column --seed", {"text_column": "--seed"}),
        ("--bias_correction", {"bias_correction": "true"}),
        ("--nobias_correction", {"bias_correction": "false"}),
        ("--bias_correction=no", {"bias_correction": "no"}),
        ("", {}),
    )
    def test_as_absl_does(self, line, expected):
        self.assertEqual(translate(line), expected)

    def test_the_order_is_that_of_the_last_settings(self):
        settings = translate("--seed=1 --learning_rate=1 --seed=2")
        self.assertEqual(list(settings), ["learning_rate", "seed"])
        self.assertEqual(settings["seed"], "2")


class OtherNamesTest(parameterized.TestCase):
    @parameterized.parameters(
        ("--model_name_or_path=x", {"init_checkpoint": "x"}),
        ("--model_name_or_path x", {"init_checkpoint": "x"}),
        ("--max_steps=50", {"num_train_steps": "50"}),
        ("--max_steps -1", {}),
        ("--max_steps=50 --max_steps=-1.0", {}),
        ("--load_best_model_at_end", {"checkpoint_to_use": "best"}),
        ("--noload_best_model_at_end", {"checkpoint_to_use": "last"}),
        ("--load_best_model_at_end=False", {"checkpoint_to_use": "last"}),
        ("--use_bertadam", {"bias_correction": "false"}),
        ("--nofp16 --logging_steps=0.0 --model_type=BERT", {}),
    )
    def test_become_ours(self, line, expected):
        self.assertEqual(translate(line), expected)

    @parameterized.parameters(
        ("--seed=1 --max_steps=5 --num_train_steps=6", "6"),
        ("--num_train_steps=6 --max_steps=5", "5"),
    )
    def test_the_later_name_counts_and_that_is_logged(self, line, expected):
        with self.assertLogs("absl", "INFO") as logs:
            settings = translate(line)
        self.assertEqual(settings["num_train_steps"], expected)
        self.assertRegex(
            logs.output[-1], "both set --num_train_steps: the last one counts"
        )

    def test_what_they_are_here_is_logged_in_one_line(self):
        with self.assertLogs("absl", "INFO") as logs:
            translate("--max_steps=5 --warmup_ratio=0.1 --seed=3")
        self.assertLen(logs.output, 1)
        self.assertEndsWith(
            logs.output[0],
            "Translated flags: --max_steps is --num_train_steps=5, "
            "--warmup_ratio is --warmup_proportion=0.1.",
        )

    def test_our_own_names_are_not_logged(self):
        with self.assertNoLogs("absl", "INFO"):
            translate("--seed=3 --seed=4")

    @parameterized.parameters(
        "--prior_weight_decay --weight_decay=1e-3",
        "--weight_decay=1e-3 --prior_weight_decay",
        "--weight_decay=0 --prior_weight_decay=true --weight_decay=1e-3",
    )
    def test_decay_changes_its_meaning_wherever_it_stands(self, line):
        with self.assertLogs("absl", "INFO") as logs:
            settings = translate(line)
        self.assertEqual(
            settings, {"pretrained_weight_decay": "1e-3", "weight_decay": "0"}
        )
        self.assertRegex(
            logs.output[0], "--prior_weight_decay is --pretrained_weight_decay="
        )

    def test_switched_off_it_leaves_decay_alone(self):
        settings = translate("--weight_decay=1e-3 --noprior_weight_decay")
        self.assertEqual(settings, {"weight_decay": "1e-3"})

    def test_a_group_stands_where_its_last_name_does(self):
        line = "--warmup_ratio=0.1 --num_warmup_steps=7 --warmup_steps=9"
        self.assertEqual(translate(line), {"num_warmup_steps": "9"})
        line = "--warmup_steps=9 --num_warmup_steps=7"
        self.assertEqual(translate(line), {"num_warmup_steps": "7"})


class ErrorsTest(parameterized.TestCase):
    """More are among the cases of tests/bad_inputs.py."""

    @parameterized.parameters(
        ("--nobias_corection", "Did you mean --bias_correction?"),
        ("--noseed", "Received: --noseed. Did you mean --seed?"),
        ("--zzz", "Received: --zzz. --help lists"),
        ("--max_steps", "has no value. Received: --max_steps at the end"),
        ("--seed 1 2", "Received: '2' behind --seed. A value with spaces"),
        (
            "--do_train false",
            "Received: 'false' behind --do_train. A switch is turned off by "
            "--nodo_train or --do_train=false",
        ),
        ("--", "Received: '--'"),
        ("-", "Received: '-'"),
        ("--do_train=maybe", "true or false. Received: --do_train=maybe"),
        ("--cache_dir=x", "no such flag. Received: --cache_dir"),
    )
    def test_says_what_is_wrong(self, line, message):
        with self.assertRaisesRegex(ValueError, message):
            translate(line)


class WholeCommandsTest(parameterized.TestCase):
    """Commands as they stand in documentation, with our output_dir."""

    def config(self, line):
        return Config(**parse.parse(["--output_dir=x", *line.split()]))

    def test_of_transformers(self):
        config = self.config(
            "--model_name_or_path google-bert/bert-base-cased "
            "--train_file train.csv --do_train --do_eval --max_seq_length 128 "
            "--per_device_train_batch_size 16 --gradient_accumulation_steps 2 "
            "--learning_rate 2e-5 --num_train_epochs 3 --warmup_ratio 0.06 "
            "--eval_strategy epoch --save_strategy epoch --bf16 "
            "--load_best_model_at_end --metric_for_best_model eval_f1 "
            "--lr_scheduler_type cosine --report_to none --seed 42"
        )
        self.assertEqual(config.for_devices(4).train_batch_size, 128)
        self.assertEqual(config.init_checkpoint, "google-bert/bert-base-cased")
        self.assertEqual(config.warmup_proportion, 0.06)
        self.assertEqual(config.evaluate_every_epochs, 1)
        self.assertIsNone(config.num_evaluations)
        self.assertEqual(config.metric, "f1")
        self.assertEqual(config.lr_schedule, "cosine")
        self.assertFalse(config.tensorboard)

    @parameterized.parameters(*PAPER_SAMPLES)
    def test_those_of_the_paper_are_its_recipes(self, name):
        config = self.config(PAPER_BASE + PAPER_SAMPLES[name])
        files = [
            f"--flagfile={ROOT / 'flags' / file}.flags"
            for file in (f"recipes/{name}", "tasks/rte", "models/bert_large")
        ]
        recipe = Config(**parse.parse(files))
        self.assertEqual(
            dataclasses.replace(config.for_devices(1), **BY_OTHER_WORDS),
            dataclasses.replace(recipe, **BY_OTHER_WORDS),
        )

    def test_of_google(self):
        config = self.config(
            "--task_name=MRPC --do_train=true --do_eval=true --data_dir=glue "
            "--init_checkpoint=uncased/bert_model.ckpt --max_seq_length=128 "
            "--train_batch_size=32 --learning_rate=2e-5 --num_train_epochs=3.0 "
            "--do_lower_case=true --use_tpu=false"
        )
        self.assertEqual(config.mode, "train")
        self.assertTrue(config.do_lower_case)

    def test_no_epochs_alone_are_refused(self):
        with self.assertRaisesRegex(ValueError, "`num_train_epochs` must be"):
            self.config("--num_train_epochs=0")
