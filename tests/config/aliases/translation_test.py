"""Tests of tf_bert/config/aliases; refusals are in tests/bad_inputs.py."""

import dataclasses
import pathlib

import pytest

from tf_bert.config import Config, parse
from tf_bert.config.aliases import translation

ROOT = pathlib.Path(__file__).parents[3]

# As absl reads flags.
READ = [
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
]
OTHER_NAMES = [
    ("--model_name_or_path=x", {"init_checkpoint": "x"}),
    ("--model_name_or_path x", {"init_checkpoint": "x"}),
    ("--max_steps=50", {"num_train_steps": "50"}),
    ("--max_steps -1", {}),
    ("--max_steps=50 --max_steps=-1.0", {}),
    ("--load_best_model_at_end", {"checkpoint_to_use": "best"}),
    ("--noload_best_model_at_end", {"checkpoint_to_use": "last"}),
    ("--load_best_model_at_end=False", {"checkpoint_to_use": "last"}),
    ("--nofp16 --logging_steps=0.0 --model_type=BERT", {}),
]
MODES = [
    ("--do_train", {"mode": "train"}),
    ("--do_eval", {"mode": "evaluate"}),
    ("--do_predict", {"mode": "predict"}),
    ("--do_eval --do_train", {"mode": "train"}),
    ("--nodo_train --do_eval --do_predict=false", {"mode": "evaluate"}),
    ("--mode=train --do_train", {"mode": "train"}),
    (
        "--do_train --do_predict --predict_file=x",
        {"mode": "train", "predict_file": "x"},
    ),
]
WARMUPS = [
    ("--warmup_ratio=0.06", {"warmup_proportion": "0.06"}),
    ("--warmup_steps=50", {"num_warmup_steps": "50"}),
    ("--warmup_steps=0", {"num_warmup_steps": "0"}),
    # A float below 1 is a share in transformers 5.
    ("--warmup_steps=0.06", {"warmup_proportion": "0.06"}),
    ("--warmup_steps=0 --warmup_ratio=0.06", {"warmup_proportion": "0.06"}),
    ("--warmup_steps=50 --warmup_ratio=0.06", {"num_warmup_steps": "50"}),
    ("--lr_scheduler_type=cosine", {"lr_schedule": "cosine"}),
    (
        "--lr_scheduler_type=constant_with_warmup --warmup_steps=5",
        {"lr_schedule": "constant", "num_warmup_steps": "5"},
    ),
    (
        "--lr_scheduler_type=constant --warmup_steps=0",
        {"lr_schedule": "constant", "warmup_proportion": "0"},
    ),
    # A group stands where its last name does.
    (
        "--warmup_ratio=0.1 --num_warmup_steps=7 --warmup_steps=9",
        {"num_warmup_steps": "9"},
    ),
    ("--warmup_steps=9 --num_warmup_steps=7", {"num_warmup_steps": "7"}),
]
EVALUATIONS = [
    ("--eval_strategy=epoch", {"evaluate_every_epochs": "1"}),
    ("--evaluation_strategy=epoch", {"evaluate_every_epochs": "1"}),
    ("--eval_strategy=no", {"num_evaluations": "1"}),
    ("--eval_steps=50", {"evaluate_every_steps": "50"}),
    ("--eval_strategy=steps --eval_steps=50", {"evaluate_every_steps": "50"}),
    (
        "--eval_strategy=steps --eval_steps=50 "
        "--save_strategy=steps --save_steps=50",
        {"evaluate_every_steps": "50"},
    ),
    (
        "--eval_strategy=epoch --save_strategy=epoch",
        {"evaluate_every_epochs": "1"},
    ),
    ("--save_steps=0 --save_strategy=no", {}),
]
OPTIMIZERS = [
    ("--use_bertadam", {"bias_correction": "false"}),
    ("--use_torch_adamw", {"bias_correction": "true"}),
    ("--use_bertadam --use_torch_adamw", {"bias_correction": "true"}),
    ("--use_bertadam --nouse_torch_adamw", {"bias_correction": "false"}),
    ("--nouse_bertadam", {"bias_correction": "true"}),
    (
        "--weight_decay=1e-3 --noprior_weight_decay",
        {"weight_decay": "1e-3"},
    ),
]


@pytest.mark.parametrize(
    "line, expected",
    [*READ, *OTHER_NAMES, *MODES, *WARMUPS, *EVALUATIONS, *OPTIMIZERS],
)
def test_flags_become_ours(line, expected):
    assert translation.translate(line.split()) == expected


@pytest.fixture
def logged(caplog):
    """Returns what flags become, and the lines that are logged of it."""

    def translated(line):
        settings = translation.translate(line.split())
        return settings, [record.getMessage() for record in caplog.records]

    return translated


@pytest.mark.parametrize(
    "line",
    [
        "--prior_weight_decay --weight_decay=1e-3",
        "--weight_decay=1e-3 --prior_weight_decay",
        "--weight_decay=0 --prior_weight_decay=true --weight_decay=1e-3",
    ],
)
def test_decay_changes_its_meaning_wherever_it_stands(line, logged):
    settings, lines = logged(line)
    assert settings == {"pretrained_weight_decay": "1e-3", "weight_decay": "0"}
    assert "--prior_weight_decay is --pretrained_weight_decay=" in lines[0]


@pytest.mark.parametrize(
    "line, expected",
    [
        ("--seed=1 --max_steps=5 --num_train_steps=6", "6"),
        ("--num_train_steps=6 --max_steps=5", "5"),
    ],
)
def test_the_later_name_counts_and_that_is_logged(line, expected, logged):
    settings, lines = logged(line)
    assert settings["num_train_steps"] == expected
    assert "both set --num_train_steps: the last one counts" in lines[-1]


def test_other_names_alone_are_logged_in_one_line(logged):
    settings, lines = logged("--seed=3 --learning_rate=1 --seed=4")
    # In the order of the last settings.
    assert list(settings.items()) == [("learning_rate", "1"), ("seed", "4")]
    assert lines == []
    _, lines = logged("--max_steps=5 --warmup_ratio=0.1 --seed=3")
    assert lines == [
        "Translated flags: --max_steps is --num_train_steps=5, "
        "--warmup_ratio is --warmup_proportion=0.1."
    ]


def config_of(line):
    return Config(**parse.parse(["--output_dir=x", *line.split()]))


class TestWholeCommands:
    """Commands as they stand in documentation, with our output_dir."""

    def test_of_transformers(self):
        config = config_of(
            "--model_name_or_path google-bert/bert-base-cased "
            "--train_file train.csv --do_train --do_eval --max_seq_length 128 "
            "--per_device_train_batch_size 16 --gradient_accumulation_steps 2 "
            "--learning_rate 2e-5 --num_train_epochs 3 --warmup_ratio 0.06 "
            "--eval_strategy epoch --save_strategy epoch --bf16 "
            "--load_best_model_at_end --metric_for_best_model eval_f1 "
            "--lr_scheduler_type cosine --report_to none --seed 42"
        )
        assert config == Config(
            output_dir="x",
            mode="train",
            init_checkpoint="google-bert/bert-base-cased",
            train_file="train.csv",
            max_seq_length=128,
            train_batch_size=None,
            per_device_train_batch_size=16,
            gradient_accumulation_steps=2,
            learning_rate=2e-5,
            warmup_proportion=0.06,
            num_evaluations=None,
            evaluate_every_epochs=1.0,
            precision="mixed_bfloat16",
            checkpoint_to_use="best",
            metric="f1",
            lr_schedule="cosine",
            tensorboard=False,
            seed=42,
        )

    def test_of_google(self):
        config = config_of(
            "--task_name=MRPC --do_train=true --do_eval=true --data_dir=glue "
            "--init_checkpoint=uncased/bert_model.ckpt --max_seq_length=128 "
            "--train_batch_size=32 --learning_rate=2e-5 --num_train_epochs=3.0 "
            "--do_lower_case=true --use_tpu=false"
        )
        assert (config.mode, config.do_lower_case) == ("train", True)


# What every sample command of the paper's code has, beside --fp16.
PAPER_BASE = (
    "--model_type bert --model_name_or_path bert-large-uncased "
    "--task_name RTE --do_train --data_dir glue/RTE --max_seq_length 128 "
    "--per_gpu_eval_batch_size 64 --seed 0 --do_lower_case --num_loggings 10 "
    "--save_steps 0 --test_val_split --use_torch_adamw --warmup_ratio 0.1 "
    "--learning_rate 2e-05 --overwrite_output_dir "
)
BATCH = "--per_gpu_train_batch_size 32 "
PLAIN = f"{BATCH} --num_train_epochs 3.0 --weight_decay 0 "
# Recipe -> the sample command of the paper's code that it is.
PAPER_SAMPLES = {
    "zhang": PLAIN,
    "zhang_longer": BATCH
    + "--weight_decay 0 --max_steps 400 --num_train_epochs 0",
    "zhang_reinit": PLAIN + "--reinit_pooler --reinit_layers 5",
    "mixout": PLAIN + "--per_gpu_train_batch_size 16 "
    "--gradient_accumulation_steps 2 --mixout 0.1",
    "llrd": PLAIN + "--layerwise_learning_rate_decay 0.95",
    "pretrained_wd": PLAIN + "--prior_weight_decay --weight_decay 1e-3",
}
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


@pytest.mark.parametrize("name", PAPER_SAMPLES)
def test_sample_commands_of_the_paper_are_its_recipes(name):
    config = config_of(PAPER_BASE + PAPER_SAMPLES[name])
    files = [
        f"--flagfile={ROOT / 'flags' / file}.flags"
        for file in (f"recipes/{name}", "tasks/rte", "models/bert_large")
    ]
    recipe = Config(**parse.parse(files))
    assert dataclasses.replace(
        config.for_devices(1), **BY_OTHER_WORDS
    ) == dataclasses.replace(recipe, **BY_OTHER_WORDS)
