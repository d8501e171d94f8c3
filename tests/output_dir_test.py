"""An `--output_dir` that is in use, or of others.

That a training which is killed ends like an unbroken one is a scenario of
benchmarks/reliability.py.
"""

import pathlib
import signal
import time

import pytest

from tf_bert import run

RECORDED = pathlib.Path(__file__).parent / "recorded"


def contents(folder):
    """Path -> content and time of every file, hidden ones too."""
    return {
        path: (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def command(flags):
    def command_line(folder, *further, **changes):
        changes = {"num_train_steps": 300, "num_evaluations": 5, **changes}
        return [
            *flags(output_dir=folder, save_every_seconds=0.1, **changes),
            *further,
        ]

    return command_line


@pytest.fixture
def stopped(command, warm_program, tmp_path, request):
    """A training that was stopped on its way, and writes nothing meanwhile."""
    folder = tmp_path / "run"
    process = warm_program.start(command(folder))
    request.addfinalizer(process.kill)  # If it has not ended.
    deadline = time.monotonic() + 120
    while not (folder / "history.jsonl").exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(process.error())
        time.sleep(0.02)
    process.send_signal(signal.SIGSTOP)
    time.sleep(0.1)
    return process


@pytest.mark.large
class TestTwoCommands:
    def test_beside_a_running_one_others_are_refused_and_reports_are_not(
        self, command, stopped, tmp_path, capsys
    ):
        folder, first = tmp_path / "run", stopped
        before = contents(tmp_path)
        for further in (
            (),
            ("--overwrite_output_dir",),
            ("--learning_rate=0.1",),
            ("--mode=trials", "--num_trials=2", "--overwrite_output_dir"),
        ):
            assert run.main(command(folder, *further)) == 2, further
            said = f"output_dir={folder}, where process {first.pid} is at work"
            assert said in capsys.readouterr().err
        assert contents(tmp_path) == before
        for mode, status in (("report", 0), ("evaluate", 2)):
            arguments = [f"--mode={mode}", f"--output_dir={folder}"]
            assert run.main(arguments) == status
        # What is killed can be continued, and once it has ended only says so.
        first.kill()
        assert first.wait() == -signal.SIGKILL
        assert run.main(command(folder, resume="must")) == 0
        before = contents(tmp_path)
        assert run.main(command(folder)) == 0
        assert contents(tmp_path) == before

    def test_of_two_at_the_same_moment_one_is_refused(
        self, command, warm_program, tmp_path
    ):
        both = [
            warm_program.start(
                command(tmp_path / "run", "--overwrite_output_dir")
            )
            for _ in range(2)
        ]
        assert sorted(x.wait() for x in both) == [0, 2]
        done, refused = sorted(both, key=lambda x: x.returncode)
        assert f"process {done.pid} is at work" in refused.error()


def test_a_report_on_trials_replaces_no_folder_of_others(
    tmp_path, monkeypatch, capsys
):
    for name in ("model/net.py", "data.json", "report/thesis.tex"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("mine")
    monkeypatch.chdir(tmp_path)
    before = contents(tmp_path)
    arguments = [f"--trials_dirs={RECORDED / 'sweep'}", "--output_dir=."]
    assert run.main(["--mode=report", *arguments]) == 2
    assert "with report/thesis.tex. Move" in capsys.readouterr().err
    assert contents(tmp_path) == before
