"""Which file holds which split of a task."""

import importlib.resources
import os
from collections.abc import Mapping

from tf_bert.data.tasks.task_spec import TaskSpec
from tf_bert.system import file_io


def find_files(
    task: TaskSpec, data_dir: str | None, files: Mapping[str, str | None]
) -> dict[str, str]:
    """Returns the splits that have a file, and which.

    Args:
        task: Of the table, or a custom one.
        data_dir: The folder that holds the task's files, or its parent; None
            for a bundled task is the package's own.
        files: Split to path, or None; go before `data_dir`.

    Returns:
        Split -> path, in the order of the splits; "train" is one of them.
        Only the folder is looked for, not each file.

    Raises:
        FileNotFoundError: `data_dir` does not hold the task.
        ValueError: There is no training file, or `data_dir` is given for the
            user's own files.
    """
    paths = {}
    if data_dir is not None and not task.file_names:
        raise ValueError(
            "`data_dir` must be left out for your own files, whose names are "
            f"not known. Received: data_dir={data_dir!r}. Pass --train_file "
            "(and --validation_file, --test_file), or a --task_name."
        )
    if data_dir is None and task.is_bundled:
        data_dir = os.fspath(importlib.resources.files("tf_bert") / "data")
    if data_dir is not None:
        folder = _find_task_folder(task, data_dir)
        for split, name in task.file_names.items():
            paths[split] = os.path.join(folder, name)
    paths.update({split: path for split, path in files.items() if path})
    if "train" not in paths:
        choice = "--data_dir or " if task.file_names else ""
        raise ValueError(
            "A task must have training data. Received: train_file=None, "
            f"data_dir=None for task_name={task.name!r}. Pass {choice}"
            "--train_file."
        )
    order = dict.fromkeys((*files, *task.file_names))
    return {split: paths[split] for split in order if split in paths}


def _find_task_folder(task: TaskSpec, data_dir: str) -> str:
    folders = [data_dir]
    if task.folder_name:
        folders.append(os.path.join(data_dir, task.folder_name))
    for folder in folders:
        for name in task.file_names.values():
            if file_io.exists(os.path.join(folder, name)):
                return folder
    names = " and ".join(task.file_names.values())
    raise FileNotFoundError(
        f"`data_dir` must hold {names}, or a folder {task.folder_name} that "
        f"does. Received: data_dir={data_dir!r}. Correct --data_dir, or pass "
        "the files by --train_file and --validation_file."
    )
