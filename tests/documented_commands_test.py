"""Every command that README.md, CONTRIBUTING.md and docs/ print.

It runs here in a tiny form, or the table says which test runs it, or why none
does.

A command that stands in no table fails the first test.
"""

import pathlib
import re
import shlex
import shutil

import pytest

ROOT = pathlib.Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data"
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")),
)

_PROGRAM = r"(?:~/\S+/)?(?:python|pip|pytest|gcloud|docker|curl|uv)\b"
# Behind variables, a pipe or the start of a longer command.
_COMMAND = re.compile(rf"(?:[A-Z_]+=\S+ |.*[|&] |nohup )*{_PROGRAM} ")

# What follows `python -m tf_bert.run` -> flags behind it that make it tiny;
# None: as it is. Every training gets those of `tiny` before them.
_RTE = (f"--data_dir={DATA}", "--nocompare_baselines")
_RECIPE = (
    "--flagfile=flags/recipes/zhang.flags --flagfile=flags/tasks/rte.flags"
)
_QUICKSTART = "--flagfile=flags/quickstart.flags"
RUN: dict[str, tuple[str, ...] | None] = {
    "--help": None,
    "--mode=inspect --train_file=mine.csv --test_proportion=0.2": (),
    "--train_file=mine.csv --test_proportion=0.2 --output_dir=runs/mine": (
        "--output_dir=runs/new",
    ),
    "--mode=doctor": (),
    f"{_QUICKSTART} --mode=doctor --json": (),
    "--mode=predict --output_dir=runs/mine --predict_file=new.csv": None,
    f"{_QUICKSTART} --mode=trials --num_trials=10 "
    "--sweep=bias_correction:true,false --output_dir=runs/quickstart_trials": (
        "--num_trials=1",
        "--output_dir=runs/two_recipes",
    ),
    f"{_QUICKSTART} --mode=trials --num_trials=20 "
    "--output_dir=runs/quickstart_trials": (
        "--num_trials=1",
        "--output_dir=runs/one_recipe",
    ),
    "--mode=report --output_dir=runs/quickstart_trials": None,
    f"{_RECIPE} --flagfile=flags/models/minilm.flags": _RTE,
    f"{_RECIPE} --flagfile=flags/models/minilm.flags --seed=1 "
    "--output_dir=runs/rte_1": _RTE,
    f"{_RECIPE} --init_checkpoint=runs/zhang_mnli_bert_large/model "
    "--output_dir=runs/rte_after_mnli": _RTE,
}

# A pattern of commands -> the test that runs them.
TESTED = {
    r"pip install -e \. && python -m tf_bert\.run .*": ".ci/run",
    r"pip install -e '\.\[test\]' && pytest": ".ci/run",
    r"pip install -e '\.\[(reference|ray)\]'": ".ci/run",
    r"pip install -e '\.\[docs\]' && mkdocs build --strict": ".ci/run",
    r"pytest -n 0 tests/optimization/adam_weight_decay_test\.py": (
        "tests/optimization/adam_weight_decay_test.py"
    ),
    r"pytest -m large tests/training/replicas_test\.py": ".ci/run",
    r"echo .* --predict_file=-": "tests/runs/finished_run_test.py",
    r"(TF_CONFIG=.* )?python -m tf_bert\.run --flagfile=flags/quickstart\.flags"
    r" --output_dir=runs/workers( &)?": "tests/workers_run_test.py",
    r"python -m tf_bert\.run --mode=export --output_dir=runs/mine": (
        "tests/serving_doc_test.py"
    ),
    r"python -m tf_bert\.config\.help_page > docs/flags\.md": (
        "tests/config/help_page_test.py"
    ),
    r"python benchmarks/reliability\.py": "tests/reliability_test.py",
    r"python benchmarks/.*": "tests/benchmarks_test.py",
    r".*python -m tf_bert\.notebook\.set_up\"?": (
        "tests/notebook/set_up_test.py"
    ),
}
# A pattern of commands -> why no test runs them.
UNTESTED = {
    r".*zhang\.flags --flagfile=flags/tasks/mnli\.flags .*bert_large.*": (
        "MNLI and BERT-large are gigabytes; tests/stabilisers_page_test.py "
        "checks the flags"
    ),
    r"(TPU_LOAD_LIBRARY=0 )?\S*python -m tf_bert\.run .*--distribution=tpu.*": (
        "a TPU; tests/tpu_page_test.py checks the flags"
    ),
    r".*(pip install|pip wheel|uv (venv|/install)|uv/install).*": (
        "a package index, or a TPU's machine"
    ),
    r"gcloud .*": "Google Cloud, and an account there",
    r"(docker|curl) .*": "the page says that it was not run",
}


def commands(text: str) -> list[str]:
    """Returns the commands of a page, in blocks and in its sentences."""
    text = text.replace("\\\n", " ")
    blocks = re.findall(r"^ *```(\w*)\n(.*?)^ *```", text, re.S | re.M)
    lines = [
        line for kind, x in blocks if kind != "python" for line in x.split("\n")
    ]
    prose = re.sub(r"^ *```.*?^ *```", "", text, flags=re.S | re.M)
    lines += re.findall(r"`([^`]+)`", prose)
    lines = [" ".join(line.split()) for line in lines]
    return [line for line in lines if _COMMAND.match(line)]


ALL = sorted(
    {c for page in PAGES for c in commands((ROOT / page).read_text("utf-8"))}
)


def arguments_of(command: str) -> str | None:
    """What follows `python -m tf_bert.run`, if the command begins with it."""
    _, is_run, arguments = command.partition("python -m tf_bert.run ")
    return arguments if is_run and not _ else None


class TestTable:
    @pytest.mark.parametrize("command", ALL)
    def test_every_command_has_a_row(self, command):
        patterns = (*TESTED, *UNTESTED)
        assert arguments_of(command) in RUN or any(
            re.fullmatch(pattern, command) for pattern in patterns
        ), "Give it a row in this file."

    def test_every_row_has_a_command(self):
        assert not RUN.keys() - {arguments_of(command) for command in ALL}
        for pattern in (*TESTED, *UNTESTED):
            assert any(re.fullmatch(pattern, c) for c in ALL), pattern

    @pytest.mark.parametrize("path", sorted(set(TESTED.values())))
    def test_its_tests_are_there(self, path):
        assert (ROOT / path).is_file()

    def test_commands_are_found(self):
        page = (
            "`python x.py\n--a`, `no command`, `pip`\n```\nA=1 pytest x\n"
            "# pip install\necho a | python -m b \\\n  --c\n```\n"
            "```python\npip = 1\n```\n"
        )
        assert commands(page) == [
            "A=1 pytest x",
            "echo a | python -m b --c",
            "python x.py --a",
        ]


@pytest.fixture(scope="module")
def place(finished_run, finished_sweep, reviews, tmp_path_factory):
    """A folder as the pages suppose it."""
    folder = tmp_path_factory.mktemp("place")
    (folder / "flags").symlink_to(ROOT / "flags")
    shutil.copytree(finished_run, folder / "runs" / "mine")
    shutil.copytree(finished_sweep, folder / "runs" / "quickstart_trials")
    shutil.copy(reviews / "train.csv", folder / "mine.csv")
    shutil.copy(reviews / "predict.csv", folder / "new.csv")
    return folder


@pytest.fixture
def tiny(tiny_checkpoint) -> list[str]:
    """The flags that make a training one of seconds."""
    return [
        f"--init_checkpoint={tiny_checkpoint}",
        "--max_seq_length=32",
        "--max_train_examples=32",
        "--train_batch_size=8",
        "--num_train_steps=2",
        "--num_evaluations=1",
        "--notensorboard",
    ]


@pytest.mark.large
@pytest.mark.parametrize("arguments", RUN)
def test_it_runs(arguments, place, tiny, monkeypatch, capsys):
    from tf_bert import run

    monkeypatch.chdir(place)
    more = RUN[arguments]
    command = shlex.split(arguments)
    if more is not None:
        command += [*tiny, *more]
    assert run.main(command) == 0, capsys.readouterr().err
    assert capsys.readouterr().out
