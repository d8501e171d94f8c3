"""Tests of tf_bert/doctor/tensorflow_check.py, by TensorFlows that fail."""

import pytest
from broken_machine import only

# Seconds of which the last is for the processes that never end.
CHECK = "tensorflow_check.check(packages.installed())[0]"
IN_2_SECONDS = CHECK.replace("())[0]", "(), seconds=2)[0]")

ABORTS = """
import os, sys
if {unless}:
    print("F0 tpu_library_init_fns.inc:12] X not available in this library.",
          file=sys.stderr, flush=True)
    os.abort()
"""
IS_LIBTPU = "os.environ.get('TPU_LOAD_LIBRARY') != '0'"
WAITS = """
import os, time
if {unless}:
    time.sleep(60)
"""


def breaks(machine, code: str) -> None:
    """Puts code before that of the module tensorflow."""
    path = machine.site / "tensorflow" / "__init__.py"
    path.write_text(code + path.read_text("utf-8"), encoding="utf-8")


def test_it_loads(machine):
    check = machine.check(CHECK)
    assert check["status"] == "ok"
    assert check["summary"].endswith("loads, with oneDNN")


@pytest.mark.parametrize("name", ["tensorflow", "tensorflow_text", "keras"])
def test_what_is_missing_or_damaged_is_named(machine, name):
    machine.write(f"{name}/__init__.py", "import of_nobody")
    finding = only(machine.check(CHECK))
    assert finding["severity"] == "error"
    assert finding["what"] == (
        f"Could not load {name} (exit status 1): ModuleNotFoundError: No "
        "module named 'of_nobody'"
    )
    assert finding["command"].startswith("pip install --force-reinstall tens")


def test_the_whole_doctor_works_without_tensorflow_and_keras(
    machine, checkpoint
):
    machine.remove("tensorflow", "keras", "tensorflow_text")
    status, found = machine.doctor(f"--init_checkpoint={checkpoint}")
    assert status == 1
    assert (
        "keras, tensorflow, tensorflow-text" in only(found["packages"])["what"]
    )
    what = only(found["TensorFlow"])["what"]
    assert "No module named 'tensorflow'" in what
    assert found["disk"]["status"] == found["checkpoint"]["status"] == "ok"


def test_a_tensorflow_that_ends_the_process(machine):
    breaks(machine, ABORTS.format(unless=True))
    finding = only(machine.check(CHECK))
    assert finding["what"] == (
        "Could not load tensorflow (ended by SIGABRT): X not available in this "
        "library."
    )


def test_a_processor_without_its_instructions(machine):
    breaks(machine, "import os, signal; os.kill(os.getpid(), signal.SIGILL)\n")
    finding = only(machine.check(CHECK))
    assert "ended by SIGILL" in finding["what"]
    assert "lacks instructions (AVX)" in finding["why"]


def test_a_tensorflow_that_never_loads(machine):
    breaks(machine, WAITS.format(unless=True))
    finding = only(machine.check(IN_2_SECONDS))
    assert "Loading tensorflow did not end within 2 seconds" in finding["what"]


def test_a_libtpu_that_ends_the_process(machine):
    machine.install("libtpu", "0.0.51")
    breaks(machine, ABORTS.format(unless=IS_LIBTPU))
    finding = only(machine.check(CHECK))
    assert finding["what"] == (
        "libtpu 0.0.51 ends TensorFlow while it loads (ended by SIGABRT): X "
        "not available in this library."
    )
    assert "loads libtpu>=0.0.14,<0.0.32;" in finding["why"]
    assert finding["command"] == "pip install --no-deps libtpu==0.0.21.1"


def test_a_libtpu_that_waits_for_a_tpu(machine):
    machine.install("libtpu", "0.0.21.1")
    breaks(machine, WAITS.format(unless=IS_LIBTPU))
    finding = only(machine.check(IN_2_SECONDS))
    assert "libtpu 0.0.21.1 waits for a TPU" in finding["what"]
    assert finding["command"] == "export TPU_LOAD_LIBRARY=0"


def test_a_libtpu_is_not_blamed_for_what_it_has_not_done(machine):
    machine.install("libtpu", "0.0.51")
    breaks(machine, ABORTS.format(unless=True))
    assert "Could not load tensorflow" in only(machine.check(CHECK))["what"]


def test_tensorflow_for_tpus_that_was_overwritten(machine):
    machine.install("tensorflow-tpu", "2.20.0")
    finding = only(machine.check(CHECK))
    assert finding["severity"] == "error"
    assert "are those of another TensorFlow" in finding["what"]
    assert finding["command"] == (
        "pip install --force-reinstall --no-deps tensorflow-tpu==2.20.0"
    )
    assert machine.check(CHECK, KERNELS="1")["status"] == "ok"


def test_another_tensorflow_is_loaded_than_pip_knows(machine):
    breaks(machine, "")
    path = machine.site / "tensorflow" / "__init__.py"
    path.write_text(
        path.read_text("utf-8") + "__version__ = '2.9.1'\n", "utf-8"
    )
    finding = only(machine.check(CHECK))
    assert (
        f"TensorFlow 2.9.1 is loaded, from {path}; installed is 2."
        in (finding["what"])
    )


def test_onednn_that_is_off(machine):
    check = machine.check(CHECK, TF_ENABLE_ONEDNN_OPTS="0")
    assert check["status"] == "warning"
    finding = only(check)
    assert finding["what"] == "oneDNN is off (TF_ENABLE_ONEDNN_OPTS=0)."
    assert finding["command"] == "unset TF_ENABLE_ONEDNN_OPTS"
    # A GPU does not compute with it.
    check = machine.check(CHECK, TF_ENABLE_ONEDNN_OPTS="0", GPUS="1")
    assert check["status"] == "ok"


def test_another_backend_of_keras(machine):
    finding = only(machine.check(CHECK, KERAS_BACKEND="jax"))
    assert finding["severity"] == "error"
    assert finding["command"] == "unset KERAS_BACKEND"
    path = machine.home / ".keras" / "keras.json"
    path.parent.mkdir()
    path.write_text('{"backend": "torch"}', encoding="utf-8")
    finding = only(machine.check(CHECK))
    assert finding["what"] == "Keras is told to compute with torch."
    assert finding["command"] == f"rm {path}"
    assert machine.check(CHECK, KERAS_BACKEND="tensorflow")["status"] == "ok"


def test_the_switch_to_the_old_keras(machine):
    # As tensorflow-text does by `tf.keras`.
    machine.write(
        "tensorflow_text/__init__.py",
        "import os\nif os.environ['TF_USE_LEGACY_KERAS'] == '1':\n"
        "    raise ImportError('Keras cannot be imported.')\n",
    )
    machine.remove("tf_keras")
    finding = only(machine.check(CHECK, TF_USE_LEGACY_KERAS="1"))
    assert finding["severity"] == "error"
    assert finding["command"] == "unset TF_USE_LEGACY_KERAS"
    machine.install("tf_keras", "2.21.0")
    check = machine.check(CHECK, TF_USE_LEGACY_KERAS="1")
    assert check["status"] == "warning"
