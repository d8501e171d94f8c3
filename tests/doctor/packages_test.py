"""Tests of tf_bert/doctor/packages.py, by environments that are broken."""

import subprocess
from importlib import metadata

import pytest
from broken_machine import ROOT, only

from tf_bert.doctor import packages

CHECK = "packages.check('CPU')"


def test_what_is_installed_here_belongs_together():
    check = packages.check("CPU")
    assert (check.status, check.findings) == ("ok", ())


@pytest.mark.parametrize("mode", ["doctor", "train"])
def test_where_nothing_is_installed_every_mode_says_so(bare_python, mode):
    done = subprocess.run(
        [bare_python, "-m", "tf_bert.run", f"--mode={mode}"],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert "Not installed: absl-py, filelock, h5py, huggingface-hub," in (
        done.stdout
    )
    assert (
        f"mend: pip install -r {ROOT}/tf_bert/requirements.txt" in done.stdout
    )
    assert str(bare_python) in done.stdout
    assert done.stdout.endswith("A training cannot start: 1 error.\n")


def test_one_that_is_missing(machine):
    machine.remove("keras")
    finding = only(machine.check(CHECK))
    assert finding["severity"] == "error"
    assert finding["what"] == "Not installed: keras."
    # On a TPU the order counts.
    finding = only(machine.check("packages.check('TPU')"))
    assert finding["command"] == "python -m tf_bert.notebook.set_up"


def test_without_packaging_what_is_missing_is_said(machine):
    machine.remove("packaging")
    machine.install("keras", "3.0")
    assert only(machine.check(CHECK))["what"] == "Not installed: packaging."


def test_a_version_out_of_range(machine):
    machine.install("keras", "3.10.0")
    finding = only(machine.check(CHECK))
    assert finding == {
        "severity": "error",
        "what": "keras 3.10.0 is installed.",
        "why": "tf_bert needs keras>=3.12.",
        "command": "pip install 'keras>=3.12'",
    }


def test_another_tensorflow_is_enough_if_its_version_is(machine):
    version = metadata.version("tensorflow")
    machine.remove("tensorflow")
    machine.install("tensorflow-cpu", version)
    assert machine.check(CHECK)["status"] == "ok"
    machine.install("tensorflow-cpu", "2.19.0")
    whats = [x["what"] for x in machine.check(CHECK)["findings"]]
    assert "tensorflow-cpu 2.19.0 is installed." in whats


def test_tensorflow_text_of_another_minor_version(machine):
    machine.install("tensorflow", "2.20.0")
    machine.install("tensorflow-text", "2.21.1")
    finding = only(machine.check(CHECK))
    assert (
        "tensorflow-text 2.21.1 stands beside tensorflow 2.20.0"
        in (finding["what"])
    )
    assert finding["command"] == (
        "pip install --no-deps 'tensorflow-text==2.20.*'"
    )


@pytest.mark.parametrize(
    "asked, is_here",
    [
        ("numpy<1.0", f"is {metadata.version('numpy')}"),
        ("gone>2", "is missing"),
    ],
)
def test_what_packages_ask_of_each_other(machine, asked, is_here):
    # Two steps away from what is needed; extras and other systems are not.
    machine.install("keras", "3.99", Requires_Dist="between[more]")
    machine.install(
        "between",
        "1",
        Requires_Dist=[
            f"{asked}; extra == 'more'",
            "never; extra == 'other'",
            "never2; sys_platform == 'win32'",
        ],
    )
    check = machine.check(CHECK)
    assert check["status"] == "warning"
    name = asked.rstrip("<>.0123456789")
    assert only(check)["what"] == (
        f"{name} {is_here}, and between 1 asks for {asked}."
    )


def test_another_python(machine):
    version = metadata.version("tf_bert")
    machine.install("tf_bert", version, Requires_Python=">=3.99")
    finding = only(machine.check(CHECK))
    assert finding["severity"] == "error"
    assert "take >=3.99" in finding["why"]


def test_the_python_that_a_checkout_needs_is_that_of_setup_py(machine):
    machine.remove("tf_bert")
    code = "from tf_bert.doctor import packages; print(packages.python_range())"
    assert machine.run("-c", code).stdout.strip() == ">=3.11,<3.14"
