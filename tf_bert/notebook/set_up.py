"""Gives the machine what the package needs: `set_up()` in a notebook.

On a machine with a terminal, such as a TPU VM:

    pip install packaging && python -m tf_bert.notebook.set_up

Neither this module nor what it imports needs more than `packaging`.
"""

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping

from tf_bert.doctor import install_plan, packages, runtime

_IMPORT = "import tensorflow, tensorflow_text, keras\n"
# That the kernels are there does not depend on whether a chip answers: another
# process may hold it. (TensorFlow's private name for them, as of the one
# version that TPUs have.)
_KERNELS = """\
import sys
from tensorflow.python.framework import kernels
if not kernels.get_registered_kernels_for_op("TPUExecute").kernel:
    sys.exit("This TensorFlow has no kernels for TPUs.")
"""

# Modules whose version a process cannot change once they are imported.
_MODULES = {
    "jax": "jax",
    "keras": "keras",
    "numpy": "numpy",
    "tensorflow": "tensorflow",
    "tensorflow-text": "tensorflow_text",
    "transformers": "transformers",
}


def set_up() -> None:
    """Installs what is missing, says so, and checks that it loads.

    Versions that are there and in range stay (see `install_plan.plan`);
    where all are, nothing is installed and no network is needed.
    """
    kind = runtime.find_kind()
    print(runtime.describe(kind), flush=True)
    commands = install_plan.plan(
        kind, packages.installed(), packages.requirements()
    )
    if not commands:
        print("Everything is there: nothing to install.")
    for arguments in commands:
        _pip(arguments)
    # The process that holds a TPU keeps it: another may fail to load there.
    if commands or "tensorflow" not in sys.modules:
        check_imports(kind)
    installed = packages.installed()
    check_loaded(_loaded(), installed)
    print(
        f"Ready: TensorFlow {installed['tensorflow']}, Keras "
        f"{installed['keras']}."
    )


def check_imports(kind: str) -> None:
    """Loads TensorFlow in a new process, which has imported nothing yet."""
    code = _IMPORT + (_KERNELS if kind == runtime.TPU else "")
    done = subprocess.run(
        [sys.executable, "-c", code],
        # Its errors alone: they hold the reason.
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(
            "Could not load TensorFlow and tensorflow-text. Received: exit "
            f"status {done.returncode}:\n{_end(done.stderr)}\n"
            f"Try `{install_plan.repair(kind)}` and this cell again, or a new "
            "runtime."
        )


def check_loaded(
    loaded: Mapping[str, str], installed: Mapping[str, str]
) -> None:
    """Checks that a process runs the versions that are installed.

    Args:
        loaded: name of a distribution -> version that the process imported.
        installed: name of a distribution -> version on the disk.
    """
    differ = [
        f"{name} {version} is loaded, {installed[name]} is installed"
        for name, version in sorted(loaded.items())
        if installed.get(name, version) != version
    ]
    if differ:
        raise RuntimeError(
            "This notebook has loaded other versions than are installed now. "
            f"Received: {'; '.join(differ)}. Restart it (menu Runtime > "
            "Restart session, or Kernel > Restart) and run all cells again: "
            "what was installed stays."
        )


def _loaded() -> dict[str, str]:
    modules = {
        name: sys.modules[module]
        for name, module in _MODULES.items()
        if module in sys.modules
    }
    return {
        name: module.__version__
        for name, module in modules.items()
        if hasattr(module, "__version__")
    }


def _pip(arguments: tuple[str, ...]) -> None:
    print(f"pip {shlex.join(arguments)}", flush=True)
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
        + [*arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(
            "pip could not install what is missing. Received: exit status "
            f"{done.returncode}:\n{_end(done.stderr)}\nCheck the network, or "
            "try a new runtime, where other programs have not changed "
            "versions yet."
        )


def _end(text: str) -> str:
    """The last lines, which hold the reason."""
    return "\n".join(text.strip().splitlines()[-15:])


if __name__ == "__main__":
    try:
        set_up()
    except RuntimeError as error:
        sys.exit(str(error))
