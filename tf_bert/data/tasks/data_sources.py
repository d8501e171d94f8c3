"""Where the splits of a task are read from, and which file holds which."""

import dataclasses
import importlib.resources
import os

from tf_bert.config.text_format import TextFormat
from tf_bert.data.tasks.task_spec import SPLITS, TaskSpec
from tf_bert.system import file_io


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataSources:
    """Where the labelled data of a task is.

    A split comes from the file given for it, else from `data_dir` (for a
    bundled task: from the package). Without any of these, a task that stands
    in tensorflow-datasets is read from there.

    Args:
        data_dir: The folder that holds the task's files, or its parent (the
            folder of all GLUE tasks). Local or `gs://`.
        train_file: Path or pattern, as the next two.
        validation_file: None: held out of the training examples.
        test_file: None: there is none, or it is held out likewise.
        tfds_data_dir: Where tensorflow-datasets keeps its data; None: its
            own default, `~/tensorflow_datasets`.
        text_format: How the files that are given one by one are written;
            None: to be detected. The files of `data_dir` are the task's own.
        allow_empty_texts: Whether a row of a file may have no text, for those
            who look for such rows; a training has no use for them.
    """

    data_dir: str | None = None
    train_file: str | None = None
    validation_file: str | None = None
    test_file: str | None = None
    tfds_data_dir: str | None = None
    text_format: TextFormat | None = None
    allow_empty_texts: bool = False

    @property
    def files(self) -> dict[str, str]:
        """Split -> the file that is given for it."""
        files = {
            "train": self.train_file,
            "validation": self.validation_file,
            "test": self.test_file,
        }
        return {split: path for split, path in files.items() if path}

    def find_files(self, task: TaskSpec) -> dict[str, str]:
        """Returns split -> path; "train" is the first.

        Only the folder is looked for, not each file.

        Raises:
            FileNotFoundError: `data_dir` does not hold the task.
            ValueError: There is no training file, or `data_dir` is given for
                the user's own files.
        """
        folder = self.data_dir
        if folder is not None and not task.file_names:
            raise ValueError(
                "`data_dir` cannot be combined with your own files, whose "
                f"names are not known. Received: data_dir={folder!r}. Pass "
                "--train_file (and --validation_file, --test_file), or a "
                "--task_name."
            )
        if folder is None and task.is_bundled:
            folder = os.fspath(importlib.resources.files("tf_bert") / "data")
        paths = {}
        if folder is not None:
            folder = _find_task_folder(task, folder)
            for split, name in task.file_names.items():
                paths[split] = os.path.join(folder, name)
        paths |= self.files
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
