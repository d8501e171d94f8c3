"""Bad inputs and what is said of them: the tables of bad_input_test.py."""

import dataclasses
import gzip

from tf_bert.config.aliases.table import ROWS
from tf_bert.config.all_settings import SETTINGS

NUMBERS = {x.name: x.kind for x in SETTINGS.values() if x.kind in (int, float)}
TEXTS = [
    x.name
    for x in SETTINGS.values()
    if x.kind is str and not x.choices and x.name != "output_dir"
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


def typed(*rows, **fields):
    """Cases of wrong arguments, which name them."""
    return [Case(wrong, message, wrong, **fields) for wrong, message in rows]


# Leaves out the flags of a training.
NO_TRAINING = dict.fromkeys(
    (
        *("init_checkpoint", "train_file", "max_seq_length"),
        *("train_batch_size", "num_train_steps", "num_evaluations"),
        *("learning_rate", "compare_baselines", "tensorboard"),
    )
)
# Ten good rows.
GOOD = "text,label\n" + "".join(
    f"The mug {i} is good.,yes\nThe mug {i} is bad.,no\n" for i in range(5)
)
GOOD_JSON = (
    '{"text": "The mug is good.", "label": "yes"}\n'
    '{"text": "The mug is bad.", "label": "no"}\n'
) * 5
SCORES = "text,label\n" + "".join(
    f"A mug {i}.,1\nA lamp {i}.,2\n" for i in range(5)
)

# File, content and message.
TRAIN_FILES = [
    Case(
        f"{name}: {message}",
        message,
        f"--train_file={{folder}}/{name}",
        files={name: content},
    )
    for name, content, message in (
        ("bad.csv", "", "data file is empty. Received: path='.*bad.csv'"),
        ("bad.csv", "text,label\n", "no row below its header"),
        (
            "bad.csv",
            GOOD.replace("label", "stars", 1),
            r"column='label' for .*bad.csv \(columns: 'text', 'stars'\)",
        ),
        (
            "bad.csv",
            GOOD.replace(",no", ",yes"),
            "All training examples have the same label. Received: label='yes'",
        ),
        (
            "bad.csv",
            GOOD + " ,yes\n",
            r"no text in `text`.*, row 11 \(line 12\)",
        ),
        ("bad.csv", GOOD + "A mug.,\n", "no label: `label` holds.*row 11"),
        (
            "bad.csv",
            GOOD + "Good, very good.,yes\n",
            "not have 2 fields.*Received: 3 fields in .*bad.csv, row 11",
        ),
        ("bad.csv", GOOD + "Good.\n", "Received: 1 fields in .*row 11"),
        (
            "bad.csv",
            GOOD + "The mug.,0.5\n",
            "holds scores.*label='0.5' in .*row 11.*type=regression",
        ),
        (
            "bad.csv",
            "text,label\n" + "".join(f"A mug.,mug {i}\n" for i in range(60)),
            "must hold class names.*60 different values in the 60 rows",
        ),
        ("bad.csv", GOOD + '"The mug.,yes\n', "not quoted correctly.*12"),
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
            "which is not an object, in .*row 11",
        ),
        (
            "null.jsonl",
            GOOD_JSON + '{"text": "The mug.", "label": null}\n',
            "label=null in .*row 11",
        ),
        ("a.xlsx", b"PK\x03\x04", "must end in one of .csv"),
    )
]
OTHER_FILES = [
    Case(
        "no room for a pair",
        "`max_seq_length`.*Received: max_seq_length=4",
        "--train_file={folder}/bad.csv --text_pair_column=b --max_seq_length=4",
        files={
            "bad.csv": "text,b,label\n"
            + "".join(f"a,b{i},1\na,c{i},2\n" for i in range(5))
        },
    ),
    *(
        Case(
            f"encoding and delimiter of {flag}",
            r"no text in `text`.*row 2 \(line 3\)",
            f"--{flag}={{folder}}/bad.csv --encoding=cp1252 --delimiter=^ "
            "--validation_proportion=0",
            files={"bad.csv": b"text^label\na, b; c^caf\xe9\n ^\xe9\n"},
        )
        for flag in ("train_file", "predict_file")
    ),
    *(
        Case(
            f"label not in training, of {split}",
            "not in the training labels. Received: label='maybe' in .*other.csv"
            r", row 2 \(labels: bad, good\).*--label_names",
            f"--{split}_file={{folder}}/other.csv",
            files={"other.csv": "text,label\nA mug.,good\nA mug.,maybe\n"},
        )
        for split in ("validation", "test")
    ),
    *(
        Case(
            f"score that is no number, of {split}",
            "no finite number.*label='nan' in .*wrong.csv, row 1",
            "--train_file={folder}/scores.csv --task_type=regression "
            f"--{split}_file={{folder}}/wrong.csv",
            files={
                "scores.csv": SCORES,
                "wrong.csv": "text,label\nA mug.,nan\nA mug.,2\n",
            },
        )
        for split in ("train", "validation", "test")
    ),
    Case(
        "row to predict",
        "no text in `text`.*new.csv, row 2",
        "--predict_file={folder}/new.csv",
        files={"new.csv": "text\nA mug.\n \n"},
    ),
    *typed(
        (
            "--train_file={folder}/part-*.csv",
            r"No file matches the pattern. Received: path='.*/part-\*.csv'",
        ),
        *(
            (f"--{split}_file=no.csv", "no such data file. Received: path='no")
            for split in ("train", "validation", "test", "predict")
        ),
        error="FileNotFoundError",
    ),
    *typed(
        *(
            (f"--{split}_file={{folder}}/a.csv", "data file is a folder. Rec")
            for split in ("train", "predict")
        ),
        files={"a.csv/b.csv": GOOD},
    ),
    Case(
        "missing folder of a task",
        "holds neither train.tsv and dev.tsv nor a folder RTE",
        "--task_name=rte --data_dir={folder}/glue",
        changes={"train_file": None},
        error="FileNotFoundError",
    ),
]
# The flag files that some of these name.
FLAG_FILES = {
    "comment.flags": "--seed=1  # one\n",
    "unknown.flags": "--max_stops=1\n",
}
FLAGS = [
    *typed(
        ("--zzz=1", "no such flag. Received: --zzz. --help lists"),
        ("--cache_dir=x", "no such flag. Received: --cache_dir"),
        ("--nobias_corection", "Did you mean --bias_correction?"),
        ("--noseed", "Received: --noseed. Did you mean --seed?"),
        ("--", "Received: '--'"),
        ("-", "Received: '-'"),
        ("--seed 1 2", "Received: '2' behind --seed. A value with spaces"),
        ("--do_train=maybe", "true or false. Received: --do_train=maybe"),
        ("--lerning_rate=1", "Did you mean --learning_rate"),
        ("--learning-rate=1", "Did you mean --learning_rate"),
        ("--max_step=1", "Did you mean --max_steps"),
        ("reviews.csv", "is not a flag.*Received: 'reviews.csv'"),
        (
            "--bias_correction false",
            "Received: 'false' behind.*--nobias_correction",
        ),
        ("--do_train false", "Received: 'false' behind.*--nodo_train"),
        ("--seed", "has no value. Received: --seed"),
        ("--bias_correction=maybe", "--bias_correction=maybe"),
        ("--output_dir=", "`output_dir` must be given"),
        ("--flagfile={folder}/comment.flags", "line of its own.*, line 1"),
        ("--flagfile={folder}/unknown.flags", "Did you mean --max_steps"),
        (
            "--distribution=tpu --jit_compile=false",
            "compiled steps.*jit_compile=false, distribution=tpu. Leave",
        ),
        (
            "--remat --freeze=encoder",
            "nothing to recompute.*remat=True, freeze='encoder'.*freeze less",
        ),
        (
            "--distribution=tpu",
            "no kernels for TPUs.*pip install .*docs/tpu.md",
        ),
        (
            "--learning_rate=0.01 --pretrained_weight_decay=100",
            "must be below 1.*learning_rate=0.01.*Lower --learning_rate, --w",
        ),
        (
            "--mixout=0.1 --dropout=0.2",
            "every dropout.*--dropout=0 turns.*mixout=0.1, dropout=0.2.*Leave "
            "out --mixout or change --dropout",
        ),
        (
            "--mixout_gradient=reference",
            "mixout_gradient=reference, mixout=0.0.*Leave out --mixout_grad",
        ),
        ("--cache_frozen_features", "nothing frozen to run.*freeze=None"),
        ("--num_warmup_steps=7", "num_warmup_steps=7 of 6"),
        ("--gradient_accumulation_steps=5", "multiple of `gradient_accu"),
        ("--encoding=utf-99", "name of a text encoding.*'utf-99'"),
        ("--delimiter=;;", "must be comma, semicolon.*delimiter=';;'"),
        ("--freeze=top", "`freeze` must be .*freeze='top'"),
        ("--metric=bleu", "`metric` must be one of: accuracy, f1"),
        ("--metric=micro_f1", "Accuracy is the same number"),
        ("--text_column=2", "all by name .* or all by num"),
        ("--text_pair_column=text", "text and label columns are the same"),
        ("--label_names=good", "two or more different names"),
        ("--label_names=", "two or more different names"),
        (
            "--label_names=good,fine",
            "not in `label_names`. Received: label='bad' in .*row 2",
        ),
        (
            "--validation_proportion=0.5 --test_proportion=0.5",
            "sum must be below 1. Received: validation_proportion=0.5",
        ),
        (
            "--early_stopping_patience=2 --validation_proportion=0",
            "Early stopping needs a validation split",
        ),
        (
            "--task_name=rte --text_column=sentence",
            "`text_column` must be left out with a `task_name`",
        ),
        ("--tfds_name=glue/rte", "must be the only source of the data"),
        ("--split_dev_in_half", "no validation split to cut in half"),
        ("--predict_file=-", "finished run. Received: predict_file=-, mode=t"),
        ("--max_train_examples=1", "at least the number of classes.*2 cl"),
        (
            "--max_seq_length=65",
            "must not exceed the model's positions. Received: "
            "max_seq_length=65, max_position_embeddings=64.* Pass "
            "--max_seq_length=64 or less",
        ),
        ("--reinit_layers=3", "reinit_layers=3, num_hidden_layers=2"),
        ("--freeze=lower_3", "2 blocks. Received: freeze='lower_3'"),
        (
            "--reinit_layers=1 --freeze=lower_2",
            "both re-initialised and frozen.* Leave out --reinit",
        ),
        (
            "--mode=trials --num_trials=2 --trial_runner=ray "
            "--num_cpus_per_trial=0",
            "asks? Ray for.*Received: num_cpus_per_trial=0.*--num_cpus_per_t",
        ),
        (
            "--mode=trials --num_trials=2 --trial_runner=ray "
            "--num_gpus_per_trial=1.5",
            "num_gpus_per_trial=1.5. Pass --num_gpus_per_trial=1, or one bel",
        ),
        files=FLAG_FILES,
    ),
    *typed(
        ("--flagfile=no.flags", "no such flag file. Received: flagfile='no"),
        ("--init_checkpoint=./no/model", "there is no such folder"),
        error="FileNotFoundError",
    ),
    *typed(
        *(
            (f"--{x}=other", f"`{x}` must be one of .*{x}='other'")
            for x, setting in SETTINGS.items()
            if setting.choices
        ),
        *((f"--{x}=", f"`{x}` must not be empty. Rec") for x in TEXTS),
        *((f"--{x}=many", f"--{x}=many") for x in NUMBERS),
        *((f"--{x}=1.5", f"--{x}=1.5") for x in NUMBERS if NUMBERS[x] is int),
        *((f"--{x}=-1", f"`{x}` must be .*Received: {x}=-1") for x in NUMBERS),
        *(
            (f"--{x}={value}", f"`{x}` must be .*{x}={value}. Correct --{x}")
            for x in NUMBERS
            for value in ("nan", "inf", "-inf")
            if NUMBERS[x] is float
        ),
    ),
    *(
        Case(
            f"no training data of {task_name}",
            "nothing to train on. Received: train_file=None",
            "--validation_file={folder}/a.csv",
            changes={"train_file": None, "task_name": task_name},
            files={"a.csv": GOOD},
        )
        for task_name in (None, "rte")
    ),
    *(
        Case(name, message, wrong, changes={"train_file": None})
        for name, wrong, message in (
            (
                "unknown task",
                "--task_name=imdb",
                "`task_name` must be one of: rte, mrpc, .* task_name='imdb'",
            ),
            (
                "WNLI",
                "--task_name=wnli",
                "WNLI is not supported: .*adversarial",
            ),
            *(
                (x, f"--tfds_name={x} --tfds_data_dir={{folder}}/tfds", message)
                for x, message in (
                    ("imdb_review", "One of these: .*imdb_reviews"),
                    ("glue/rt", "One of these: .*glue/rte"),
                    ("mnist", r"`text_column` .*image \(Image\)"),
                    ("glue/wnli", "WNLI is not supported"),
                )
            ),
        )
    ),
    Case(
        "dev set beside a test split",
        "test_proportion=0.2. Leave out --split_dev_in",
        "--split_dev_in_half --test_proportion=0.2 "
        "--validation_file={folder}/a.csv",
        files={"a.csv": "text,label\nA mug.,good\nA mug.,bad\n"},
    ),
    *(
        Case(
            f"{split} proportion beside a {split} file {mode}",
            f"`{split}_proportion` is a share .* a {split} split of its own. "
            f"Received: {split}_proportion=0.2, .*a.csv. Leave out --{split}_p",
            f"--{split}_proportion=0.2 --{split}_file={{folder}}/a.csv {mode}",
            files={"a.csv": "text,label\nA mug.,good\nA mug.,bad\n"},
        )
        for split in ("validation", "test")
        for mode in ("", "--mode=inspect", "--mode=trials --num_trials=2")
    ),
    *(
        Case(
            f"{wrong} beside a known task",
            message,
            f"--task_name=product_reviews {wrong}",
            changes={"train_file": None},
        )
        for wrong, message in (
            ("--validation_proportion=0", "Received: validation_proportion=0"),
            ("--test_proportion=0.2", "=0.2, .*test.tsv. Leave out --test_p"),
            ("--delimiter=comma", "delimiter='comma' for no file. Leave out"),
            ("--encoding=cp1252", "none of which is of text. Received: enc"),
        )
    ),
    Case(
        "delimiter of JSON lines",
        "none of which is .csv.*delimiter='comma' for .*a.jsonl. Leave out",
        "--train_file={folder}/a.jsonl --delimiter=comma --encoding=utf-8",
        files={
            "a.jsonl": "".join(
                f'{{"text": "A mug {i}.", "label": "{i % 2}"}}\n'
                for i in range(9)
            )
        },
    ),
    Case(
        "kept head of other labels",
        "another number of outputs.*keep_head=True, 2 outputs in .*, 3 wanted",
        "--keep_head --train_file={folder}/three.csv",
        files={
            "three.csv": GOOD + "".join(f"Lamp {i}.,maybe\n" for i in range(5))
        },
    ),
    *(
        Case(
            f"checkpoint that is a run with {len(files)} files",
            f"A run is not a checkpoint.*Pass --init_checkpoint={message}",
            "--init_checkpoint={folder}/a/",
            files={f"a/{file}": "{}" for file in files},
        )
        for files, message in (
            (
                ("config.json", "splits.json", "model/config.json"),
                r".*/a/model\.",
            ),
            (
                ("config.json", "splits.json"),
                ".*/a/model, once the run has ended",
            ),
        )
    ),
]
OTHER_NAMES = typed(
    *(
        (
            f"--{name}={'f' if 'true' in row.values else 't'}",
            f"`{name}`, a flag of another program.*Received: --{name}=[ft]",
        )
        for name, row in ROWS.items()
        if not row.ours and not any(row.values.values())
    ),
    (
        "--metric_for_best_model=eval_loss",
        "no counterpart here. Received: --metric_for_best_model=eval_loss",
    ),
    ("--report_to=wandb", "Received: --report_to=wandb"),
    ("--do_eval --do_predict", "are two commands"),
    ("--nodo_train", "must be on"),
    ("--prior_weight_decay", "`weight_decay` must be given with `prior_wei"),
    ("--mode=evaluate --do_train", "`mode` contradicts"),
    ("--do_train --do_predict", "`predict_file` must be given with `do_pre"),
    ("--lr_scheduler_type=polynomial", "must be one of linear, cosine"),
    (
        "--lr_scheduler_type=constant --warmup_steps=5",
        "without a warm-up. Received: --num_warmup_steps=5",
    ),
    (
        "--lr_scheduler_type=constant --num_warmup_steps=5",
        "without a warm-up. Received: --num_warmup_steps=5",
    ),
    ("--warmup_steps=some", "must be a number. Received: warmup_steps='some'"),
    ("--eval_strategy=steps", "must be no, epoch, or steps with"),
    ("--eval_strategy=daily", "one of no, epoch, steps.*eval_strategy='daily'"),
    (
        "--eval_strategy=no --evaluation_strategy=epoch",
        "Pass --eval_strategy once",
    ),
    ("--save_strategy=epoch", "must be those of evaluation"),
    ("--eval_strategy=epoch --eval_steps=5", "must be no, epoch, or steps"),
    ("--save_steps=500", "must be those of evaluation"),
    ("--max_steps=many", "--num_train_steps=many"),
    ("--warmup_ratio=6", "`warmup_proportion` must be between 0 and 1"),
)
# The least that is one: with some of its fields, and another seed.
CONFIG_OF_A_RUN = (
    '{"mode": "train", "output_dir": "x", "init_checkpoint": "x", '
    '"train_file": "x", "seed": 7}'
)
# What is in the folder, the error and the message.
UNUSABLE_RUNS = (
    ({}, "FileNotFoundError", "must hold a finished run.*without all_results"),
    (
        {"output/config.json": "{}"},
        "FileNotFoundError",
        "must hold a finished run.*without all_results.json",
    ),
    (
        {"output/all_results.json": "{}"},
        "FileNotFoundError",
        "must hold a run.*without config.json",
    ),
    (
        {
            "output/all_results.json": "{}",
            "output/config.json": '{"moonshine": 1}',
        },
        "ValueError",
        "An unknown setting .*Received: moonshine=1",
    ),
    (
        {
            "output/all_results.json": "{}",
            "output/config.json": '{"split_seed": "many"}',
        },
        "ValueError",
        "A wrong value .*Received: split_seed='many'",
    ),
    (
        {"output/all_results.json": "{}", "output/config.json": "{}"},
        "FileNotFoundError",
        "model",
    ),
)
FOLDERS = [
    *(
        Case(f"{wrong} {list(files)}", message, wrong, files=files, error=error)
        for wrong, files, error, message in (
            (
                "",
                {"output/thesis.txt": "mine"},
                "FileExistsError",
                "must be new, empty or hold a run.*with thesis.txt",
            ),
            (
                "",
                {"output": "mine"},
                "FileExistsError",
                "must be new, empty or hold a run",
            ),
            (
                "--output_dir={folder}/thesis.txt/run",
                {"thesis.txt": "mine"},
                "NotADirectoryError",
                "cannot be made or written.*=.*run, but .*is not a folder",
            ),
            (
                f"--output_dir={{folder}}/{'x' * 300}",
                {},
                "OSError",
                r"path leads.*\(File name too long\)",
            ),
            (
                "--resume=must",
                {},
                "FileNotFoundError",
                "must hold a run with --resume=must",
            ),
            (
                "--resume=never",
                {"output/config.json": CONFIG_OF_A_RUN},
                "FileExistsError",
                "must be new with --resume=never",
            ),
            (
                "",
                {"output/config.json": CONFIG_OF_A_RUN},
                "FileExistsError",
                "differs in .*seed: 7 -> 0",
            ),
        )
    ),
    *(
        Case(
            f"config.json that is {content!r}",
            "file of the run is damaged. Received: .*config.json",
            files={
                "output/config.json": content,
                "output/.written": "config.json\n",
            },
        )
        for content in ('{"seed"', "", "[]")
    ),
    *(
        Case(
            f"{mode} with {files}",
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
        for files, error, message in UNUSABLE_RUNS
    ),
]
TRIALS = [
    Case(wrong, message, f"--mode=trials {wrong}")
    for wrong, message in (
        ("", "number of trials must be given.*Pass --num_trials=20"),
        (
            "--num_trials=2 --num_head_seeds=2 --num_data_seeds=2",
            "num_trials=2, num_head_seeds=2, num_data_seeds=2",
        ),
        ("--num_trials=0", "`num_trials` must be.*Received: num_trials=0"),
        (
            "--num_trials=2 --sweep=mixout",
            "Received: sweep='mixout'. Write --sweep=",
        ),
        (
            "--num_trials=2 --sweep=mixouts:0,1",
            "'mixouts=0'.*Received: --mixouts. Did you mean --mixout",
        ),
        (
            "--num_trials=2 --sweep=mixout:0 --sweep=mixout:0.1",
            "Give all values in one: --sweep=mixout:v1,v2,v3",
        ),
        (
            "--num_trials=2 --sweep=seed:1,2",
            "seeds are counted by --num_trials",
        ),
        (
            "--num_trials=2 --sweep=reinit_layers:0,2 --sweep=freeze:,lower_1",
            "'reinit_layers=2, freeze=lower_1'",
        ),
        (
            "--num_trials=2 --sweep=reinit_layers:0,7",
            "In the recipe 'reinit_layers=7'.*reinit_layers=7",
        ),
        (
            "--num_trials=2 --baseline=mixout=1",
            "`baseline` must be a recipe of the sweep",
        ),
        (
            "--num_trials=2 --validation_proportion=0",
            "There is no split that trials can be scored on",
        ),
    )
] + typed(
    (
        "--mode=trials --num_trials=2 --sweep=recipe:nothing",
        "no such recipe: .*flags/recipes.*sweep=recipe:nothing",
    ),
    error="FileNotFoundError",
)

CASES = (
    *TRAIN_FILES,
    *OTHER_FILES,
    *FLAGS,
    *OTHER_NAMES,
    *FOLDERS,
    *TRIALS,
)
