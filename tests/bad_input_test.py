"""What a user meets who gets something wrong: one table of bad inputs.

Each case goes through the program itself: status 2, a sentence in three
parts, no traceback, and nothing is written.
"""

import contextlib
import dataclasses
import gzip
import json
import logging
import os
import pathlib
import re
import resource
import shutil
import tempfile

import numpy as np
import pytest
import safetensors.numpy

from tf_bert import run
from tf_bert.config import all_settings
from tf_bert.config.aliases.table import ROWS

NUMBERS = {
    flag.name: flag.kind
    for flag in all_settings.SETTINGS.values()
    if flag.kind in (int, float)
}
TEXTS = [
    flag.name
    for flag in all_settings.SETTINGS.values()
    if flag.kind is str and not flag.choices and flag.name != "output_dir"
]


@dataclasses.dataclass(frozen=True)
class Case:
    """One bad input.

    Attributes:
        name: of the case.
        message: pattern of what is said.
        wrong: arguments behind those of a good training; `{folder}` is the
            folder of the test.
        changes: flags of the good training that are others; None leaves one
            out.
        files: path below the folder of the test -> text or bytes.
        error: the name of the exception.
    """

    name: str
    message: str
    wrong: str = ""
    changes: dict = dataclasses.field(default_factory=dict)
    files: dict = dataclasses.field(default_factory=dict)
    error: str = "ValueError"


def train_file(name, content, message, **changes):
    """A case whose training file is bad."""
    return Case(
        name,
        message,
        files={"bad.csv": content},
        changes={"train_file": "{folder}/bad.csv", **changes},
    )


# The least that is one: with some of its fields, and another seed.
CONFIG_OF_A_RUN = (
    '{"mode": "train", "output_dir": "x", "init_checkpoint": "x", '
    '"train_file": "x", "seed": 7}'
)
# Leaves out the flags of a training.
NO_TRAINING = dict.fromkeys(
    (
        "init_checkpoint",
        "train_file",
        "max_seq_length",
        "train_batch_size",
        "num_train_steps",
        "num_evaluations",
        "learning_rate",
        "compare_baselines",
        "tensorboard",
    )
)
# Ten good rows.
GOOD = "text,label\n" + "".join(
    f"The mug {i} is good.,yes\nThe mug {i} is bad.,no\n" for i in range(5)
)
SCORES = "text,label\n" + "".join(
    f"A mug {i}.,1\nA lamp {i}.,2\n" for i in range(5)
)

TRAIN_FILES = (
    train_file("empty", "", "data file is empty. Received: path='.*bad.csv'"),
    train_file("header_only", "text,label\n", "no row below its header"),
    train_file(
        "missing_column",
        GOOD.replace("label", "stars", 1),
        r"column='label' for .*bad.csv \(columns: 'text', 'stars'\)",
    ),
    train_file(
        "one_class",
        GOOD.replace(",no", ",yes"),
        "All training examples have the same label. Received: label='yes'",
    ),
    train_file(
        "empty_text",
        GOOD + " ,yes\n",
        r"no text in `text`.*bad.csv, row 11 \(line 12\)",
    ),
    train_file(
        "empty_label", GOOD + "The mug.,\n", "no label: `label` holds.*row 11"
    ),
    train_file(
        "too_many_fields",
        GOOD + "Good, very good.,yes\n",
        "not have 2 fields.*Received: 3 fields in .*bad.csv, row 11",
    ),
    train_file(
        "too_few_fields", GOOD + "Good.\n", "Received: 1 fields in .*row 11"
    ),
    train_file(
        "float_label",
        GOOD + "The mug.,0.5\n",
        "holds scores.*label='0.5' in .*row 11.*type=regression",
    ),
    train_file(
        "text_labels",
        "text,label\n" + "".join(f"A mug.,mug {i}\n" for i in range(60)),
        "must hold class names.*60 different values in the 60 rows",
    ),
    train_file(
        "open_quote", GOOD + '"The mug.,yes\n', "not quoted correctly.*12"
    ),
    train_file(
        "score_that_is_no_number",
        SCORES + "A mug.,nan\n",
        "no finite number.*label='nan' in .*bad.csv, row 11",
        task_type="regression",
    ),
    train_file(
        "no_room_for_a_pair",
        "text,b,label\n" + "".join(f"a,b{i},1\na,c{i},2\n" for i in range(5)),
        "`max_seq_length`.*Received: max_seq_length=4",
        text_pair_column="b",
        max_seq_length=4,
    ),
)
GOOD_JSON = (
    '{"text": "The mug is good.", "label": "yes"}\n'
    '{"text": "The mug is bad.", "label": "no"}\n'
) * 5
FORMATS = tuple(
    Case(
        name,
        message,
        f"--train_file={{folder}}/{name}",
        files={name: content},
    )
    for name, content, message in (
        (
            "wrong_encoding.csv",
            GOOD.encode() + b"Caf\xe9.,yes\n",
            "not UTF-8 text. Received: byte 0xe9 in .*line 12.*=cp1252",
        ),
        (
            "mixed_delimiters.csv",
            GOOD.replace(",", ";") + "The mug.,yes\n",
            "not have 2 fields.*1 fields in .*row 11 .*--delimiter; ';'",
        ),
        (
            "two_delimiters.csv",
            GOOD.replace(",", ",yes;"),
            "not clear from its first rows.*--delimiter=comma or another",
        ),
        (
            "two_columns_of_a_name.csv",
            GOOD.replace("text", "label", 1),
            "have one name. Received: 'label' more than once",
        ),
        (
            "nan.csv",
            GOOD + "The mug.,nan\n",
            "NaN is how programs .*label='nan' in .*row 11",
        ),
        (
            "cut_off.csv.gz",
            gzip.compress(GOOD.encode())[:-12],
            "gz file is damaged. Received: path=",
        ),
        (
            "broken.parquet",
            b"PAR1 and more PAR1",
            "parquet file cannot be read",
        ),
        (
            "broken.jsonl",
            GOOD_JSON + '{"text": "The mug.", \n',
            r"not one JSON object.* in .*row 11 \(line 11\)",
        ),
        (
            "list.jsonl",
            GOOD_JSON + '["The mug.", "yes"]\n',
            "which is no object, in .*row 11",
        ),
        (
            "null.jsonl",
            GOOD_JSON + '{"text": "The mug.", "label": null}\n',
            "label=null in .*row 11",
        ),
        ("a.xlsx", b"PK\x03\x04", "must end in one of .csv"),
    )
)
OTHER_FILES = (
    *(
        Case(
            f"encoding_and_delimiter_of_{flag}",
            r"no text in `text`.*row 2 \(line 3\)",
            f"--{flag}={{folder}}/bad.csv --encoding=cp1252 --delimiter=^ "
            "--validation_proportion=0",
            files={"bad.csv": b"text^label\na, b; c^caf\xe9\n ^\xe9\n"},
        )
        for flag in ("train_file", "predict_file")
    ),
    Case(
        "pattern_without_files",
        r"No file matches the pattern. Received: path='.*/part-\*.csv'",
        "--train_file={folder}/part-*.csv",
        error="FileNotFoundError",
    ),
    Case(
        "standard_input_to_predict_after_training",
        "with a finished run. Received: predict_file=-, mode=train",
        "--predict_file=-",
    ),
    *(
        Case(
            f"label_not_in_training_{split}",
            "not in the training labels. Received: label='maybe' in .*other.csv"
            r", row 2 \(labels: bad, good\).*--label_names",
            wrong=f"--{split}_file={{folder}}/other.csv",
            files={"other.csv": "text,label\nA mug.,good\nA mug.,maybe\n"},
        )
        for split in ("validation", "test")
    ),
    *(
        Case(
            f"score_that_is_no_number_{split}",
            "no finite number.*label='nan' in .*wrong.csv, row 1",
            wrong="--train_file={folder}/scores.csv --task_type=regression "
            f"--{split}_file={{folder}}/wrong.csv",
            files={
                "scores.csv": SCORES,
                "wrong.csv": "text,label\nA mug.,nan\nA mug.,2\n",
            },
        )
        for split in ("validation", "test")
    ),
    Case(
        "row_to_predict",
        "no text in `text`.*new.csv, row 2",
        wrong="--predict_file={folder}/new.csv",
        files={"new.csv": "text\nA mug.\n \n"},
    ),
    *(
        Case(
            f"missing_{split}_file",
            "There is no such data file. Received: path='no.csv'",
            wrong=f"--{split}_file=no.csv",
            error="FileNotFoundError",
        )
        for split in ("train", "validation", "test", "predict")
    ),
    *(
        Case(
            f"{split}_file_is_a_folder",
            "data file is a folder. Received: path='.*a.csv'",
            wrong=f"--{split}_file={{folder}}/a.csv",
            files={"a.csv/b.csv": GOOD},
        )
        for split in ("train", "predict")
    ),
    Case(
        "missing_folder_of_a_task",
        "holds neither train.tsv and dev.tsv nor a folder RTE",
        changes={
            "train_file": None,
            "task_name": "rte",
            "data_dir": "{folder}/glue",
        },
        error="FileNotFoundError",
    ),
)
FLAGS = (
    Case("unknown", "--zzz. See --help", "--zzz=1"),
    Case("nearly", "Did you mean --learning_rate", "--lerning_rate=1"),
    Case("hyphens", "Did you mean --learning_rate", "--learning-rate=1"),
    Case("nearly_another_name", "Did you mean --max_steps", "--max_step=1"),
    Case("word", "Received: 'reviews.csv'", "reviews.csv"),
    Case(
        "decays_past_the_target",
        "must be below 1.*learning_rate=0.01.*Lower --learning_rate, --weight",
        "--learning_rate=0.01 --pretrained_weight_decay=100",
    ),
    Case(
        "word_behind_a_switch",
        "Received: 'false' behind.*--nobias_correction",
        "--bias_correction false",
    ),
    Case(
        "word_behind_another_switch",
        "Received: 'false' behind.*--nodo_train",
        "--do_train false",
    ),
    Case("no_value", "must have a value. Received: --seed", "--seed"),
    Case("switch", "--bias_correction=maybe", "--bias_correction=maybe"),
    Case("no_output_dir", "`output_dir` must be given", "--output_dir="),
    Case(
        "a_tpu_that_compiles_nothing",
        "A TPU must get compiled.*jit_compile=false, distribution=tpu. Leave",
        "--distribution=tpu --jit_compile=false",
    ),
    Case(
        "nothing_to_compute_again",
        "trained block to compute again.*remat=True, freeze=encoder.*freeze l",
        "--remat --freeze=encoder",
    ),
    Case(
        "a_tpu_that_is_not_there",
        "no kernels for TPUs.*pip install .*docs/tpu.md",
        "--distribution=tpu",
    ),
    Case(
        "missing_flag_file",
        "must be a file. Received: flagfile='no",
        "--flagfile=no.flags",
        error="FileNotFoundError",
    ),
    Case(
        "flag_file_with_a_comment_behind_a_value",
        "line of its own.*a.flags, line 1",
        "--flagfile={folder}/a.flags",
        files={"a.flags": "--seed=1  # one\n"},
    ),
    Case(
        "flag_file_with_an_unknown_flag",
        "Did you mean --max_steps",
        "--flagfile={folder}/a.flags",
        files={"a.flags": "--max_stops=1\n"},
    ),
    *(
        Case(f"choice_{name}", f"--{name}=other: .*<.*|", f"--{name}=other")
        for name in ("mode", "resume", "task_type", "lr_schedule")
        + ("precision", "checkpoint_to_use")
    ),
    *(
        Case(
            f"empty_{name}",
            f"`{name}` must not be empty. Received: {name}=''",
            f"--{name}=",
        )
        for name in TEXTS
    ),
    *(
        Case(f"{name}_is_a_word", f"--{name}=many", f"--{name}=many")
        for name in NUMBERS
    ),
    *(
        Case(f"{name}_is_a_part", f"--{name}=1.5", f"--{name}=1.5")
        for name, kind in NUMBERS.items()
        if kind is int
    ),
    *(
        Case(
            f"{name}_is_{value}",
            f"`{name}` must be .*Received: {name}={value}. Correct --{name}",
            f"--{name}={value}",
        )
        for name, kind in NUMBERS.items()
        for value in ("nan", "inf", "-inf")
        if kind is float
    ),
    *(
        Case(
            f"{name}_is_negative",
            f"`{name}` must be .*Received: {name}=-1",
            f"--{name}=-1",
        )
        for name in NUMBERS
    ),
    *(
        Case(
            f"{name}_is_0",
            f"`{name}` must be .*Received: {name}=0",
            f"--{name}=0",
        )
        for name in ("train_batch_size", "per_device_train_batch_size")
        + ("eval_batch_size", "gradient_accumulation_steps")
        + ("num_evaluations", "evaluate_every_steps", "evaluate_every_epochs")
        + ("num_train_steps", "adam_epsilon")
        + ("max_seq_length",)
    ),
    Case("dropout_is_1", "Received: dropout=1", "--dropout=1"),
    Case("mixout_is_1", "Received: mixout=1.0.*--mixout", "--mixout=1"),
    Case(
        "mixout_beside_dropout",
        "every dropout.*--dropout=0 turns.*mixout=0.1, dropout=0.2.*Leave out "
        "--mixout or change --dropout",
        "--mixout=0.1 --dropout=0.2",
    ),
    Case(
        "gradient_without_mixout",
        "mixout_gradient=reference, mixout=0.0.*Leave out --mixout_gradient",
        "--mixout_gradient=reference",
    ),
    Case("long_warm_up", "num_warmup_steps=7 of 6", "--num_warmup_steps=7"),
    Case(
        "unequal_parts",
        "a multiple of `gradient_accumulation_steps`",
        "--gradient_accumulation_steps=5",
    ),
    Case("encoding", "name of a text encoding.*'utf-99'", "--encoding=utf-99"),
    Case(
        "delimiter",
        "must be comma, semicolon.*delimiter=';;'",
        "--delimiter=;;",
    ),
    Case("freeze", "`freeze` must be .*freeze='top'", "--freeze=top"),
    Case(
        "cache_of_nothing",
        "nothing frozen to run once.*freeze=None",
        "--cache_frozen_features",
    ),
    Case("metric", "`metric` must be one of: accuracy, f1", "--metric=bleu"),
    Case("metric_removed", "Accuracy is the same number", "--metric=micro_f1"),
    Case("mixed_columns", "all by name .* or all by num", "--text_column=2"),
    Case(
        "same_column",
        "text and label columns are the same",
        "--text_pair_column=text",
    ),
    Case("one_label", "two or more different names", "--label_names=good"),
    Case("no_labels", "two or more different names", "--label_names="),
    Case(
        "label_that_is_not_listed",
        "not in `label_names`. Received: label='bad' in .*row 2",
        "--label_names=good,fine",
    ),
    Case(
        "nothing_left_to_train_on",
        "sum must be below 1. Received: validation_proportion=0.5",
        "--validation_proportion=0.5 --test_proportion=0.5",
    ),
    Case(
        "early_stopping_on_nothing",
        "must have a validation split",
        "--early_stopping_patience=2 --validation_proportion=0",
    ),
    Case(
        "task_with_columns",
        "`text_column` must be left out with a `task_name`",
        "--task_name=rte --text_column=sentence",
    ),
    Case(
        "unknown_task",
        "`task_name` must be one of: rte, mrpc, .* task_name='imdb'",
        changes={"train_file": None, "task_name": "imdb"},
    ),
    *(
        Case(
            f"no_training_data_{task_name}",
            "nothing to train on. Received: train_file=None",
            "--validation_file={folder}/a.csv",
            changes={"train_file": None, "task_name": task_name},
            files={"a.csv": GOOD},
        )
        for task_name in (None, "rte")
    ),
    Case(
        "task_that_cannot_be_learnt",
        "WNLI is not supported: .*adversarial",
        changes={"train_file": None, "task_name": "wnli"},
    ),
    *(
        Case(
            f"dataset_{number}",
            message,
            changes={
                "train_file": None,
                "tfds_name": name,
                "tfds_data_dir": "{folder}/tfds",
            },
        )
        for number, (name, message) in enumerate(
            (
                ("imdb_review", "One of these: .*imdb_reviews"),
                ("glue/rt", "One of these: .*glue/rte"),
                ("mnist", r"`text_column` .*image \(Image\)"),
                ("glue/wnli", "WNLI is not supported"),
            )
        )
    ),
    Case(
        "two_sources_of_data",
        "must be the only source of the data",
        "--tfds_name=glue/rte",
    ),
    Case(
        "dev_set_without_a_file",
        "no validation split to cut in half",
        "--split_dev_in_half",
    ),
    Case(
        "dev_set_beside_a_test_split",
        "test_proportion=0.2. Leave out --split_dev_in",
        "--split_dev_in_half --test_proportion=0.2 "
        "--validation_file={folder}/a.csv",
        files={"a.csv": "text,label\nA mug.,good\nA mug.,bad\n"},
    ),
    Case(
        "fewer_examples_than_classes",
        "at least the number of classes.*2 cl",
        "--max_train_examples=1",
    ),
    Case(
        "too_long_for_the_model",
        "not be over the model's positions. Received: max_seq_length=65, "
        "max_position_embeddings=64.* Pass --max_seq_length=64 or less",
        "--max_seq_length=65",
    ),
    *(
        Case(f"blocks_{number}", message, wrong)
        for number, (wrong, message) in enumerate(
            (
                ("--reinit_layers=3", "reinit_layers=3, num_hidden_layers=2"),
                ("--freeze=lower_3", "2 blocks. Received: freeze='lower_3'"),
                (
                    "--reinit_layers=1 --freeze=lower_2",
                    "both re-initialised and frozen.* Leave out --reinit",
                ),
            )
        )
    ),
    Case(
        "kept_head_of_other_labels",
        "an output for each label.*keep_head=True, 2 outputs in .*, 3 wanted",
        "--keep_head",
        changes={"train_file": "{folder}/three.csv"},
        files={
            "three.csv": GOOD + "".join(f"Lamp {i}.,maybe\n" for i in range(5))
        },
    ),
    *(
        Case(
            f"checkpoint_that_is_a_run_{name}",
            "not the run that made it. Received: .*Pass --init_checkpoint="
            + message,
            "--init_checkpoint={folder}/a/",
            files={f"a/{file}": "{}" for file in files},
        )
        for name, files, message in (
            (
                "finished",
                ("config.json", "splits.json", "model/config.json"),
                r".*/a/model\.",
            ),
            (
                "not_ended",
                ("config.json", "splits.json"),
                ".*/a/model, once the run has ended",
            ),
        )
    ),
    Case(
        "checkpoint_that_is_not_there",
        "there is no such folder",
        "--init_checkpoint=./no/model",
        error="FileNotFoundError",
    ),
)
OTHER_NAMES = (
    *(
        Case(
            f"refused_{name}",
            f"`{name}` must be left out. Received: --{name}=",
            f"--{name}={'f' if 'true' in row.values else 't'}",
        )
        for name, row in ROWS.items()
        if not row.ours and not any(row.values.values())
    ),
    Case(
        "metric_for_best_model",
        "has a counterpart here. Received: --metric_for_best_model=eval_loss",
        "--metric_for_best_model=eval_loss",
    ),
    Case("report_to", "Received: --report_to=wandb", "--report_to=wandb"),
    Case(
        "evaluate_and_predict",
        "are two commands",
        "--do_eval --do_predict",
    ),
    Case("do_nothing", "must be on", "--nodo_train"),
    Case(
        "prior_without_a_strength",
        "`weight_decay` must be given with `prior_weight_decay`",
        "--prior_weight_decay",
    ),
    Case("two_modes", "must not contradict", "--mode=evaluate --do_train"),
    Case(
        "nothing_to_predict",
        "`predict_file` must be given with `do_predict`",
        "--do_train --do_predict",
    ),
    Case(
        "polynomial",
        "must be one of linear, cosine",
        "--lr_scheduler_type=polynomial",
    ),
    Case(
        "warm_up_without_one",
        "must be left out with --lr_scheduler_type=constant",
        "--lr_scheduler_type=constant --warmup_steps=5",
    ),
    Case(
        "no_interval",
        "`eval_strategy` must be no, epoch, or steps with",
        "--eval_strategy=steps",
    ),
    Case(
        "two_intervals",
        "`eval_strategy` must be no, epoch, or steps with",
        "--eval_strategy=epoch --eval_steps=5",
    ),
    Case("saved_apart", "must be those of evaluation", "--save_steps=500"),
    Case("max_steps_is_a_word", "--num_train_steps=many", "--max_steps=many"),
    Case(
        "warmup_ratio_above_1",
        "`warmup_proportion` must be between 0 and 1",
        "--warmup_ratio=6",
    ),
)
FOLDERS = (
    Case(
        "other_files",
        "must be new, empty or hold a run.*with thesis.txt",
        files={"output/thesis.txt": "mine"},
        error="FileExistsError",
    ),
    Case(
        "output_dir_is_a_file",
        "must be new, empty or hold a run",
        files={"output": "mine"},
        error="FileExistsError",
    ),
    Case(
        "output_dir_below_a_file",
        "can be made or written.*output_dir=.*run, but .*thesis.txt is no fold",
        "--output_dir={folder}/thesis.txt/run",
        files={"thesis.txt": "mine"},
        error="NotADirectoryError",
    ),
    Case(
        "output_dir_with_a_long_name",
        r"must lead to a file or a folder.*\(File name too long\)",
        f"--output_dir={{folder}}/{'x' * 300}",
        error="OSError",
    ),
    Case(
        "nothing_to_continue",
        "must hold a run with --resume=must",
        "--resume=must",
        error="FileNotFoundError",
    ),
    Case(
        "run_although_never",
        "must be new with --resume=never",
        "--resume=never",
        files={"output/config.json": CONFIG_OF_A_RUN},
        error="FileExistsError",
    ),
    Case(
        "other_configuration",
        "differs in .*seed: 7 -> 0",
        files={"output/config.json": CONFIG_OF_A_RUN},
        error="FileExistsError",
    ),
    *(
        Case(
            f"config_that_is_{name}",
            "must be a JSON object. Received: .*config.json",
            files={
                "output/config.json": content,
                "output/.written": "config.json\n",
            },
        )
        for name, content in (("cut", '{"seed"'), ("empty", ""), ("list", "[]"))
    ),
    *(
        Case(
            f"{mode}_a_run_that_has_{name}",
            message,
            f"--mode={mode} --{flag}={{folder}}/new.csv",
            changes=NO_TRAINING,
            files={"new.csv": "text\nA mug.\n", **files},
            error=error,
        )
        for mode, flag in (
            ("evaluate", "test_file"),
            ("predict", "predict_file"),
        )
        for name, files, error, message in (
            (
                "no_folder",
                {},
                "FileNotFoundError",
                "must hold a finished run.*without all_results.json",
            ),
            (
                "not_ended",
                {"output/config.json": "{}"},
                "FileNotFoundError",
                "must hold a finished run.*without all_results.json",
            ),
            (
                "no_configuration",
                {"output/all_results.json": "{}"},
                "FileNotFoundError",
                "must hold a run.*without config.json",
            ),
            (
                "a_newer_version",
                {
                    "output/all_results.json": "{}",
                    "output/config.json": '{"moonshine": 1}',
                },
                "ValueError",
                "must be a known flag. Received: moonshine=1",
            ),
            (
                "a_wrong_kind",
                {
                    "output/all_results.json": "{}",
                    "output/config.json": '{"split_seed": "many"}',
                },
                "ValueError",
                "must be of its kind. Received: split_seed='many'",
            ),
            (
                "no_model",
                {
                    "output/all_results.json": "{}",
                    "output/config.json": "{}",
                },
                "FileNotFoundError",
                "model",
            ),
        )
    ),
)


def tree(folder):
    """Everything below a folder: path -> content, None of what is no file."""
    return {
        path: path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def check_said(error, case):
    """A sentence in three parts and no traceback."""
    assert "Traceback" not in error, error
    *_, line = error.splitlines()
    name, _, message = line.partition(": ")
    assert re.fullmatch(case.error, name), error
    assert re.search(case.message, message), error
    what, received, rest = message.partition("Received: ")
    assert what, error
    assert received, error
    assert re.search(r"--\w+|/\w+", rest), error


@pytest.fixture
def refused(flags, tmp_path, capsys):
    """Returns a function that checks a run that cannot be."""

    def check(case, *, folder=tmp_path, user=contextlib.nullcontext):
        for name, content in case.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, bytes):
                path.write_bytes(content)
            else:
                path.write_text(content, encoding="utf-8")
        changes = {"output_dir": folder / "output", **case.changes}
        arguments = [*flags(**changes), *case.wrong.split()]
        before = tree(folder)
        capsys.readouterr()
        arguments = [x.replace("{folder}", str(folder)) for x in arguments]
        with user():
            status = run.main(arguments)
        shown = capsys.readouterr()
        assert status == 2, shown.err
        check_said(shown.err, case)
        assert shown.out == ""
        assert tree(folder) == before

    return check


_RAY = "--mode=trials --num_trials=2 --trial_runner=ray"
RAY = (
    Case(
        "trials_that_ask_ray_for_nothing",
        "must ask Ray for something.*Received: num_cpus_per_trial=0, .*Pass "
        "--num_cpus_per_trial=1",
        f"{_RAY} --num_cpus_per_trial=0",
    ),
    Case(
        "one_gpu_and_a_half",
        "whole number or a part of one GPU. Received: num_gpus_per_trial=1.5. "
        "Pass --num_gpus_per_trial=1, or one below 1",
        f"{_RAY} --num_gpus_per_trial=1.5",
    ),
)

TRIALS = tuple(
    Case(f"trials_{name}", message, f"--mode=trials {wrong}", error=error)
    for name, wrong, message, error in (
        (
            "without_a_number",
            "",
            "number of trials must be given.*Pass --num_trials=20",
            "ValueError",
        ),
        (
            "two_numbers",
            "--num_trials=2 --num_head_seeds=2 --num_data_seeds=2",
            "num_trials=2, num_head_seeds=2, num_data_seeds=2",
            "ValueError",
        ),
        (
            "none",
            "--num_trials=0",
            "`num_trials` must be.*Received: num_trials=0",
            "ValueError",
        ),
        (
            "no_sweep",
            "--num_trials=2 --sweep=mixout",
            "Received: sweep='mixout'. Write --sweep=",
            "ValueError",
        ),
        (
            "unknown_flag_swept",
            "--num_trials=2 --sweep=mixouts:0,1",
            "'mixouts=0'.*Received: --mixouts. Did you mean --mixout",
            "ValueError",
        ),
        (
            "swept_twice",
            "--num_trials=2 --sweep=mixout:0 --sweep=mixout:0.1",
            "Give all values in one: --sweep=mixout:v1,v2,v3",
            "ValueError",
        ),
        (
            "seeds_swept",
            "--num_trials=2 --sweep=seed:1,2",
            "seeds are counted by --num_trials",
            "ValueError",
        ),
        (
            "wrong_combination",
            "--num_trials=2 --sweep=reinit_layers:0,2 --sweep=freeze:,lower_1",
            "'reinit_layers=2, freeze=lower_1'",
            "ValueError",
        ),
        (
            "wrong_for_the_model",
            "--num_trials=2 --sweep=reinit_layers:0,7",
            "In the recipe 'reinit_layers=7'.*reinit_layers=7",
            "ValueError",
        ),
        (
            "no_such_recipe",
            "--num_trials=2 --sweep=recipe:nothing",
            "must be a file in flags/recipes.*sweep=recipe:nothing",
            "FileNotFoundError",
        ),
        (
            "no_such_baseline",
            "--num_trials=2 --baseline=mixout=1",
            "`baseline` must be a recipe of the sweep",
            "ValueError",
        ),
        (
            "nothing_to_score_on",
            "--num_trials=2 --validation_proportion=0",
            "must have a split that they are scored on",
            "ValueError",
        ),
    )
)

CASES = (
    *TRAIN_FILES,
    *FORMATS,
    *OTHER_FILES,
    *FLAGS,
    *OTHER_NAMES,
    *FOLDERS,
    *RAY,
    *TRIALS,
)


class TestTable:
    @pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
    def test_is_refused(self, refused, case):
        refused(case)

    def test_every_case_has_a_name_of_its_own(self):
        names = [case.name for case in CASES]
        assert len(set(names)) == len(names)


def damage_header(folder):
    path = folder / "model.safetensors"
    path.write_bytes((2**60).to_bytes(8, "little") + path.read_bytes()[8:])


def truncate(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def change_weight(change):
    def changed(folder):
        path = folder / "model.safetensors"
        weights = safetensors.numpy.load_file(path)
        change(weights)
        safetensors.numpy.save_file(weights, path)

    return changed


def change_config(**fields):
    def changed(folder):
        path = folder / "config.json"
        old = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps({**old, **fields}), encoding="utf-8")

    return changed


def make_infinite(weights):
    weights["bert.pooler.dense.bias"][3] = np.inf


def drop_a_layer(weights):
    del weights["bert.encoder.layer.1.output.dense.weight"]


CHECKPOINTS = {
    "truncated": (truncate, "whole header and all its data.*safetensors"),
    "bad_header": (damage_header, "whole header and all its data"),
    "infinite": (
        change_weight(make_infinite),
        "must be finite.*bert.pooler.dense.bias",
    ),
    "incomplete": (
        change_weight(drop_a_layer),
        "without bert.encoder.layer.1.output.dense.weight",
    ),
    "vocabulary_too_small": (
        change_config(vocab_size=1000),
        "as many entries.*Received: 63 entries.*vocab_size=1000",
    ),
    "vocabulary_too_large": (
        change_config(vocab_size=60),
        "as many entries.*Received: 63 entries.*vocab_size=60",
    ),
    "other_shape": (
        change_config(intermediate_size=32),
        "bert.encoder.layer.0.intermediate.dense",
    ),
    "no_bert": (
        change_config(model_type="roberta"),
        "`model_type` must be 'bert'. Received: model_type='roberta'",
    ),
    "no_config": (
        lambda folder: (folder / "config.json").unlink(),
        "must hold config.json or bert_config.json",
    ),
    "no_weights": (
        lambda folder: (folder / "model.safetensors").unlink(),
        "must hold `model.safetensors`",
    ),
    "no_vocabulary": (
        lambda folder: [
            (folder / name).unlink() for name in ("vocab.txt", "tokenizer.json")
        ],
        "vocab.txt",
    ),
}


class TestWrongCheckpoint:
    @pytest.mark.parametrize("name", CHECKPOINTS)
    def test_is_refused(self, refused, tiny_checkpoint, tmp_path, name):
        damage, message = CHECKPOINTS[name]
        folder = pathlib.Path(
            shutil.copytree(tiny_checkpoint, tmp_path / "checkpoint")
        )
        damage(folder)
        refused(
            Case(
                name,
                message,
                changes={"init_checkpoint": folder},
                error="ValueError|FileNotFoundError",
            )
        )


class TestWrongLinks:
    @pytest.mark.parametrize("target", ["output", "nowhere"])
    def test_a_link_that_leads_nowhere_is_refused(
        self, refused, tmp_path, target
    ):
        (tmp_path / "output").symlink_to(tmp_path / target)
        refused(
            Case(
                "link",
                "can be made or written.*output is no folder",
                error="NotADirectoryError",
            )
        )

    def test_a_training_file_that_leads_nowhere(self, refused, tmp_path):
        path = tmp_path / "link.csv"
        path.symlink_to("gone.csv")
        refused(
            Case(
                "link",
                "no such data file. .*path='.*link.csv': a link to 'gone.csv'",
                changes={"train_file": path},
                error="FileNotFoundError",
            )
        )

    def test_a_circle_of_links_is_no_training_file(self, refused, tmp_path):
        path = tmp_path / "bad.csv"
        path.symlink_to(path)
        refused(
            Case(
                "circle",
                "path='.*bad.csv'",
                changes={"train_file": path},
                error="FileNotFoundError|OSError",
            )
        )


@contextlib.contextmanager
def ordinary_user():
    """Gives up the rights of root, which may read and write everything."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


@pytest.fixture(scope="module")
def open_folder(finished_run, tiny_checkpoint, reviews):
    """A folder that every user can read: of a checkpoint, data and a run.

    After a whole run, so that everything has been imported.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        shutil.copytree(tiny_checkpoint, folder / "checkpoint")
        shutil.copytree(finished_run, folder / "run")
        shutil.copy(reviews / "train.csv", folder / "train.csv")
        shutil.copy(reviews / "train.csv", folder / "secret.csv")
        (folder / "mine").mkdir()
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
        (folder / "mine").chmod(0o777)
        (folder / "secret.csv").chmod(0)
        yield folder
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755)


class TestWorkers:
    """TF_CONFIG, of which TensorFlow itself would say nothing, or wait."""

    TWO = (
        '{"cluster": {"worker": ["127.0.0.1:2222", "127.0.0.1:2223"]}, '
        '"task": {"type": "worker", "index": %s}}'
    )

    @pytest.mark.parametrize(
        ("text", "message", "wrong"),
        [
            ("{", "TF_CONFIG does not say.*it is no JSON .*TF_CONFIG={", ""),
            (TWO % 2, r"index 2 is not in .*pass --distribution=one_dev", ""),
            (
                TWO % 0,
                "mode=trials, and a TF_CONFIG",
                "--mode=trials --num_trials=2",
            ),
            (TWO % 0, "mode=inspect, and a TF_CONFIG", "--mode=inspect"),
        ],
    )
    def test_are_named_rightly(
        self, refused, monkeypatch, text, message, wrong
    ):
        monkeypatch.setenv("TF_CONFIG", text)
        refused(Case("workers", message, wrong))

    def test_are_named_if_asked_for(self, refused, monkeypatch):
        monkeypatch.delenv("TF_CONFIG", raising=False)
        refused(
            Case(
                "workers",
                "no environment variable TF_CONFIG. Set it",
                "--distribution=multi_worker",
            )
        )


class TestRights:
    """In a folder that nobody may write."""

    @pytest.mark.parametrize(
        "changes, message",
        [
            ({}, "can be made or written.*/output, but .* may not be written"),
            (
                {
                    "output_dir": "{folder}/mine/run",
                    "train_file": "{folder}/secret.csv",
                },
                "may not be read.*path='.*/secret.csv'",
            ),
            (
                {"output_dir": "{folder}/run", "overwrite_output_dir": True},
                "can be made or written.*/run may not be written",
            ),
            (
                {
                    **NO_TRAINING,
                    "output_dir": "{folder}/run",
                    "mode": "evaluate",
                },
                "can be made or written.*/run may not be written",
            ),
        ],
    )
    def test_are_needed(self, refused, open_folder, changes, message):
        case = Case(
            "rights",
            message,
            changes={
                "train_file": "{folder}/train.csv",
                "init_checkpoint": open_folder / "checkpoint",
                **changes,
            },
            error="PermissionError",
        )
        refused(case, folder=open_folder, user=ordinary_user)


@contextlib.contextmanager
def full_disk_at(line):
    """Lets no file grow over 10,000 bytes once a certain line is logged."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    class Fill(logging.Handler):
        def emit(self, record):
            if record.getMessage().startswith(line):
                resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))

    handler = Fill()
    logging.getLogger("absl").addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger("absl").removeHandler(handler)
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.large
class TestFullDisk:
    def test_the_run_continues_once_there_is_room(
        self, flags, finished_run, tmp_path, capsys, caplog
    ):
        folder = tmp_path / "run"
        command = flags(output_dir=folder, record_updates=True)
        with full_disk_at("step 4:"):
            status = run.main(command)
        assert status == 2
        check_said(
            capsys.readouterr().err,
            Case(
                "full_disk",
                "room on the disk.*checkpoints/.*.safetensors' .*continue",
                error="OSError",
            ),
        )
        names = sorted(path.name for path in folder.glob("checkpoints/*"))
        assert [re.sub(r"\..*", "", name) for name in names] == [
            "best_step_2",
            "state_1_step_2",
        ]
        assert run.main(command) == 0
        assert "Continuing after step 2." in caplog.text
        for name in ("history.jsonl", "model/model.safetensors"):
            expected = (finished_run / name).read_bytes()
            assert (folder / name).read_bytes() == expected
