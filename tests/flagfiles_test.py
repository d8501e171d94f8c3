"""Tests of the flag files in flags/."""

import dataclasses
import itertools
import pathlib
import re
import shlex

import pytest

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
IN_HALF = {"rte": "rte", "mrpc": "mrpc", "stsb": "sts-b", "cola": "cola"}
WHOLE = {"sst2": "sst-2", "qnli": "qnli", "qqp": "qqp", "mnli": "mnli"}
TASK_FILES = {
    **{
        name: {"task_name": task, "split_dev_in_half": True}
        for name, task in IN_HALF.items()
    },
    **{name: {"task_name": task} for name, task in WHOLE.items()},
    "product_reviews": {"task_name": "product_reviews"},
}
MODELS = {
    "bert_large": {"init_checkpoint": "google-bert/bert-large-uncased"},
    "bert_base": {"init_checkpoint": "google-bert/bert-base-uncased"},
    # Within the range of Google's small BERTs.
    "minilm": {"init_checkpoint": "minilm-l6", "learning_rate": 5e-5},
}


@pytest.fixture(autouse=True)
def _in_the_repository(monkeypatch):
    """Flag files name others by the path from there."""
    monkeypatch.chdir(ROOT)


def files(recipe, task, model):
    """Returns the flags that name one file of each kind."""
    return [
        f"--flagfile=flags/recipes/{recipe}.flags",
        f"--flagfile=flags/tasks/{task}.flags",
        f"--flagfile=flags/models/{model}.flags",
    ]


def config_of(*arguments):
    return Config(**parse.parse(arguments))


def command_of(text):
    """Returns the arguments of the command in a file's first lines."""
    lines = itertools.takewhile(lambda x: x.startswith("#"), text.splitlines())
    comment = "\n".join(line.removeprefix("# ") for line in lines)
    command, *_ = re.sub(r"\\\n *(# *)?", "", comment).splitlines()
    python, dash_m, module, *arguments = shlex.split(command)
    if [python, dash_m, module] != ["python", "-m", "tf_bert.run"]:
        raise ValueError(f"Not a command of this program: {command}")
    return arguments


def test_every_file_and_every_task_is_known_here():
    assert set(NAMES) == {
        "flags/quickstart.flags",
        *(f"flags/recipes/{name}.flags" for name in RECIPES),
        *(f"flags/tasks/{name}.flags" for name in TASK_FILES),
        *(f"flags/models/{name}.flags" for name in MODELS),
    }
    named = {get_task(x["task_name"]).name for x in TASK_FILES.values()}
    assert named == set(TASKS)


@pytest.mark.parametrize("name", NAMES)
def test_says_first_how_to_run_it_what_it_is_and_where_from(name):
    text = pathlib.Path(name).read_text("utf-8")
    arguments = command_of(text)
    assert f"--flagfile={name}" in arguments
    assert config_of(*arguments).task_name is not None
    _, *comments = [x for x in text.splitlines() if x.startswith("#")]
    after_command = (x for x in comments if not x.startswith("#  "))
    assert re.match(r"# \w", next(after_command))
    assert "# Source: " in text or name == "flags/quickstart.flags"
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_task_and_model_may_follow_a_recipe(recipe):
    for task, model in itertools.product(TASK_FILES, MODELS):
        expected = Config(
            **RECIPES[recipe]
            | TASK_FILES[task]
            | MODELS[model]
            | {"output_dir": f"runs/{recipe}_{task}_{model}"}
        )
        found = config_of(*files(recipe, task, model))
        assert dataclasses.asdict(found) == dataclasses.asdict(expected)


@pytest.mark.parametrize(
    "flag, name, expected",
    [
        ("--seed=3", "seed", 3),
        ("--nosplit_dev_in_half", "split_dev_in_half", False),
        ("--num_train_steps=50", "num_train_epochs", None),
    ],
)
def test_a_flag_behind_them_wins(flag, name, expected):
    config = config_of(*files("zhang", "rte", "minilm"), flag)
    assert getattr(config, name) == expected


def test_the_length_of_the_last_recipe_counts():
    recipes = [
        f"--flagfile=flags/recipes/{name}.flags"
        for name in ("zhang_longer", "zhang")
    ]
    config = config_of(*recipes)
    assert (config.num_train_epochs, config.num_train_steps) == (3, None)
