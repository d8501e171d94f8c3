"""Tests of the flag files in flags/."""

import dataclasses
import itertools
import os
import pathlib
import re
import shlex

from absl.testing import parameterized

from tf_bert.config import Config, parse
from tf_bert.data.tasks.known_tasks import TASKS, get_task

ROOT = pathlib.Path(__file__).parents[1]
NAMES = [
    path.relative_to(ROOT).as_posix()
    for path in sorted((ROOT / "flags").rglob("*.flags"))
]

# Zhang et al., 2021 (https://arxiv.org/abs/2006.05987), Section 3; sequence
# length and Adam's epsilon are those of its code.
ZHANG = {
    "train_batch_size": 32,
    "num_train_epochs": 3.0,
    "learning_rate": 2e-5,
    "lr_schedule": "linear",
    "warmup_proportion": 0.1,
    "weight_decay": 0.0,
    "adam_beta_1": 0.9,
    "adam_beta_2": 0.999,
    "adam_epsilon": 1e-8,
    "bias_correction": True,
    "max_grad_norm": 1.0,
    "dropout": 0.1,
    "max_seq_length": 128,
    "num_evaluations": 10,
    "checkpoint_to_use": "best",
}
# Mosbach et al., 2021 (https://arxiv.org/abs/2006.04884), Table 1 and its
# code: BERT's recipe as they ran it, and theirs.
DEVLIN = {
    **ZHANG,
    "train_batch_size": 16,
    "weight_decay": 0.01,
    "adam_epsilon": 1e-6,
    "bias_correction": False,
    "checkpoint_to_use": "last",
}
MOSBACH = {
    **DEVLIN,
    "bias_correction": True,
    "num_train_epochs": 20.0,
    "num_evaluations": 60,  # Three an epoch.
    "checkpoint_to_use": "best",
}
RECIPES = {
    "devlin": DEVLIN,
    "mosbach": MOSBACH,
    "zhang": ZHANG,
    # Section 6 of Zhang et al.: RTE's number, of its sample commands; and so
    # on below.
    "zhang_longer": {
        **ZHANG,
        "num_train_epochs": None,
        "num_train_steps": 400,
    },
    # Section 5.
    "zhang_reinit": {**ZHANG, "reinit_layers": 5},
    # Table 2, as the next two; Mixout turns dropout off by itself.
    "mixout": {
        **ZHANG,
        "mixout": 0.1,
        "dropout": None,
        "gradient_accumulation_steps": 2,
    },
    "llrd": {**ZHANG, "layerwise_lr_decay": 0.95},
    "pretrained_wd": {**ZHANG, "pretrained_weight_decay": 1e-3},
}
# Zhang et al., Section 3: the dev set is cut in half for these four alone.
TASK_FILES = {
    "rte": {"task_name": "rte", "split_dev_in_half": True},
    "mrpc": {"task_name": "mrpc", "split_dev_in_half": True},
    "stsb": {"task_name": "sts-b", "split_dev_in_half": True},
    "cola": {"task_name": "cola", "split_dev_in_half": True},
    "sst2": {"task_name": "sst-2"},
    "qnli": {"task_name": "qnli"},
    "qqp": {"task_name": "qqp"},
    "mnli": {"task_name": "mnli"},
    "product_reviews": {"task_name": "product_reviews"},
}
MODELS = {
    "bert_large": {"init_checkpoint": "google-bert/bert-large-uncased"},
    "bert_base": {"init_checkpoint": "google-bert/bert-base-uncased"},
    # Within the range of Google's small BERTs.
    "minilm": {"init_checkpoint": "minilm-l6", "learning_rate": 5e-5},
}


def files(recipe, task, model):
    """Returns the flags that name one file of each kind."""
    return [
        f"--flagfile=flags/{kind}/{name}.flags"
        for kind, name in (
            ("recipes", recipe),
            ("tasks", task),
            ("models", model),
        )
    ]


def fields(config):
    """Returns what is not at its default."""
    values = dataclasses.asdict(config)
    defaults = dataclasses.asdict(Config(output_dir="x"))
    return {n: v for n, v in values.items() if v != defaults[n]}


def command_of(text):
    """Returns the arguments of the command in a file's first lines."""
    lines = itertools.takewhile(lambda x: x.startswith("#"), text.splitlines())
    comment = "\n".join(line.removeprefix("# ") for line in lines)
    command, *_ = re.sub(r"\\\n *(# *)?", "", comment).splitlines()
    python, dash_m, module, *arguments = shlex.split(command)
    if [python, dash_m, module] != ["python", "-m", "tf_bert.run"]:
        raise ValueError(f"Not a command of this program: {command}")
    return arguments


class FlagFilesTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        # Flag files name others by the path from here.
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(ROOT)

    def test_every_kind_is_known_here(self):
        expected = {"flags/quickstart.flags"}
        for kind, names in (
            ("recipes", RECIPES),
            ("tasks", TASK_FILES),
            ("models", MODELS),
        ):
            expected |= {f"flags/{kind}/{name}.flags" for name in names}
        self.assertCountEqual(NAMES, expected)

    @parameterized.parameters(NAMES)
    def test_says_first_how_to_run_it_and_what_it_is(self, name):
        text = pathlib.Path(name).read_text("utf-8")
        arguments = command_of(text)
        self.assertIn(f"--flagfile={name}", arguments)
        config = Config(**parse.parse(arguments))
        self.assertIsNotNone(config.task_name)
        comment = [x for x in text.splitlines() if x.startswith("#")]
        self.assertRegex(
            next(x for x in comment[1:] if not x.startswith("#  ")), r"^# \w"
        )
        for line in text.splitlines():
            self.assertLessEqual(len(line), 80, line)

    @parameterized.parameters(
        name for name in NAMES if name != "flags/quickstart.flags"
    )
    def test_says_where_it_is_from(self, name):
        self.assertRegex(pathlib.Path(name).read_text("utf-8"), "# Source: ")

    def test_every_task_has_a_file(self):
        named = {get_task(x["task_name"]).name for x in TASK_FILES.values()}
        self.assertEqual(named, set(TASKS))


class CompositionTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(ROOT)

    @parameterized.parameters(*RECIPES)
    def test_every_task_and_model_may_follow_a_recipe(self, recipe):
        for task, model in itertools.product(TASK_FILES, MODELS):
            config = Config(**parse.parse(files(recipe, task, model)))
            expected = Config(
                **RECIPES[recipe]
                | TASK_FILES[task]
                | MODELS[model]
                | {"output_dir": f"runs/{recipe}_{task}_{model}"}
            )
            self.assertEqual(fields(config), fields(expected))

    @parameterized.parameters(
        ("--seed=3", "seed", 3),
        ("--nosplit_dev_in_half", "split_dev_in_half", False),
        ("--num_train_steps=50", "num_train_epochs", None),
    )
    def test_a_flag_behind_them_wins(self, flag, name, expected):
        arguments = [*files("zhang", "rte", "minilm"), flag]
        config = Config(**parse.parse(arguments))
        self.assertEqual(getattr(config, name), expected)

    def test_length_and_batch_size_of_the_last_recipe_count(self):
        recipe = "--flagfile=flags/recipes/"
        config = Config(
            **parse.parse(
                [f"{recipe}zhang_longer.flags", f"{recipe}zhang.flags"]
            )
        )
        self.assertEqual(config.num_train_epochs, 3)
        self.assertIsNone(config.num_train_steps)
