"""The configuration of a run that is there, and what may differ from it later.

No TensorFlow: a wrong flag or folder is found before that is imported, which
takes seconds.
"""

import dataclasses
from collections.abc import Collection
from typing import Any

from tf_bert import config_rules, run_data, run_folder
from tf_bert.config import Config
from tf_bert.data import standard_input
from tf_bert.data.task_spec import TaskSpec
from tf_bert.run_folder import RunFolder

# How the rows of another file are written.
_READING = {"text_column", "text_pair_column", "encoding", "delimiter"}
_COLUMNS = ("text_column", "text_pair_column", "label_column")
# Mode -> the flag of the file that it reads, and the columns that it must have.
_FILES = {
    "evaluate": ("test_file", ("text_column", "label_column")),
    "predict": ("predict_file", ("text_column",)),
}
_COMPUTING = {"eval_batch_size", "max_seq_length", "precision"}
# On what it is computed: here, not where the run was trained.
_DEVICES = {"distribution", "tpu_name", "tpu_zone", "gcp_project"}
# Where the run's own data lies now.
_PLACES = {"data_dir", "tfds_data_dir", "train_file", "validation_file"}

# Mode -> the flags that mean something in it. All others are the run's.
OWN_FLAGS: dict[str, frozenset[str]] = {
    "evaluate": frozenset(
        {"test_file", "label_column"}
        | _READING
        | _COMPUTING
        | _DEVICES
        | _PLACES
    ),
    "predict": frozenset({"predict_file"} | _READING | _COMPUTING | _DEVICES),
    # The model as it was trained.
    "export": frozenset(),
    # What the run has recorded.
    "plot": frozenset(),
    "report": frozenset({"baseline"}),
}


def stored_config(given: dict[str, Any]) -> Config:
    """Returns the configuration of a run, with some fields replaced.

    Args:
        given: the flags that were given; `output_dir` is the run's. Those
            that mean nothing in the `mode` must equal the run's, as they do
            in its own flag file.

    Raises:
        FileNotFoundError: if the run is not there, or has not ended and the
            mode needs that.
        ValueError: if a flag means nothing in the mode and is not the run's.
    """
    if given.get("trials_dirs"):
        _check_alone(given)
        return Config(**given)
    folder = RunFolder(given["output_dir"])
    if given.get("mode") not in config_rules.MODES_OF_ANY_RUN:
        folder.read_json(run_folder.RESULTS)
    # The folder may have been moved since.
    fields = {
        **folder.read_json(run_folder.CONFIG),
        "output_dir": folder.path,
    }
    run = Config.from_dict(fields)
    _check_flags(run, given)
    fields = {n: value for n, value in fields.items() if n not in _DEVICES}
    if given.get("test_file") or given.get("predict_file"):
        # They are of the run's own files; these may be written otherwise.
        fields = {**fields, "encoding": None, "delimiter": None}
    fields |= _without_batch_size(given)
    return Config.from_dict(fields | _columns_of_file(run, given))


def _columns_of_file(run: Config, given: dict[str, Any]) -> dict[str, Any]:
    """Returns how a file is read that is not of the run's task or dataset.

    Its columns are called as flags say, else as those of the run's data. A
    known task has a say only where no flag names one. The default of a flag,
    given, names a column of the file and leaves nothing to the dataset.

    Args:
        run: as it was trained.
        given: the flags that were given.

    Returns:
        The fields to replace; none where those of the run will do.
    """
    mode = given.get("mode")
    if mode not in _FILES:
        return {}
    flag, needed = _FILES[mode]
    path = given.get(flag) or getattr(run, flag)
    if path is None or path == standard_input.STANDARD_INPUT:
        return {}
    columns = {name: given[name] for name in _COLUMNS if name in given}
    in_dataset = run_data.has_unknown_dataset(run)
    has_task = run.task_name is not None or run.tfds_name is not None
    if in_dataset and not _are_told(run, columns, needed):
        task = _task_of_dataset(run, path, needed)
    elif in_dataset or (has_task and columns):
        task = run_data.get_trained_task(run)
    else:
        return {}
    sources = ("task_name", "data_dir", "tfds_name", "tfds_data_dir")
    return {
        **dict.fromkeys(sources),
        **{name: getattr(task, name) for name in _COLUMNS},
        **columns,
        "task_type": "regression" if task.is_regression else "classification",
        "metric": task.metric,
    }


def _are_told(
    run: Config, columns: dict[str, str], needed: Collection[str]
) -> bool:
    """Whether flags, of now or of the training, name the columns."""
    defaults = {field.name: field.default for field in dataclasses.fields(run)}
    return all(
        name in columns or getattr(run, name) != defaults[name]
        for name in needed
    )


def _task_of_dataset(
    run: Config, path: str, needed: Collection[str]
) -> TaskSpec:
    try:
        return run_data.get_task(run)
    except ValueError as error:
        flags = " and ".join(f"--{name}" for name in needed)
        raise ValueError(
            "The columns of a file must be named by flags, or by the features "
            "of the dataset that the run was trained on, which cannot be "
            f"read here. Received: {path}, tfds_name={run.tfds_name!r}, "
            f"tfds_data_dir={run.tfds_data_dir!r}. Pass {flags}."
        ) from error


def _check_alone(given: dict[str, Any]) -> None:
    """Refuses flags of a training beside the folders of several."""
    own = {"mode", "output_dir", "trials_dirs", "baseline"}
    wrong = sorted(name for name in given if name not in own)
    if wrong:
        raise ValueError(
            "A report on `trials_dirs` must be given no flags of a training: "
            f"each folder has its own. Received: {wrong[0]}="
            f"{given[wrong[0]]!r}. Leave out --{wrong[0]}."
        )


def _without_batch_size(given: dict[str, Any]) -> dict[str, Any]:
    """Leaves out how the batch size was given; the run holds the size."""
    names = ("train_batch_size", "per_device_train_batch_size")
    return {name: x for name, x in given.items() if name not in names}


def _check_flags(stored: Config, given: dict[str, Any]) -> None:
    mode = given.get("mode", stored.mode)
    own = OWN_FLAGS.get(mode, frozenset()) | {"mode", "output_dir"}
    wrong = [
        name
        for name, value in given.items()
        if name not in own and not _is_of_run(stored, name, value)
    ]
    if not wrong:
        return
    received = "; ".join(
        f"{name}={given[name]} (the run's: {getattr(stored, name)})"
        for name in wrong
    )
    taken = ", ".join(f"--{name}" for name in sorted(own - {"mode"}))
    raise ValueError(
        f"--mode={mode} must be given flags that mean something in it, or "
        f"those of the run in `output_dir` as they were. Received: {received}, "
        f"output_dir={given['output_dir']}. Beside --mode it takes {taken}. "
        f"Leave out {', '.join('--' + name for name in wrong)}; if a flag "
        f"file holds them, pass --output_dir={given['output_dir']} in its "
        "place."
    )


def _is_of_run(stored: Config, name: str, value: Any) -> bool:
    """Whether a flag, as `cli.parse` returns it, could be the run's."""
    if value is None:
        return True  # Another flag says the same thing in its unit.
    if name == "per_device_train_batch_size":
        # Of how many devices the run knew, its configuration does not say.
        of_device = value * stored.gradient_accumulation_steps
        return stored.train_batch_size % of_device == 0
    return getattr(stored, name) == value
