"""Which file holds which split of a task."""

import importlib.resources
import os

from tf_bert.config import Config
from tf_bert.data.tasks.task_spec import SPLITS, TaskSpec
from tf_bert.system import file_io


def given_files(config: Config) -> dict[str, str]:
    """Returns split -> the file that a flag names for it."""
    files = {
        "train": config.train_file,
        "validation": config.validation_file,
        "test": config.test_file,
    }
    return {split: path for split, path in files.items() if path}


def find_files(task: TaskSpec, config: Config) -> dict[str, str]:
    """Returns split -> path; "train" is the first.

    A split comes from the file given for it, else from `data_dir` (for a
    bundled task: from the package). Only the folder is looked for, not each
    file.
    """
    folder = config.data_dir
    if folder is not None and not task.file_names:
        raise ValueError(
            "`data_dir` cannot be combined with your own files, whose names "
            f"are not known. Received: data_dir={folder!r}. Pass --train_file "
            "(and --validation_file, --test_file), or a --task_name."
        )
    if folder is None and task.is_bundled:
        folder = os.fspath(importlib.resources.files("tf_bert") / "data")
    paths = {}
    if folder is not None:
        folder = _find_task_folder(task, folder)
        for split, name in task.file_names.items():
            paths[split] = os.path.join(folder, name)
    paths |= given_files(config)
    if "train" not in paths:
        choice = "--data_dir or " if task.file_names else ""
        raise ValueError(
            "There is nothing to train on. Received: train_file=None, "
            f"data_dir=None for task_name={task.name!r}. Pass {choice}"
            "--train_file."
        )
    order = dict.fromkeys((*SPLITS, *task.file_names))
    return {split: paths[split] for split in order if split in paths}


def _find_task_folder(task: TaskSpec, data_dir: str) -> str:
    """Returns the folder with a task's files: this one, or one inside it."""
    folders = [data_dir]
    if task.folder_name:
        folders.append(os.path.join(data_dir, task.folder_name))
    for folder in folders:
        for name in task.file_names.values():
            if file_io.exists(os.path.join(folder, name)):
                return folder
    names = " and ".join(task.file_names.values())
    raise FileNotFoundError(
        f"The folder holds neither {names} nor a folder {task.folder_name} "
        f"that does. Received: data_dir={data_dir!r}. Correct --data_dir, or "
        "pass the files by --train_file and --validation_file."
    )
