"""What `golden.py compare` calls a difference, and how it says it."""

import copy
import pathlib

import golden
import golden_records
import golden_table
import numpy as np
import pytest
import safetensors.numpy

ROOT = pathlib.Path(__file__).parents[1]
METRICS = {
    "all_results.json": {"test": {"accuracy": 0.5, "loss": 0.7}},
    "history.jsonl": [{"step": 1}, {"step": 2}],
    "trials.jsonl": [{"name": "a", "config": {"mixout": 0.0}}],
}
PREDICTIONS = ["text\tpredicted_label\tprobability_a", "Good.\ta\t0.994411"]


@pytest.fixture
def weights() -> dict[str, np.ndarray]:
    return {
        "classifier/kernel": np.ones((2, 3), np.float32),
        "pooler/bias": np.zeros(2, np.float32),
    }


@pytest.fixture
def write(tmp_path, weights):
    """Returns a function that writes a folder with one record."""

    def with_changes(name: str, change=None) -> pathlib.Path:
        folder = tmp_path / name
        record = {
            "metrics": copy.deepcopy(METRICS),
            "predictions": list(PREDICTIONS),
            "served": {"classes": ["a"], "probabilities": [[0.25, 0.75]]},
            "code": "123",
            "num_threads": 2,
            "run": "zhang_1",
        }
        arrays = {key: array.copy() for key, array in weights.items()}
        if change is not None:
            change(record, arrays)
        path = folder / "zhang_1" / golden_records.WEIGHTS
        path.parent.mkdir(parents=True)
        safetensors.numpy.save_file(arrays, path)
        record["tensors"] = golden_records.digests(arrays)
        golden_records.write(folder, "zhang_1", record)
        return folder

    return with_changes


@pytest.fixture
def said(write, capsys):
    """Returns a function from a change to whether it counts, and the lines."""

    def after(change=None) -> tuple[bool, str]:
        is_equal = golden_table.compare(write("before"), write("after", change))
        return is_equal, capsys.readouterr().out

    return after


WEIGHTS_DIFFER = "differ   equal    equal"
METRICS_DIFFER = "equal    differ   equal"


def one_bit(record, arrays):
    kernel = arrays["classifier/kernel"]
    kernel[1, 1] = np.nextafter(kernel[1, 1], np.float32(2))


def no_kernel(record, arrays):
    del arrays["classifier/kernel"]


def other_shape(record, arrays):
    kernel = arrays.pop("classifier/kernel")
    arrays["classifier/kernel"] = kernel.reshape(3, 2)


def loss(record, arrays):
    test = record["metrics"]["all_results.json"]["test"]
    test["loss"] = np.nextafter(0.7, 1)


def no_step(record, arrays):
    del record["metrics"]["history.jsonl"][-1]


def no_setting(record, arrays):
    record["metrics"]["trials.jsonl"][0]["config"].clear()


def setting(record, arrays):
    config = record["metrics"]["trials.jsonl"][0]["config"]
    config["label_smoothing"] = 0.1


class TestCompare:
    def test_equal(self, said):
        is_equal, out = said()
        assert is_equal
        assert "\nzhang, one device  equal    equal    equal\n" in out
        assert out.endswith("\n0 of 1 cases are not equal.\n")

    def test_a_new_setting_is_named(self, said):
        is_equal, out = said(setting)
        assert is_equal
        assert "in the records of trials: label_smoothing: 0.1\n" in out

    @pytest.mark.parametrize(
        "change, columns, line",
        [
            (one_bit, WEIGHTS_DIFFER, "/kernel differs by at most 1.2e-07"),
            (no_kernel, WEIGHTS_DIFFER, "/kernel differs by at most inf"),
            (other_shape, WEIGHTS_DIFFER, "/kernel differs by at most inf"),
            (loss, METRICS_DIFFER, "test > loss: 0.7, then 0.7000000000000001"),
            (
                no_step,
                METRICS_DIFFER,
                "history.jsonl > 1: {'step': 2}, then absent",
            ),
            (no_setting, METRICS_DIFFER, "config > mixout: 0.0, then absent"),
        ],
    )
    def test_a_difference_is_named(self, said, change, columns, line):
        is_equal, out = said(change)
        assert not is_equal
        assert f"zhang, one device  {columns}\n" in out
        assert line in out
        assert "pooler" not in out

    @pytest.mark.parametrize(
        "line, is_equal",
        [
            ("Good.\ta\t0.994412", True),
            ("Good.\ta\t0.994413", False),
            ("Good.\tb\t0.994411", False),
            ("Good!\ta\t0.994411", False),
        ],
    )
    def test_predictions(self, said, line, is_equal):
        def change(record, arrays):
            record["predictions"][1] = line

        found, out = said(change)
        assert found == is_equal
        assert ("predictions > 1 > " in out) != is_equal

    @pytest.mark.parametrize(
        "probability, is_equal", [(0.2500009, True), (0.250002, False)]
    )
    def test_served(self, said, probability, is_equal):
        def change(record, arrays):
            record["served"]["probabilities"][0][0] = probability

        found, _ = said(change)
        assert found == is_equal

    def test_a_case_that_was_not_recorded(self, write, capsys):
        after = write("after")
        (after / "records" / "zhang_1.json").rename(
            after / "records" / "mixout_1.json"
        )
        assert not golden_table.compare(write("before"), after)
        out = capsys.readouterr().out
        assert "mixout, one device  absent   absent   absent\n" in out
        assert out.splitlines()[-1] == "2 of 2 cases are not equal."

    def test_no_records(self, write, tmp_path):
        with pytest.raises(FileNotFoundError, match="There are no records"):
            golden_table.compare(write("before"), tmp_path)


class TestRead:
    def test_a_clock_decides_nothing(self, tmp_path, weights):
        path = tmp_path / golden_records.WEIGHTS
        path.parent.mkdir()
        safetensors.numpy.save_file(weights, path)
        text = '{"test": 1, "runtime": {"seconds": 2.5}}\n'
        (tmp_path / "all_results.json").write_text(text)
        (tmp_path / "trials.jsonl").write_text(text)
        rows = tmp_path / "trials" / "a" / "scored_rows.tsv"
        rows.parent.mkdir(parents=True)
        rows.write_text("split\trow\n")
        record = golden_records.read(tmp_path)
        assert record["metrics"] == {
            "all_results.json": {"test": 1},
            "trials.jsonl": [{"test": 1}],
            "trials/a/scored_rows.tsv": ["split\trow"],
        }
        assert record["tensors"].keys() == weights.keys()


class TestCases:
    def test_every_recipe_is_one(self):
        paths = (ROOT / "flags" / "recipes").glob("*.flags")
        assert {path.stem for path in paths} <= golden.CASES.keys()

    def test_runs_that_are_needed_come_first(self):
        names = golden.with_needed(["sweep", "predict"])
        assert names == ["quickstart", "predict", "sweep"]


@pytest.mark.parametrize(
    ("first", "second", "is_same"),
    [
        (2.55825, 2.55824, True),
        (2.55825, 2.55823, False),
        (0.558253, 0.558252, True),
        (0.558253, 0.558251, False),
        ("/a/tf_bert/data/x/train.tsv", "/b/c/tf_bert/data/x/train.tsv", True),
        ("/a/tf_bert/data/x/train.tsv", "/a/tf_bert/data/y/train.tsv", False),
        ("/a/train.tsv", "/b/train.tsv", False),
    ],
)
def test_last_digits_and_checkouts_are_no_difference(first, second, is_same):
    found = golden_table.tree_differences(first, second, tolerance=1.001e-6)
    assert bool(found) is not is_same
