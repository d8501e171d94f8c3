"""Tests of tf_bert/plotting/: pictures of runs that end and that do not."""

import json
import struct
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from tf_bert import run
from tf_bert.config import Config
from tf_bert.report.figures import recorded_run, run_figures, style
from tf_bert.runs.run_folder import RunFolder
from tf_bert.training.update_log import UpdateLog

ALWAYS = ("learning_rate", "loss_and_metric")
RECORDED = ("bias_ratio", "distance", "update_norm")


def blocks_of(num_layers):
    layers = [f"layer_{index}" for index in range(num_layers)]
    return ("embeddings", *layers, "pooler", "classifier")


def write_run(path, *, num_layers=2, num_steps=20, recorded=True, **fields):
    """Writes what an interrupted run leaves, as far as pictures need it."""
    folder = RunFolder(str(path))
    folder.begin(
        Config(output_dir=str(path), record_updates=recorded, **fields)
    )
    blocks = blocks_of(num_layers)
    log = UpdateLog(blocks)
    for step in range(num_steps):
        rate = np.float32(1e-4 * step * (num_steps - step) / num_steps)
        norms = rate * np.arange(1, len(blocks) + 1, dtype=np.float32)
        log.append(rate, np.stack([2 * norms, norms]))
    entries = [
        {
            "step": step,
            "learning_rate": 1e-4,
            "train_loss": 1 / step,
            "validation": {"loss": 2 / step, "accuracy": step / num_steps},
            "distance": {b: step * (1.0 + i) for i, b in enumerate(blocks)},
        }
        for step in range(num_steps // 5, num_steps + 1, num_steps // 5)
    ]
    if recorded:
        (path / "updates.npz").write_bytes(log.to_bytes())
    else:
        for entry in entries:
            del entry["distance"]
    write_history(path, entries)
    return path


def read_config(path):
    return json.loads((path / "config.json").read_text(encoding="utf-8"))


def write_history(path, entries):
    text = "".join(json.dumps(entry) + "\n" for entry in entries)
    (path / "history.jsonl").write_text(text, encoding="utf-8")


def plot(path):
    return run.main(["--mode=plot", f"--output_dir={path}"])


def pictures(path):
    """Names of the pictures, of which there must be a PNG and an SVG each."""
    names = sorted(x.stem for x in (path / "plots").glob("*.png"))
    assert names == sorted(x.stem for x in (path / "plots").glob("*.svg"))
    assert len(list((path / "plots").iterdir())) == 2 * len(names)
    return tuple(names)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """An interrupted run with all its pictures."""
    path = write_run(tmp_path_factory.mktemp("drawn"))
    assert plot(path) == 0
    return path


class TestPlotRun:
    def test_an_interrupted_run_is_drawn(self, drawn):
        assert pictures(drawn) == tuple(sorted(ALWAYS + RECORDED))

    def test_pictures_have_the_width_of_a_page(self, drawn):
        for path in (drawn / "plots").glob("*.png"):
            data = path.read_bytes()
            assert data[:8] == b"\x89PNG\r\n\x1a\n"
            width, height = struct.unpack(">II", data[16:24])
            assert width == 945  # 6.3 inches at 150 dots per inch.
            assert 300 < height < 800

    def test_drawings_are_svg_without_a_date(self, drawn):
        for path in (drawn / "plots").glob("*.svg"):
            root = ElementTree.parse(path).getroot()
            assert root.tag == "{http://www.w3.org/2000/svg}svg"
            assert "date>" not in path.read_text(encoding="utf-8")

    def test_the_same_run_gives_the_same_files(self, drawn, tmp_path):
        path = write_run(tmp_path / "run")
        assert plot(path) == 0
        for file in (drawn / "plots").iterdir():
            other = path / "plots" / file.name
            assert file.read_bytes() == other.read_bytes(), file.name

    def test_a_finished_run_without_a_record_is_drawn(self, tmp_path, caplog):
        path = write_run(tmp_path / "run", recorded=False)
        (path / "all_results.json").write_text("{}", encoding="utf-8")
        RunFolder(str(path)).written.record("plots/distance.png")
        (path / "plots").mkdir()
        (path / "plots" / "distance.png").touch()
        assert plot(path) == 0
        assert pictures(path) == ALWAYS
        assert "has not ended" not in caplog.text
        for name in ("bias ratio", "updates by block", "distances by block"):
            assert f"Left out: {name} (it is recorded with --rec" in caplog.text

    def test_a_regression_is_drawn_with_its_metric(self, tmp_path):
        path = write_run(tmp_path / "run", task_type="regression")
        scores = {"loss": 0.5, "spearman": -0.25, "accuracy": None}
        entry = {"step": 4, "learning_rate": 0, "train_loss": 1}
        write_history(path, [{**entry, "validation": scores}])
        run = recorded_run.read(Config.from_dict(read_config(path)))
        assert run.metric.title == "Spearman correlation"
        axes = run_figures.loss_and_metric(run).axes
        assert axes[0].get_ylabel() == "loss (squared error)"
        assert axes[1].get_ylabel() == "validation Spearman correlation"
        assert axes[1].lines[0].get_ydata().tolist() == [-0.25]

    def test_a_run_without_validation_is_drawn(self, tmp_path):
        path = write_run(tmp_path / "run", recorded=False)
        write_history(path, [{"step": 4, "learning_rate": 0, "train_loss": 1}])
        assert plot(path) == 0
        assert pictures(path) == ALWAYS

    def test_without_a_rate_there_is_no_ratio(self, tmp_path, caplog):
        path = write_run(tmp_path / "run")
        log = UpdateLog(blocks_of(2))
        log.append(np.float32(0), np.zeros((2, 5), np.float32))
        (path / "updates.npz").write_bytes(log.to_bytes())
        assert plot(path) == 0
        assert pictures(path) == ("distance", *ALWAYS)
        assert "no step has had a learning rate above 0" in caplog.text

    def test_a_metric_of_tfds_needs_no_dataset(self, tmp_path):
        path = write_run(
            tmp_path / "run", recorded=False, tfds_name="not_there"
        )
        assert plot(path) == 0

    def test_needs_no_tensorflow(self, tmp_path):
        path = write_run(tmp_path / "run", recorded=False)
        program = (
            "import sys; from tf_bert import run; "
            f"run.main(['--mode=plot', '--output_dir={path}']); "
            "print(sorted({'tensorflow', 'keras', 'matplotlib.pyplot'} "
            "& set(sys.modules)))"
        )
        output = subprocess.run(
            [sys.executable, "-c", program],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        assert output.splitlines()[-1] == "[]"


class TestRefused:
    @pytest.fixture
    def refused(self, capsys):
        def check(path, message):
            assert plot(path) == 2
            error = capsys.readouterr().err
            assert message in error
            assert "Received: " in error
            assert not (path / "plots").exists()

        return check

    def test_no_run(self, refused, tmp_path):
        refused(tmp_path, "FileNotFoundError: `output_dir` must hold a run.")

    def test_a_run_without_an_evaluation(self, refused, tmp_path):
        path = write_run(tmp_path / "run")
        (path / "history.jsonl").unlink()
        refused(path, "A run must have been evaluated once before it is drawn.")

    @pytest.mark.parametrize(
        "text", ["", "{}\n", "3\n", "{\n", '{"step": 1, "validation": 3}\n']
    )
    def test_a_damaged_history(self, refused, tmp_path, text):
        path = write_run(tmp_path / "run")
        (path / "history.jsonl").write_text(text, encoding="utf-8")
        refused(path, "must hold one JSON object for each evaluation")

    def test_a_damaged_record(self, refused, tmp_path):
        path = write_run(tmp_path / "run")
        (path / "updates.npz").write_bytes(b"PK")
        refused(path, "Could not read the recorded updates.")

    def test_a_record_of_another_run(self, refused, tmp_path):
        path = write_run(tmp_path / "run", num_layers=2)
        log = UpdateLog(blocks_of(1))
        (path / "updates.npz").write_bytes(log.to_bytes())
        refused(path, "updates.npz, without expected_norm/layer_1.")


class TestStyles:
    @pytest.mark.parametrize("num_layers", [2, 6, 12])
    def test_blocks_differ_without_colour(self, num_layers):
        styles = style.block_styles(blocks_of(num_layers))
        looks = {(str(s["linestyle"]), s["marker"]) for s in styles.values()}
        assert len(looks) == num_layers + 3

    def test_layers_grow_lighter(self):
        styles = style.block_styles(blocks_of(24))
        lightness = [
            np.dot(styles[f"layer_{i}"]["color"][:3], [0.30, 0.59, 0.11])
            for i in range(24)
        ]
        assert np.all(np.diff(lightness) > 0)

    @pytest.mark.parametrize("num_points", [0, 1, 5, 6, 60])
    def test_every_line_has_a_marker(self, num_points):
        for place in range(27):
            first, distance = style.sparse_markers(num_points, place, 27)
            assert 0 <= first < max(1, num_points)
            assert distance >= 1
