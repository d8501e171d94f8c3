"""The configuration of a run that is there, and what may differ from it later.

No TensorFlow: a wrong flag or folder is found before that is imported, which
takes seconds.
"""

from typing import Any

from tf_bert import config_rules, run_folder
from tf_bert.config import Config
from tf_bert.run_folder import RunFolder

# How the rows of another file are written.
_READING = {"text_column", "text_pair_column", "encoding", "delimiter"}
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
    _check_flags(Config.from_dict(fields), given)
    fields = {n: value for n, value in fields.items() if n not in _DEVICES}
    if given.get("test_file") or given.get("predict_file"):
        # They are of the run's own files; these may be written otherwise.
        fields = {**fields, "encoding": None, "delimiter": None}
    return Config.from_dict({**fields, **_without_batch_size(given)})


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
