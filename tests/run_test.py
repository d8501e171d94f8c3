"""Tests of tf_bert/run.py: what a user meets who gets something wrong.

Each row of a table goes through the program itself: status 2, a sentence, no
traceback, and nothing is written.
"""

import gzip
import json
import pathlib
import re
import shutil

import numpy as np
import pytest
import safetensors.numpy

from tf_bert import run

# Contents of a training file, and the message about it. Ten good rows first.
GOOD = "text,label\n" + "The mug is good.,yes\nThe mug is bad.,no\n" * 5
FILES = {
    "empty": ("", "A data file must not be empty. Received: path='.*bad.csv'"),
    "header_only": ("text,label\n", "at least one row below its header"),
    "missing_column": (
        GOOD.replace("label", "stars", 1),
        r"column='label' for .*bad.csv \(columns: 'text', 'stars'\)",
    ),
    "one_class": (
        GOOD.replace(",no", ",yes"),
        "two classes or more in the training data. Received: label='yes'",
    ),
    "empty_text": (
        GOOD + " ,yes\n",
        r"`text` must hold a text in every row.*bad.csv, row 11 \(line 12\)",
    ),
    "empty_label": (GOOD + "The mug.,\n", "`label` must hold a label.*row 11"),
    "too_many_fields": (
        GOOD + "Good, very good.,yes\n",
        r"must have 2 fields.*Received: 3 fields in .*bad.csv, row 11",
    ),
    "too_few_fields": (GOOD + "Good.\n", "Received: 1 fields in .*row 11"),
    "float_label": (
        GOOD + "The mug.,0.5\n",
        "class names, not scores.*label='0.5' in .*row 11.*type=regression",
    ),
    "text_labels": (
        "text,label\n" + "".join(f"A mug.,mug {i}\n" for i in range(60)),
        "must hold class names.*60 different values in the 60 rows",
    ),
    "open_quote": (GOOD + '"The mug.,yes\n', "must be quoted correctly.*12"),
}


GOOD_JSON = (
    '{"text": "The mug is good.", "label": "yes"}\n'
    '{"text": "The mug is bad.", "label": "no"}\n'
) * 5
OTHER_FILES = {
    "wrong_encoding.csv": (
        GOOD.encode() + b"Caf\xe9.,yes\n",
        "must be UTF-8 text. Received: byte 0xe9 in .*line 12.*=cp1252",
    ),
    "mixed_delimiters.csv": (
        (GOOD.replace(",", ";") + "The mug.,yes\n").encode(),
        "must have 2 fields.*1 fields in .*row 11 .*--delimiter; ';'",
    ),
    "two_delimiters.csv": (
        GOOD.replace(",", ",yes;").encode(),
        "clear from its first rows.*--delimiter=comma or another",
    ),
    "two_columns_of_a_name.csv": (
        GOOD.replace("text", "label", 1).encode(),
        "must differ. Received: 'label' more than once",
    ),
    "nan.csv": (
        (GOOD + "The mug.,nan\n").encode(),
        "NaN is how programs .*label='nan' in .*row 11",
    ),
    "cut_off.csv.gz": (
        gzip.compress(GOOD.encode())[:-12],
        "must be whole and unchanged. Received: path=",
    ),
    "broken.parquet": (b"PAR1 and more PAR1", "must be whole and of plain"),
    "broken.jsonl": (
        (GOOD_JSON + '{"text": "The mug.", \n').encode(),
        r"must be one JSON object.* in .*row 11 \(line 11\)",
    ),
    "list.jsonl": (
        (GOOD_JSON + '["The mug.", "yes"]\n').encode(),
        "which is no object, in .*row 11",
    ),
    "null.jsonl": (
        (GOOD_JSON + '{"text": "The mug.", "label": null}\n').encode(),
        "label=null in .*row 11",
    ),
    "a.xlsx": (b"PK\x03\x04", "must end in one of .csv"),
}


@pytest.fixture
def refused(flags, tmp_path, capsys):
    """Returns a function that checks a run that cannot be."""

    def check(message, *, wrong=(), **changes):
        output_dir = tmp_path / "output"
        before = sorted(tmp_path.rglob("*"))
        command = flags(**{"output_dir": output_dir, **changes})
        status = run.main([*command, *wrong])
        shown = capsys.readouterr()
        assert status == 2, shown.err
        assert re.search(message, shown.err, re.S), shown.err
        assert "Received: " in shown.err
        assert "Traceback" not in shown.err
        assert shown.out == ""
        assert sorted(tmp_path.rglob("*")) == before

    return check


class TestWrongData:
    @pytest.mark.parametrize("name", FILES)
    def test_training_file(self, refused, tmp_path, name):
        content, message = FILES[name]
        path = tmp_path / "bad.csv"
        path.write_text(content, encoding="utf-8")
        refused(message, train_file=path)

    @pytest.mark.parametrize("split", ["validation", "test"])
    def test_label_that_is_not_in_the_training_data(
        self, refused, tmp_path, split
    ):
        path = tmp_path / "other.csv"
        path.write_text("text,label\nA mug.,good\nA mug.,maybe\n", "utf-8")
        refused(
            "not in the training labels. Received: label='maybe' in .*other.csv"
            r", row 2 \(labels: bad, good\).*--label_names",
            **{f"{split}_file": path},
        )

    @pytest.mark.parametrize("split", ["train", "validation", "test"])
    def test_score_that_is_no_number(self, refused, tmp_path, split):
        scores = tmp_path / "scores.csv"
        scores.write_text(
            "text,label\n" + "A mug.,1\nA lamp.,2\n" * 5, encoding="utf-8"
        )
        wrong = tmp_path / "wrong.csv"
        wrong.write_text("text,label\nA mug.,nan\nA mug.,2\n", "utf-8")
        files = {"train_file": scores, f"{split}_file": wrong}
        refused(
            "must hold finite numbers.*label='nan' in .*wrong.csv, row 1",
            task_type="regression",
            **files,
        )

    @pytest.mark.parametrize("name", OTHER_FILES)
    def test_training_file_of_another_format(self, refused, tmp_path, name):
        content, message = OTHER_FILES[name]
        path = tmp_path / name
        path.write_bytes(content)
        refused(message, train_file=path)

    @pytest.mark.parametrize("flag", ["train_file", "predict_file"])
    def test_encoding_and_delimiter_reach_the_reader(
        self, refused, tmp_path, flag
    ):
        path = tmp_path / "bad.csv"
        path.write_bytes(b"text^label\na, b; c^caf\xe9\n ^\xe9\n")
        refused(
            r"`text` must hold a text.*row 2 \(line 3\)",
            encoding="cp1252",
            delimiter="^",
            **{flag: path},
        )

    def test_pattern_without_files(self, refused, tmp_path):
        refused(
            r"must match at least one file. Received: path='.*/part-\*.csv'",
            train_file=tmp_path / "part-*.csv",
        )

    def test_link_to_nowhere(self, refused, tmp_path):
        (tmp_path / "link.csv").symlink_to("gone.csv")
        refused(
            "must exist. Received: path='.*link.csv': a link to 'gone.csv'",
            train_file=tmp_path / "link.csv",
        )

    def test_folder(self, refused, tmp_path):
        refused("must not be a folder. Received: path=", train_file=tmp_path)

    def test_standard_input_to_predict_after_training(self, refused):
        refused(
            "with a finished run. Received: predict_file=-, mode=train",
            predict_file="-",
        )

    def test_row_to_predict(self, refused, tmp_path):
        path = tmp_path / "new.csv"
        path.write_text("text\nA mug.\n \n", encoding="utf-8")
        refused("must hold a text.*new.csv, row 2", predict_file=path)

    @pytest.mark.parametrize(
        "split", ["train", "validation", "test", "predict"]
    )
    def test_missing_file(self, refused, split):
        refused(
            "The data file must exist. Received: path='no.csv'",
            **{f"{split}_file": "no.csv"},
        )

    def test_missing_folder_of_a_task(self, refused, tmp_path):
        refused(
            "`data_dir` must hold train.tsv and dev.tsv, or a folder RTE",
            train_file=None,
            task_name="rte",
            data_dir=tmp_path / "glue",
        )


class TestWrongFlags:
    @pytest.mark.parametrize(
        "wrong, message",
        [
            ("--lerning_rate=1", "'lerning_rate'. Did you mean: learning_rate"),
            ("--bias_correction false", "Received: 'false'. A switch is"),
            ("--train_batch_size=many", "--train_batch_size=many"),
            ("--learning_rate=-1", "`learning_rate` must be between 0 and"),
            ("--output_dir=", "`output_dir` must be given"),
            ("--flagfile=no.flags", "must be a file. Received: flagfile='no"),
            ("--mode=tune", "--mode=tune: .*<train|evaluate|predict>"),
            ("--metric=bleu", "`metric` must be one of: accuracy, f1, macro"),
            ("--text_column=2", "all by name .* or all by number"),
            ("--text_pair_column=text", "text and label columns must differ"),
            ("--label_names=good", "two or more different names"),
            (
                "--label_names=good,fine",
                "not in `label_names`. Received: label='bad' in .*row 2",
            ),
            (
                "--validation_proportion=0.5 --test_proportion=0.5",
                "sum must be below 1. Received: validation_proportion=0.5",
            ),
            ("--resume=must", "must hold a run with --resume=must"),
            ("--encoding=utf-99", "name of a text encoding.*'utf-99'"),
            ("--delimiter=;;", "must be comma, semicolon.*delimiter=';;'"),
        ],
    )
    def test_flag(self, refused, wrong, message):
        refused(message, wrong=wrong.split())

    def test_unknown_task(self, refused):
        refused(
            "`task_name` must be one of: rte, mrpc, .* task_name='imdb'",
            train_file=None,
            task_name="imdb",
        )

    @pytest.mark.parametrize("task_name", [None, "rte"])
    def test_no_training_data(self, refused, task_name):
        refused(
            "must have training data. Received: train_file=None",
            train_file=None,
            task_name=task_name,
        )

    @pytest.mark.parametrize("mode", ["evaluate", "predict"])
    def test_run_that_has_not_ended(self, refused, mode, tmp_path, reviews):
        refused(
            "must hold a finished run.*without all_results.json",
            mode=mode,
            predict_file=reviews / "predict.csv",
        )
        (tmp_path / "output").mkdir()
        (tmp_path / "output" / "config.json").write_text("{}", "utf-8")
        refused("must hold a finished run", mode=mode)

    def test_folder_in_use(self, refused, tmp_path):
        (tmp_path / "output").mkdir()
        (tmp_path / "output" / "thesis.txt").write_text("mine", "utf-8")
        refused("must be new, empty or hold a run.*with thesis.txt")


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
    def test_folder(self, refused, tiny_checkpoint, tmp_path, name):
        damage, message = CHECKPOINTS[name]
        folder = pathlib.Path(
            shutil.copytree(tiny_checkpoint, tmp_path / "checkpoint")
        )
        damage(folder)
        refused(message, init_checkpoint=folder)

    def test_folder_that_is_not_there(self, refused):
        refused("there is no such folder", init_checkpoint="./no/model")

    def test_texts_longer_than_its_positions(self, refused):
        refused(
            "not be over the model's positions. Received: max_seq_length=65, "
            "max_position_embeddings=64.* Pass --max_seq_length=64 or less",
            max_seq_length=65,
        )

    def test_no_room_for_a_pair(self, refused, tmp_path):
        path = tmp_path / "pairs.csv"
        path.write_text("text,b,label\n" + "a,b,1\na,c,2\n" * 5, "utf-8")
        refused(
            "`max_seq_length`.*Received: max_seq_length=4",
            train_file=path,
            text_pair_column="b",
            max_seq_length=4,
        )


class TestOtherEnds:
    @pytest.mark.parametrize("flag", ["--help", "-h"])
    def test_help_wins_over_all_else(self, capsys, flag):
        assert run.main(["--wrong=1", flag]) == 0
        assert "--output_dir" in capsys.readouterr().out

    def test_the_traceback_is_shown_where_asked_for(self, capsys):
        assert run.main(["--wrong=1", "-v=1"]) == 2
        error = capsys.readouterr().err
        assert error.startswith("Traceback")
        assert "Unknown command line flag 'wrong'" in error
