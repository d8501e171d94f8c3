"""The oneDNN that a run or a sweep began with, for who goes on with it.

With and without oneDNN float32 sums are rounded otherwise, so a training that
changes over in its midst ends in other last digits.
"""

from absl import logging

from tf_bert.config import Config
from tf_bert.runs.run_folder import RunFolder
from tf_bert.system import file_io, onednn

_TRAINING = ("train", "trials")


def use_recorded(config: Config) -> None:
    """Turns oneDNN on or off as `output_dir` says; before TensorFlow.

    A run without a record, of an earlier version, left it to TensorFlow, and
    goes on so. Nothing is changed where the user has set the variable, where
    TensorFlow is loaded, and on `gs://`, which it reads: see `say_which`.
    """
    path = config.output_dir
    if path is None or config.overwrite_output_dir or onednn.is_loaded():
        return
    if file_io.is_remote(path) or not RunFolder(path).holds_run():
        return
    recorded = RunFolder(path).onednn()
    # Finished models of earlier versions may as well be fast.
    if recorded is not None or config.mode in _TRAINING:
        onednn.use(recorded)


def say_which(config: Config) -> None:
    """Says with which oneDNN a training goes on, where that is of note."""
    folder = RunFolder(config.output_dir)
    if config.overwrite_output_dir or not folder.holds_run():
        return
    recorded, is_on = folder.onednn(), onednn.is_on()
    began = onednn.is_on_by_itself() if recorded is None else recorded
    if began != is_on:
        logging.warning(
            "The run began %s oneDNN and goes on %s it: it ends in weights "
            "that differ in their last digits. To go on as it began, end this "
            "and give the command with %s=%d in front.",
            "with" if began else "without",
            "with" if is_on else "without",
            onednn.VARIABLE,
            began,
        )
    elif not is_on and onednn.is_available():
        logging.info(
            "Going on without oneDNN, as the run began (%s=0). A new run "
            "would have it, and may be faster.",
            onednn.VARIABLE,
        )
