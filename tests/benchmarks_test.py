"""Every script in benchmarks/ still runs: each in its quick form.

What a script prints here means nothing, but that it got to its end. A script
without a row fails the first test.
"""

import dataclasses
import importlib
import pathlib
import re
import subprocess
import sys
import types

import numpy as np
import processor
import pytest
import train_throughput
import walk
from warm_program import Process, WarmProgram

ROOT = pathlib.Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data"


@dataclasses.dataclass(frozen=True)
class Row:
    """How a script is tried.

    Attributes:
        prints: a pattern of what it must have printed.
        arguments: beside `--quick`; `{data}` is the folder of all data.
        needs_torch: whether it needs the extra [reference].
        starts_runs: whether it starts `python -m tf_bert.run` and nothing
            else, all of whose processes may be forks.
    """

    prints: str
    arguments: tuple[str, ...] = ()
    needs_torch: bool = False
    starts_runs: bool = False


_WITH_DATA = ("--data_dir={data}",)
ROWS = {
    "bias_correction.py": Row(r"\| 1e-4 \| off \| 0\.", _WITH_DATA),
    "freezing_cost.py": Row(
        r"\| encoder \| ours, cached \|.*\| encoder \| PyTorch \|",
        _WITH_DATA,
        needs_torch=True,
    ),
    "golden.py": Row(
        r"mixout, two devices  equal    equal    equal\n.*0 of 1 cases",
        ("repeat", "--output=golden", "--cases=mixout", "--devices=2"),
    ),
    "killed_sweep.py": Row(r"The same trials\.", starts_runs=True),
    "onednn_scores.py": Row(r"\| uci_amazon \| 500 \| accuracy", _WITH_DATA),
    "predict_memory.py": Row(r"200 rows .*Difference: "),
    "predict_throughput.py": Row(
        r"rows per second of\s+PyTorch.*Processor: ",
        _WITH_DATA,
        needs_torch=True,
    ),
    "predict_throughput.py --against": Row(
        r"rows per second of.*Processor: ",
        (*_WITH_DATA, f"--against={ROOT}"),
    ),
    "start_up.py": Row(
        r"reading the weights \| .*first step \| .*Processor: ",
        (*_WITH_DATA, "--no_torch"),
    ),
    "real_data.py": Row(r"\| product_reviews .*\| uci_amazon ", _WITH_DATA),
    "scaling.py": Row(r"Processor: .*\| two processes \| \d"),
    "stabilisers.py": Row(r"\| zhang \| 2 .*\| llrd \| 2 ", _WITH_DATA),
    "study.py": Row(r"fast ", ("uci_amazon", *_WITH_DATA)),
    "study.py --check": Row(r"mrpc: accuracy 0\.", ("--check", *_WITH_DATA)),
    "study.py --table": Row(r"\| standard \| ", ("uci_amazon", "--table")),
    "train_throughput.py": Row(
        r"RTE: .*of\s+PyTorch.*matrix\s+product.*Processor: ",
        _WITH_DATA,
        needs_torch=True,
    ),
    "train_throughput.py --against": Row(
        r"RTE: .*of\s+itself\s+with\s+TF_ENABLE_ONEDNN_OPTS=0.*Processor: ",
        (*_WITH_DATA, "--against", "TF_ENABLE_ONEDNN_OPTS=0"),
    ),
    "verdict_simulation.py": Row(r"\| Matthews, .* \| 0.95 and 0.6 \| 9"),
    "trials_cost.py": Row(
        r"2 trials in one command take .*Processor: ", starts_runs=True
    ),
    "walk.py": Row(
        r"gradient:\n\d+ files\n.* training:\n\d+ files, \d+ moves, \d+ climbs"
        r".* predictions\.tsv:\n\d+ files\n.* prediction:\n\d+ files, \d+ moves"
    ),
    "processor.py": Row(r"oneDNN (on|off); float32 matrix product \d+"),
}
# Script -> the test that runs it.
ELSEWHERE = {
    "counted_run.py": "reliability_test.py",  # By reliability.py.
    "fuzz_readers.py": "fuzz_readers_test.py",
    "reliability.py": "reliability_test.py",
    "render_report.py": "report/render_report_test.py",
    "statistics_simulation.py": "trials/statistics/simulation_test.py",
    "write_tf_model_h5.py": "transformers4_test.py",
}
_QUICK = [name for name, row in ROWS.items() if not row.needs_torch]
_QUICK_BESIDE_TORCH = [name for name, row in ROWS.items() if row.needs_torch]


def scripts() -> set[str]:
    """The names of all files in benchmarks/ that are commands."""
    return {
        path.name
        for path in (ROOT / "benchmarks").glob("*.py")
        if '__name__ == "__main__"' in path.read_text(encoding="utf-8")
    }


@pytest.fixture
def printed(warm_program, monkeypatch, tmp_path, capsys):
    """Returns a function from a row's name to what its script prints.

    The script runs in this process, which has TensorFlow already; the programs
    that it starts are forks of one that has it too, where that serves.
    """

    def of_script(name: str) -> str:
        script = name.split()[0]
        module = importlib.import_module(script.removesuffix(".py"))
        if ROWS[name].starts_runs:
            monkeypatch.setattr(module, "subprocess", _Forks(warm_program))
        arguments = [x.format(data=DATA) for x in ROWS[name].arguments]
        monkeypatch.setattr(sys, "argv", [script, *arguments, "--quick"])
        monkeypatch.setenv("PYTHONPATH", str(ROOT))
        monkeypatch.chdir(tmp_path)
        try:
            status = module.main()
        except SystemExit as error:
            status = error.code
        out, said = capsys.readouterr()
        assert not status, said
        return out

    return of_script


class _Forks:
    """What scripts use of `subprocess`, for `python -m tf_bert.run` alone."""

    DEVNULL = subprocess.DEVNULL

    def __init__(self, program: WarmProgram):
        self._program = program

    def Popen(self, command, *, cwd, **streams) -> Process:  # noqa: N802
        del streams  # Nobody reads them.
        assert command[:3] == [sys.executable, "-m", "tf_bert.run"]
        return self._program.start(command[3:], cwd=cwd)

    def run(self, command, *, check, **options) -> None:
        assert check
        process = self.Popen(command, **options)
        assert process.wait() == 0, process.error()


class TestTable:
    def test_every_script_has_a_row(self):
        rows = {name.split()[0] for name in ROWS}
        assert rows | ELSEWHERE.keys() == scripts()

    @pytest.mark.parametrize("script", ELSEWHERE)
    def test_the_others_are_run_elsewhere(self, script):
        text = (ROOT / "tests" / ELSEWHERE[script]).read_text("utf-8")
        name = script.removesuffix(".py")
        assert name in text or script == "counted_run.py"


@pytest.mark.large
class TestQuick:
    @pytest.mark.parametrize("name", _QUICK)
    def test_it_runs(self, name, printed):
        out = printed(name)
        assert re.search(ROWS[name].prints, out, re.S), out

    @pytest.mark.reference
    @pytest.mark.parametrize("name", _QUICK_BESIDE_TORCH)
    def test_it_runs_beside_pytorch(self, name, printed):
        out = printed(name)
        assert re.search(ROWS[name].prints, out, re.S), out


class TestWorkOfSteps:
    def test_by_hand(self, tmp_path):
        """One layer of width 2 with 3 inside; examples of 1 and 2 tokens."""
        (tmp_path / "config.json").write_text(
            '{"hidden_size": 2, "intermediate_size": 3, "num_hidden_layers": 1}'
        )
        stored = {
            "folder": str(tmp_path),
            "row_splits": np.array([0, 1, 3]),
            "plan_examples": np.array([[[0, 1]], [[1, -1]]]),
        }
        # Four products of 2 x 2 and two of 2 x 3 for each token; scores and
        # their use, 2 x 2 wide, for each pair of tokens; the pooler.
        products = 2 * (4 * 4 + 2 * 6)
        one, two = (n * products + 2 * 2 * 2 * n**2 + 2 * 4 for n in (1, 2))
        assert train_throughput.work_of_steps(stored).tolist() == [
            3 * (one + two),
            3 * two,
        ]


class TestProcessor:
    INTEL = (
        "processor: 0\nphysical id: 0\ncpu cores: 4\nmodel name: A B\n"
        "flags: sse avx avx2 fma avx512_vnni\n"
    )

    @pytest.fixture
    def intel(self, monkeypatch):
        lines = self.INTEL.splitlines()
        monkeypatch.setattr(processor, "_cpuinfo", lambda: lines)
        monkeypatch.setattr(processor.os, "cpu_count", lambda: 8)
        flags = set(lines[-1].split())
        monkeypatch.setattr(processor.onednn, "processor_flags", lambda: flags)
        monkeypatch.delenv(processor.LIMIT, raising=False)

    def test_its_line(self, intel, monkeypatch):
        expected = (
            "Processor: A B, 4 cores with 2 threads each, 2 threads used; "
            "AVX AVX2 FMA AVX512_VNNI"
        )
        assert processor.machine(2) == expected
        monkeypatch.setenv(processor.LIMIT, "AVX2")
        assert processor.machine(2) == (
            f"{expected}, of which oneDNN uses AVX2 at most"
        )

    def test_onednn_is_said(self, intel, monkeypatch):
        monkeypatch.setattr(processor.onednn, "is_on", lambda: False)
        assert processor.describe().endswith("; oneDNN off")


class TestWalk:
    LEVELS = {"data": 0, "runs": 1, "runs/state": 2, "run": 3}

    def test_climbs_and_returns(self):
        path = ["run", "data/a", "data/a", "data/b", "run", "runs/x", "data/a"]
        assert walk.count(path, self.LEVELS) == {
            "files": 4,
            "moves": 5,
            "climbs": 1,
            "returns": 2,
        }

    def test_the_longest_name_has_the_level(self):
        assert walk.level_of("runs/state/x", self.LEVELS) == 2
        assert walk.level_of("runs/x", self.LEVELS) == 1
        with pytest.raises(ValueError, match="Received: other/x"):
            walk.level_of("other/x", self.LEVELS)

    def test_every_module_has_one(self):
        levels = walk.read_levels(ROOT / "tests" / "architecture_test.py")
        for path in (ROOT / "tf_bert").rglob("*.py"):
            name = path.relative_to(ROOT / "tf_bert").with_suffix("").as_posix()
            if name != "__init__":
                walk.level_of(name, levels)

    @pytest.mark.large  # It loads TensorFlow.
    def test_who_holds_the_sentence_and_who_waits_for_them(self, tmp_path):
        """A file of two functions, of which one is given the sentence."""
        (tmp_path / "low.py").write_text(
            "def give(text):\n    return len(text)\n"
            "def other(text):\n    return 0\n"
        )
        (tmp_path / "high.py").write_text(
            "def begin(low, text):\n    low.other('')\n"
            "    return low.give([text])\n"
        )
        names = {}
        for name in ("low", "high"):
            path = str(tmp_path / f"{name}.py")
            names[name] = types.SimpleNamespace()
            with open(path, encoding="utf-8") as file:
                exec(compile(file.read(), path, "exec"), vars(names[name]))
        watch = walk.Watch(tmp_path, "a b c", [7, 8, 9])
        with watch.on() as events:
            names["high"].begin(names["low"], "a b c")
            names["low"].other(np.array([1, 7, 8, 9]))
            names["low"].other(np.array([1, 7, 9, 8]))
        assert walk.files_of_sentence(events) == ["high", "low"]
        calls = [e.has_sentence for e in events if e.is_call]
        assert calls == [True, False, True, True, False]
