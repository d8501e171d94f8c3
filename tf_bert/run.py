"""START HERE: `python -m tf_bert.run --flagfile=flags/quickstart.flags`.

Flags become a `Config`, and the mode's function gets it. Exit status: 0, 2
for anything that the user can correct, 130 after Ctrl-C, 141 when nobody
reads the output any more.
"""

import logging as python_logging
import os
import sys
import traceback
from collections.abc import Sequence

from absl import logging

from tf_bert import cli, config, flags_page, native_log, os_errors


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the program.

    Args:
        arguments: of the command line; None takes `sys.argv`'s.

    Returns:
        The exit status.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if {"--help", "-help", "-h"} & set(arguments):
        print(flags_page.help_text())
        return 0
    is_verbose = "-v=1" in arguments
    _quiet_libraries(is_verbose=is_verbose)
    try:
        given = cli.parse([a for a in arguments if a != "-v=1"])
        return _run_mode(given)
    # Before OSError, which it is one of.
    except BrokenPipeError:
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
    except KeyboardInterrupt:
        print(
            "\nInterrupted. Give the same command again (without "
            "--overwrite_output_dir) to continue from the last evaluation.",
            file=sys.stderr,
        )
        return 130


def _run_mode(given: dict) -> int:
    mode = given.get("mode", "train")
    if mode == "train":
        # Checked before TensorFlow is imported, which takes seconds.
        run_config = config.Config(**given)
        with native_log.quieted():
            from tf_bert import finetune
        finetune.fine_tune(run_config)
        return 0
    if mode == "inspect":
        run_config = config.Config(**given)
        with native_log.quieted():
            from tf_bert.inspection import inspect_run
        inspect_run.inspect_run(run_config)
        return 0
    with native_log.quieted():
        from tf_bert import export, finished

    modes = {
        "evaluate": finished.evaluate_run,
        "predict": finished.predict_run,
        "export": export.export_run,
    }
    modes[mode](finished.stored_config(given))
    return 0


def _quiet_libraries(*, is_verbose: bool) -> None:
    """Leaves the terminal to what this program says."""
    # Native code calls it an error that a machine has no GPU. What really goes
    # wrong there is raised in Python too.
    level = "0" if is_verbose else "3"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", level)
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
    logging.set_verbosity(logging.DEBUG if is_verbose else logging.INFO)
    # Not absl's own handler: it warns of flags that `absl.app` did not parse.
    python_logging.basicConfig(format="%(message)s")


if __name__ == "__main__":
    sys.exit(main())
