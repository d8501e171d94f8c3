"""`--mode=doctor` as a whole; each finding is in the tests of its module."""

import json
import subprocess
import sys

import pytest
from broken_machine import ROOT

from tf_bert import run
from tf_bert.doctor import doctor_report
from tf_bert.doctor.check_result import ERROR, WARNING, Check, Finding

SUBJECTS = [
    *("packages", "TensorFlow", "devices", "memory", "proxy", "index"),
    *("checkpoint", "disk"),
]


def test_a_machine_that_can_train(machine, checkpoint):
    command = ["-m", "tf_bert.run", "--mode=doctor", "--output_dir=runs/x"]
    done = machine.run(*command, f"--init_checkpoint={checkpoint}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[-1] == "A training can start: 1 warning."
    subjects = [x.split()[1] for x in lines if x.startswith(("ok", "warn"))]
    assert subjects == SUBJECTS
    assert all(len(x) <= 80 or "/" in x for x in lines)
    # Nothing was written, there or elsewhere.
    assert {x.name for x in machine.home.iterdir()} <= {".cache"}


def test_the_same_for_programs_and_with_all_flags_of_a_sweep(
    machine, checkpoint
):
    status, found = machine.doctor(
        f"--flagfile={ROOT}/flags/quickstart.flags",
        f"--init_checkpoint={checkpoint}",
        "--num_trials=3",
        "--sweep=mixout:0,0.5",
    )
    assert status == 0
    assert list(found) == SUBJECTS
    assert found["index"]["status"] == "warning"  # It has no pip.
    assert found["disk"]["findings"] == []


def test_tensorflow_is_not_loaded(machine, checkpoint):
    machine.write("tensorflow/__init__.py", "import os; os.abort()")
    status, found = machine.doctor(f"--init_checkpoint={checkpoint}")
    assert status == 1
    assert found["TensorFlow"]["status"] == "error"


def test_a_package_that_does_not_load_leads_to_the_doctor(machine):
    machine.write("keras/__init__.py", "import of_nobody")
    done = machine.run("-m", "tf_bert.run", "--mode=inspect", "--train_file=x")
    assert done.returncode == 1
    assert "ModuleNotFoundError: No module named 'of_nobody'" in done.stderr
    assert "`python -m tf_bert.run --mode=doctor` says" in done.stderr


@pytest.mark.parametrize("mode", ["train", "trials", "inspect"])
def test_json_is_the_doctor_s_alone(mode, capsys):
    arguments = [f"--mode={mode}", "--json", "--output_dir=x", "--num_trials=1"]
    if mode != "trials":
        arguments.pop()
    assert run.main(arguments) == 2
    assert "Received: json=True. Leave it out, or pass --mode=doctor." in (
        capsys.readouterr().err
    )


LONG = "a word " * 30
WRONG = Check(
    "disk",
    "",
    (Finding(ERROR, LONG, LONG, "x" * 90), Finding(WARNING, "w.", "y.", "c")),
)


def test_findings_fit_a_terminal_and_commands_one_line(capsys):
    assert doctor_report.show([WRONG], as_json=False) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [x for x in lines if len(x) > 80] == [f"         mend: {'x' * 90}"]
    assert lines[-1] == "A training cannot start: 1 error, 1 warning."
    assert "warning  disk         w." in lines


def test_findings_as_json(capsys):
    assert doctor_report.show([WRONG], as_json=True) == 1
    content = json.loads(capsys.readouterr().out)
    assert content["can_train"] is False
    (check,) = content["checks"]
    assert (check["check"], check["status"]) == ("disk", "error")
    assert check["findings"][1] == {
        "severity": "warning",
        "what": "w.",
        "why": "y.",
        "command": "c",
    }


@pytest.mark.large
def test_this_machine(tiny_checkpoint, tmp_path):
    """With its own TensorFlow; a warning may be right."""
    done = subprocess.run(
        [sys.executable, "-m", "tf_bert.run", "--mode=doctor", "--json"]
        + [f"--init_checkpoint={tiny_checkpoint}"]
        + [f"--output_dir={tmp_path / 'run'}"],
        capture_output=True,
        text=True,
        check=False,
    )
    content = json.loads(done.stdout)
    errors = [x for x in content["checks"] if x["status"] == "error"]
    assert (errors, done.returncode) == ([], 0)
    assert list(tmp_path.iterdir()) == []
