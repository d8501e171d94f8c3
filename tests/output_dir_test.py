"""An `--output_dir` that is in use, or that a newcomer has mistaken.

The first part as processes, of which one may be stopped or killed. That the
first ends like an unbroken run is a scenario of benchmarks/reliability.py.
"""

import pathlib
import shutil
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
        changes = {"num_train_steps": 600, "num_evaluations": 5, **changes}
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
    def test_the_second_is_refused_and_touches_nothing(
        self, command, stopped, warm_program, tmp_path
    ):
        folder, first = tmp_path / "run", stopped
        before = contents(tmp_path)
        for further in (
            (),
            ("--overwrite_output_dir",),
            ("--learning_rate=0.1",),
            ("--mode=trials", "--num_trials=2", "--overwrite_output_dir"),
        ):
            second = warm_program.start(command(folder, *further))
            assert second.wait() == 2, further
            said = f"output_dir={folder}, where process {first.pid} is at work"
            assert said in second.error()
        assert contents(tmp_path) == before
        first.send_signal(signal.SIGCONT)
        assert first.wait() == 0, first.error()
        # A run that has ended says its results, and writes nothing.
        before = contents(tmp_path)
        again = warm_program.start(command(folder))
        assert again.wait() == 0
        assert contents(tmp_path) == before

    def test_of_two_at_the_same_moment_one_is_refused(
        self, command, warm_program, tmp_path
    ):
        # New, and one that has been used before.
        for folder in (tmp_path / "run", tmp_path / "run"):
            both = [
                warm_program.start(command(folder, "--overwrite_output_dir"))
                for _ in range(2)
            ]
            assert sorted(x.wait() for x in both) == [0, 2]
            done, refused = sorted(both, key=lambda x: x.returncode)
            assert f"process {done.pid} is at work" in refused.error()

    def test_a_running_one_is_reported_on_and_killed_it_is_continued(
        self, command, stopped, warm_program, tmp_path
    ):
        folder, first = tmp_path / "run", stopped
        for mode, status in (("report", 0), ("evaluate", 2)):
            arguments = [f"--mode={mode}", f"--output_dir={folder}"]
            other = warm_program.start(arguments)
            assert other.wait() == status, other.error()
        first.kill()
        assert first.wait() == -signal.SIGKILL
        second = warm_program.start(command(folder, resume="must"))
        assert second.wait() == 0, second.error()


class TestNewcomer:
    @pytest.fixture
    def refused(self, flags, capsys):
        """Returns a function that starts in a folder, which stays as it is."""

        def check(folder, message, **changes):
            before = contents(folder)
            for further in ([], ["--overwrite_output_dir"]):
                status = run.main([*flags(**changes), *further])
                assert status == 2
                error = capsys.readouterr().err
                assert message in error
                assert "overwrite" not in error
                assert contents(folder) == before

        return check

    @pytest.fixture
    def project(self, tmp_path, monkeypatch, reviews):
        """A folder of somebody's work."""
        for name in ("model/net.py", "data.json", "report/thesis.tex"):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text("mine")
        shutil.copy(reviews / "train.csv", tmp_path)
        monkeypatch.chdir(tmp_path)
        return tmp_path

    @pytest.mark.parametrize("mode", ["train", "trials"])
    def test_a_project_is_no_run(self, project, refused, mode):
        refused(
            project,
            "must be new, empty or hold a run",
            output_dir=".",
            train_file="train.csv",
            mode=mode,
            num_trials=2 if mode == "trials" else None,
        )

    def test_a_model_is_no_run(self, project, refused, tiny_checkpoint):
        shutil.copytree(tiny_checkpoint, project / "mine")
        message = "must be new, empty or hold a run"
        refused(project, message, output_dir="mine")

    def test_a_report_on_trials_replaces_no_folder_of_others(
        self, project, capsys
    ):
        before = contents(project)
        sweep = RECORDED / "sweep"
        arguments = [f"--trials_dirs={sweep}", "--output_dir=."]
        assert run.main(["--mode=report", *arguments]) == 2
        assert "with report/thesis.tex, which no" in capsys.readouterr().err
        assert contents(project) == before

    @pytest.mark.parametrize(
        "folder",
        [
            "run",
            pytest.param("sweep", marks=pytest.mark.large),
            pytest.param("interrupted", marks=pytest.mark.large),
        ],
    )
    def test_of_an_older_run_only_what_it_wrote_is_replaced(
        self, folder, project, flags
    ):
        """It has no record; what is written anew has one."""
        shutil.copytree(RECORDED / folder, project / "run")
        mine = ("model/notes.txt", "notes.txt")
        for name in mine:
            (project / "run" / name).parent.mkdir(exist_ok=True)
            (project / "run" / name).write_text("mine")
        new = flags(output_dir="run", overwrite_output_dir=True)
        assert run.main(new) == 0
        names = {
            path.relative_to(project / "run").as_posix()
            for path in contents(project / "run")
        }
        assert names - {".lock", ".written"} == {
            *mine,
            "all_results.json",
            "config.json",
            "eval_results.txt",
            "history.jsonl",
            "scored_rows.tsv",
            "splits.json",
            "model/README.md",
            "model/config.json",
            "model/model.safetensors",
            "model/tokenizer.json",
            "model/tokenizer_config.json",
            "model/vocab.txt",
        }
