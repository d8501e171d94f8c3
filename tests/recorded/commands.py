"""The commands that wrote what stands beside this file, at commit 2374533.

A finished run, one that was interrupted after four of its eight steps, a
sweep, and `splits.json` of runs that divide their files in every way: what a
later version must go on to read, continue and draw alike
(`tests/recorded_test.py`). How the data, with copies of texts in copies.csv,
and the checkpoint were made: `tests/recorded/write.py` of commit eef0b10.
"""

TRAINING = {
    "init_checkpoint": "checkpoint",
    "max_seq_length": 32,
    "train_batch_size": 12,
    "num_train_steps": 8,
    "num_evaluations": 4,
    "learning_rate": 0.01,
    "tensorboard": "false",
}
# Copies of texts are in different splits, as that version let them be.
WITH_COPIES = {**TRAINING, "train_file": "copies.csv", "test_proportion": 0.2}
# Folder -> the flags of what it holds.
RUNS = {
    "run": {**WITH_COPIES, "predict_file": "new.csv"},
    "interrupted": WITH_COPIES,
    "sweep": {
        **WITH_COPIES,
        "mode": "trials",
        "num_trials": 2,
        "sweep": "reinit_layers:0,1",
    },
}
DIVISIONS = {
    "default": {"train_file": "reviews.csv"},
    "test_proportion": {"train_file": "reviews.csv", "test_proportion": 0.25},
    "other_seed": {
        "train_file": "reviews.csv",
        "test_proportion": 0.2,
        "split_seed": 7,
    },
    "fewer_rows": {
        "train_file": "reviews.csv",
        "validation_file": "copies.csv",
        "max_train_examples": 20,
    },
    "half_of_dev": {
        "train_file": "reviews.csv",
        "validation_file": "copies.csv",
        "split_dev_in_half": True,
    },
    "regression": {
        "train_file": "scores.csv",
        "task_type": "regression",
        "validation_proportion": 0.2,
        "test_proportion": 0.1,
    },
    "product_reviews": {"task_name": "product_reviews"},
    "product_reviews_fewer": {
        "task_name": "product_reviews",
        "max_train_examples": 100,
    },
}


def command_line(output_dir: str, **flags) -> list[str]:
    """Returns the arguments of the program."""
    flags = {"output_dir": output_dir, **flags}
    return [f"--{name}={value}" for name, value in flags.items()]
