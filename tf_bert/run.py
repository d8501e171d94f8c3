"""START HERE: `python -m tf_bert.run --flagfile=flags/quickstart.flags`.

Flags become a `Config`, and the mode's function gets it. Exit status: 0, 1 if
a trial of a sweep went wrong, a package does not load or the doctor says that
no training can start, 2 for anything else that the user can correct, 130 after
Ctrl-C, 141 when nobody reads the output any more, 143 after SIGTERM.
"""

import dataclasses
import gc
import importlib
import logging as python_logging
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any

from tf_bert.doctor import doctor_report, packages, runtime

try:
    from absl import logging

    from tf_bert import config
    from tf_bert.config import help_page, parse
    from tf_bert.runs import recorded_onednn
    from tf_bert.runs.stored_config import stored_config
    from tf_bert.system import (
        lean_tensorflow,
        native_log,
        os_errors,
        stop_requests,
    )
except ImportError:
    # Where nothing is installed yet, this much can be said, in every mode.
    found = packages.check(runtime.find_kind())
    if not found.findings:
        raise
    sys.exit(doctor_report.show([found], as_json="--json" in sys.argv))

_CONTINUE = (
    "Give the same command again (without --overwrite_output_dir) to continue "
    "from the last saved state, if there was one."
)
_CONTINUE_TRIALS = (
    "What has finished is stored: give the same command again to continue "
    "with the trials that are left."
)
_DOCTOR = (
    "A package of this machine does not load. `python -m tf_bert.run "
    "--mode=doctor` says what is wrong, and how to mend it."
)
_START_OVER = "Files are written whole or not at all: give the command again."


@dataclasses.dataclass(frozen=True)
class Mode:
    """What one `--mode` does.

    Args:
        module: of `tf_bert`; imported when the mode runs, for it imports
            TensorFlow, which takes seconds. Its `function` takes the `Config`.
        has_new_config: whether the flags make up the configuration, of a
            training to be; else it is that of the finished run in
            `output_dir`, and few flags may differ from it.
        after_interrupt: what is said after Ctrl-C or SIGTERM.
        returns_status: whether the function returns the exit status; else
            that is 0 if it raises nothing.
        has_tensorflow: whether the module imports TensorFlow.
    """

    module: str
    function: str
    has_new_config: bool = False
    after_interrupt: str = _START_OVER
    returns_status: bool = False
    has_tensorflow: bool = True


MODES = {
    "train": Mode("finetune", "fine_tune", True, _CONTINUE),
    "trials": Mode(
        "trials.run_trials", "run_trials", True, _CONTINUE_TRIALS, True
    ),
    "report": Mode("report.report_run", "report_run", has_tensorflow=False),
    "inspect": Mode("inspection.inspect_run", "inspect_run", True),
    "doctor": Mode(
        "doctor.doctor_run",
        "doctor_run",
        True,
        returns_status=True,
        has_tensorflow=False,
    ),
    "evaluate": Mode("runs.finished_run", "evaluate_run"),
    "predict": Mode("runs.predictions", "predict_run"),
    "export": Mode("runs.export", "export_run"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command line, by default `sys.argv`'s; returns the exit status."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    is_verbose = "-v=1" in arguments
    _quiet_libraries(is_verbose=is_verbose)
    try:
        if {"--help", "-help", "-h"} & set(arguments):
            print(help_page.help_text(), flush=True)
            return 0
        given = parse.parse([a for a in arguments if a != "-v=1"])
        with stop_requests.ending_at_sigterm():
            return _run_mode(MODES[given.get("mode", "train")], given)
    except BrokenPipeError:  # Before OSError, which it is too.
        # Otherwise Python complains when it flushes the rest at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141  # As the shell reports it: 128 + SIGPIPE.
    except (ValueError, OSError) as error:
        message = str(error)
        if isinstance(error, OSError):
            message = os_errors.explain(error)
        # What the user cannot correct is a bug and shows its traceback.
        if message is None:
            raise
        if is_verbose:
            traceback.print_exc()
        else:
            print(f"{type(error).__name__}: {message}", file=sys.stderr)
        return 2
    except ImportError:
        traceback.print_exc()
        print(f"\n{_DOCTOR}", file=sys.stderr)
        return 1


def _run_mode(mode: Mode, given: dict[str, Any]) -> int:
    try:
        # Checked before TensorFlow is imported.
        if mode.has_new_config:
            run_config = config.Config(**given)
        else:
            run_config = stored_config(**given)
        if mode.has_tensorflow:
            recorded_onednn.use_recorded(run_config)
        with (
            native_log.quieted(),
            lean_tensorflow.without_garbage_collection(),
        ):
            if mode.has_tensorflow:
                lean_tensorflow.load()
            module = importlib.import_module(f"tf_bert.{mode.module}")
        result = getattr(module, mode.function)(run_config)
        sys.stdout.flush()  # Here, where a pipe that broke is caught.
    except KeyboardInterrupt as error:
        said = str(error) or f"Interrupted. {mode.after_interrupt}"
        print(f"\n{said}", file=sys.stderr)
        return stop_requests.STATUS_OF_CONTROL_C
    except stop_requests.Terminated as error:
        said = str(error) or f"Terminated. {mode.after_interrupt}"
        print(f"\n{said}", file=sys.stderr)
        return stop_requests.STATUS_OF_SIGTERM
    return result if mode.returns_status else 0


def _quiet_libraries(*, is_verbose: bool) -> None:
    """Leaves the terminal to what this program says."""
    native_log.set_level(is_verbose=is_verbose)
    logging.set_verbosity(logging.DEBUG if is_verbose else logging.INFO)
    # Not absl's own handler: it warns of flags that `absl.app` did not parse.
    python_logging.basicConfig(format="%(message)s")


if __name__ == "__main__":
    exit_status = main()
    # Else Python looks once more through the million objects of TensorFlow for
    # some that hang in circles, for half a second; their memory is given back
    # anyway.
    gc.freeze()
    sys.exit(exit_status)
