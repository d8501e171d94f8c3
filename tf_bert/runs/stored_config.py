"""The configuration of a run that is there, and what may differ from it later.

No TensorFlow: a wrong flag or folder is found before that is imported, which
takes seconds.
"""

from collections.abc import Collection, Mapping
from typing import Any

from tf_bert.config import Config
from tf_bert.config.all_settings import (
    ALTERNATIVES,
    SETTINGS,
    names_of_mode,
    names_where,
)
from tf_bert.config.setting import OF_ANY_RUN, TRAINING
from tf_bert.data.readers import standard_input
from tf_bert.data.tasks import run_data
from tf_bert.data.tasks.data_sources import given_files
from tf_bert.data.tasks.task_spec import TaskSpec
from tf_bert.runs import run_folder
from tf_bert.runs.run_folder import RunFolder
from tf_bert.system import file_io


def stored_config(**given: Any) -> Config:
    """Returns the configuration of a run, with some fields replaced.

    Args:
        **given: the flags that were given; `output_dir` is the run's. Those
            that mean nothing in the `mode` must equal the run's, as they do in
            its own flag file.

    Raises:
        FileNotFoundError: if the run is not there, or has not ended and the
            mode needs that.
    """
    if given.get("trials_dirs"):
        _check_alone(given)
        return Config(**given)
    folder = RunFolder(given["output_dir"])
    file_io.restore_folders(folder.path)
    if given.get("mode") not in OF_ANY_RUN:
        folder.read_json(run_folder.RESULTS)
    # The folder may have been moved since.
    stored = folder.read_json(run_folder.CONFIG)
    run = Config.from_dict(stored, output_dir=folder.path)
    _check_flags(run, given)
    has_files = bool(given.get("test_file") or given.get("predict_file"))
    # Formats are of the run's own files; others may be written otherwise.
    elsewhere = names_where(
        lambda setting: (
            setting.is_of_machines or (has_files and setting.is_of_files)
        )
    )
    fields = run.with_defaults(elsewhere).as_dict()
    fields |= _without_batch_size(given)
    task = _task_of_file(run, given)
    if task is None:
        config = Config.from_dict(fields)
    else:
        config = _of_task(fields, given, task)
    _check_text_format(config, run)
    return config


def _of_task(
    fields: Mapping[str, Any], given: Mapping[str, Any], task: TaskSpec
) -> Config:
    """Returns the configuration of a file whose columns a task says."""
    return Config.from_dict(
        fields,
        task_name=None,
        data_dir=None,
        tfds_name=None,
        tfds_data_dir=None,
        text_column=given.get("text_column", task.text_column),
        text_pair_column=given.get("text_pair_column", task.text_pair_column),
        label_column=given.get("label_column", task.label_column),
        task_type="regression" if task.is_regression else "classification",
        metric=task.metric,
    )


def _check_text_format(config: Config, run: Config) -> None:
    """Refuses what is said anew of files that have no use for it.

    What is said as of the run may be from its flag file.
    """
    names = names_where(lambda setting: setting.is_of_files)
    same = [x for x in names if config.value_of(x) == run.value_of(x)]
    files = [*given_files(config).values()]
    if config.mode == "predict":
        files = [config.predict_file]
    elif config.test_file:
        files = [config.test_file]
    run_data.check_text_format(
        config.with_defaults(same), [file for file in files if file]
    )


def _task_of_file(run: Config, given: Mapping[str, Any]) -> TaskSpec | None:
    """Returns how a file is read that is not of the run's task or dataset.

    Its columns are called as flags say, else as those of the run's data. A
    known task has a say only where no flag names one. The default of a flag,
    given, names a column of the file and leaves nothing to the dataset. None:
    the settings of the run will do.
    """
    mode, path = given.get("mode"), None
    if mode == "evaluate":
        path = given.get("test_file") or run.test_file
    elif mode == "predict":
        path = given.get("predict_file") or run.predict_file
    if path is None or path == standard_input.STANDARD_INPUT:
        return None
    columns = names_where(lambda setting: setting.is_column)
    # Of those that the mode reads; the second of a pair may be missing.
    needed = [
        name
        for name in columns
        if mode in SETTINGS[name].modes and SETTINGS[name].default is not None
    ]
    # By flags, of now or of the training.
    are_told = all(
        name in given or run.value_of(name) != SETTINGS[name].default
        for name in needed
    )
    in_dataset = run_data.has_unknown_dataset(run)
    has_task = run.task_name is not None or run.tfds_name is not None
    if in_dataset and not are_told:
        return _task_of_dataset(run, path, needed)
    if in_dataset or (has_task and not given.keys().isdisjoint(columns)):
        return run_data.get_trained_task(run)
    return None


def _task_of_dataset(
    run: Config, path: str, needed: Collection[str]
) -> TaskSpec:
    try:
        return run_data.get_task(run)
    except ValueError as error:
        flags = " and ".join(f"--{name}" for name in needed)
        raise ValueError(
            "The dataset that the run was trained on, which would say how the "
            f"columns of a file are called, cannot be read. Received: {path}, "
            f"tfds_name={run.tfds_name!r}, "
            f"tfds_data_dir={run.tfds_data_dir!r}. Pass {flags}."
        ) from error


def _check_alone(given: dict[str, Any]) -> None:
    """Refuses flags of a training beside the folders of several."""
    wrong = sorted(given.keys() - set(names_of_mode("report")))
    if wrong:
        raise ValueError(
            "A report on `trials_dirs` takes no flags of a training: "
            f"each folder has its own. Received: {wrong[0]}="
            f"{given[wrong[0]]!r}. Leave out --{wrong[0]}."
        )


def _without_batch_size(given: dict[str, Any]) -> dict[str, Any]:
    """Leaves out how the batch size was given; the run holds the size."""
    (names,) = (row for row in ALTERNATIVES if "train_batch_size" in row)
    return {name: x for name, x in given.items() if name not in names}


def _check_flags(stored: Config, given: dict[str, Any]) -> None:
    mode = given.get("mode", stored.mode)
    # What a training takes beside it, makes another run.
    own = names_of_mode("export" if mode in TRAINING else mode)
    wrong = [
        name
        for name, value in given.items()
        if name not in own and not _is_of_run(stored, name, value)
    ]
    if not wrong:
        return
    received = "; ".join(
        f"{name}={given[name]} (the run's: {stored.value_of(name)})"
        for name in wrong
    )
    taken = ", ".join(f"--{name}" for name in sorted(set(own) - {"mode"}))
    raise ValueError(
        f"--mode={mode} does not take these flags, unless as the run in "
        f"`output_dir` has them. Received: {received}, "
        f"output_dir={given['output_dir']}. Beside --mode it takes {taken}. "
        f"Leave out {', '.join('--' + name for name in wrong)}; if a flag "
        f"file holds them, pass --output_dir={given['output_dir']} in its "
        "place."
    )


def _is_of_run(stored: Config, name: str, value: Any) -> bool:
    """Whether a flag, as `parse.parse` returns it, could be the run's."""
    if value is None:
        return True  # Another flag says the same thing in its unit.
    if name == "per_device_train_batch_size":
        # Of how many devices the run knew, its configuration does not say.
        of_device = value * stored.gradient_accumulation_steps
        return stored.train_batch_size % of_device == 0
    return stored.value_of(name) == value
