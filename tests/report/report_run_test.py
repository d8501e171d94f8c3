"""Tests of tf_bert/report/: the page as its readers and their tools see it."""

import csv
import html.parser
import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import pytest

from tf_bert import run
from tf_bert.data.readers.written_tables import unguard
from tf_bert.report import report_run
from tf_bert.report.figures import style
from tf_bert.report.page import Table, full_name, render
from tf_bert.runs.run_folder import RunFolder
from tf_bert.scoring import scored_rows

EVIL = "<script>alert('x')</script> & \"quotes\" in $a$ text"
VOID = ("meta", "link", "br", "hr", "img", "input")
SWEEP = {
    "reinit_layers=0": {},
    "reinit_layers=1": {"reinit_layers": 1},
    "reinit_layers=2": {"reinit_layers": 2},
}
SCORES = {
    "reinit_layers=0": [0.5, None, 0.7, 0.72],
    "reinit_layers=1": [0.8, 0.82, 0.81, 0.84],
    "reinit_layers=2": [0.9, 0.91, 0.92, 0.9],
}


class Reader(html.parser.HTMLParser):
    """What a test has to know of a page."""

    def __init__(self, source):
        super().__init__()
        self.source = source
        self.tags, self.ids, self.references = [], [], []
        self.open, self.text, self.tables = [], [], []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append((tag, attributes))
        if "id" in attributes:
            self.ids.append(attributes["id"])
        for name in ("aria-labelledby", "aria-describedby"):
            self.references += attributes.get(name, "").split()
        for name in ("href", "xlink:href"):
            self.references += re.findall("^#(.+)", attributes.get(name, ""))
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)
        if self.open and self.open[-1] in ("td", "th"):
            self.tables[-1][-1][-1] += data

    def joined(self):
        return " ".join(" ".join(self.text).split())

    def named(self, tag):
        """The attributes of all elements of a kind."""
        return [attributes for name, attributes in self.tags if name == tag]


def read_page(folder):
    return Reader((folder / "report.html").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Two files of 20 rows; the first test row is no text but an attack."""
    folder = tmp_path_factory.mktemp("data")
    for name in ("train", "test"):
        rows = [(f"{name} {i}", ("bad", "good")[i % 2]) for i in range(20)]
        if name == "test":
            rows[0] = (EVIL, "bad")
        with open(folder / f"{name}.csv", "w", newline="") as file:
            csv.writer(file).writerows([("text", "label"), *rows])
    return folder


@pytest.fixture(scope="module")
def folder(write_trials, data, tmp_path_factory):
    """Three recipes of four trials each, with a report."""
    path = write_trials(
        tmp_path_factory.mktemp("trials") / "sweep",
        sweep=SWEEP,
        sweep_given=("reinit_layers:0,1,2",),
        scores=SCORES,
        labels=(0, 1) * 10,
        label_names=("bad", "good"),
        task_name=None,
        train_file=str(data / "train.csv"),
        test_file=str(data / "test.csv"),
        record_updates=True,
    )
    # Whatever the other rows are, this one is the surest mistake of all.
    for rows_path in (path / "trials").glob("*/scored_rows.tsv"):
        splits = scored_rows.read(rows_path.read_text(), str(rows_path))
        for rows in splits.values():
            rows.predictions[0] = 1
            rows.probabilities[0] = (0, 1)
        rows_path.write_text(scored_rows.write(splits))
    RunFolder(str(path)).written.record("report/figures/old.png")
    (path / "report" / "figures").mkdir(parents=True)
    (path / "report" / "figures" / "old.png").touch()
    assert run.main(["--mode=report", f"--output_dir={path}"]) == 0
    return path


@pytest.fixture(scope="module")
def page(folder):
    return read_page(folder)


@pytest.fixture(scope="module")
def grid_page(write_trials, folder, tmp_path_factory):
    """A page on two folders; its pictures are empty.

    Of the first, two recipes on a grid of seeds, the second has not ended.
    """
    path = write_trials(
        tmp_path_factory.mktemp("trials") / "grid",
        sweep={"zhang": {"reinit_layers": 2}, "mixout": {"mixout": 0.9}},
        scores={"zhang": [0.7, 0.8, 0.9, 0.85], "mixout": [0.6]},
        num_trials=None,
        num_head_seeds=2,
        num_data_seeds=2,
    )
    content = report_run.report_page([str(path), str(folder)])
    names = [
        full_name(part, picture.name)
        for part in content.parts
        for section in part.sections
        for picture in section.pictures
    ]
    return Reader(render(content, dict.fromkeys(names, "")))


class TestPage:
    def test_elements_are_closed_and_references_lead_somewhere(
        self, page, grid_page
    ):
        for one in (page, grid_page):
            assert one.open == []
            assert len(one.ids) == len(set(one.ids))
            assert set(one.references) <= set(one.ids)

    def test_nothing_is_fetched_and_nothing_is_run(self, page):
        assert len(page.source) < 2_000_000
        names = {tag for tag, _ in page.tags}
        assert not names & {"script", "link", "iframe", "img", "object"}
        for _, attributes in page.tags:
            for name, value in attributes.items():
                assert not name.startswith("on")
                if name in ("href", "src", "xlink:href"):
                    assert value.startswith(("#", "data:"))
        assert "@import" not in page.source
        assert not re.findall(r"url\((?!#)", page.source)

    def test_text_of_the_data_is_escaped(self, page):
        assert any(EVIL == cell for x in page.tables for r in x for cell in r)
        assert "<script" not in page.source

    def test_every_picture_has_a_name_and_a_sentence(self, page):
        pictures = page.named("svg")
        assert len(pictures) == 10
        for picture in pictures:
            name = picture["aria-labelledby"].split()[0]
            assert picture["role"] == "img"
            assert picture["aria-labelledby"] == (
                f"{name} {name.removesuffix('title')}caption"
            )
            # The page decides on its size, but not on its shape.
            assert "width" not in picture
            assert "viewbox" in picture
        assert page.named("metadata") == []

    def test_every_section_has_a_heading_and_a_sentence(self, page):
        sections = re.findall(r"<section.*?</section>", page.source, re.DOTALL)
        assert len(sections) == 12
        for section in sections:
            assert re.search(r"</h2>\s*<p>\w[^<]{20,}", section)

    def test_the_contents_lead_to_every_section(self, grid_page):
        sections = [x["aria-labelledby"] for x in grid_page.named("section")]
        links = [x.get("href") for x in grid_page.named("a")]
        assert len(sections) == 24
        assert {f"#{name}" for name in sections} <= set(links)

    def test_colours_have_a_light_and_a_dark_form(self, page):
        used = set(re.findall(r"var\(--(c[0-9a-f]{6})", page.source))
        known = set(re.findall(r"--(c[0-9a-f]{6}):light-dark", page.source))
        assert used == known
        turned = "oklch(from #ffffff calc(1 - 0.8 * l * l) c h)"
        assert f"--cffffff:light-dark(#ffffff,{turned});" in page.source
        # But for the style sheet, no colour is the same in both.
        elements = page.source.partition("</style>")[2]
        assert not re.findall("#[0-9a-fA-F]{6}", elements)


class TestFiles:
    def test_tables_are_the_same_as_on_the_page(self, folder, page):
        shown = sorted(
            [
                ["\t".join(" ".join(x.split()) for x in row) for row in table]
                for table in page.tables
            ]
        )
        stored = []
        for path in (folder / "report" / "tables").glob("*.tsv"):
            with open(path, encoding="utf-8", newline="") as file:
                rows = list(csv.reader(file, delimiter="\t"))
            stored.append(["\t".join(map(unguard, row)) for row in rows])
        assert shown == sorted(stored)

    def test_every_figure_is_there_as_png_and_svg(self, folder):
        paths = list((folder / "report" / "figures").iterdir())
        assert len(paths) == 20  # An earlier report has left nothing.
        for path in paths:
            if path.suffix == ".png":
                assert path.read_bytes().startswith(b"\x89PNG")
                assert path.with_suffix(".svg") in paths
            else:
                assert ElementTree.parse(path).getroot().tag.endswith("svg")

    def test_text_in_an_svg_is_text(self, folder):
        path = folder / "report" / "figures" / "scores.svg"
        texts = ElementTree.parse(path).iter("{http://www.w3.org/2000/svg}text")
        assert "test accuracy" in {"".join(x.itertext()) for x in texts}

    def test_the_same_trials_have_the_same_bytes(self, folder):
        with style.settings():
            content = report_run.report_page([str(folder)])
            (picture,) = content.parts[0].sections[0].pictures
            files = style.to_svg(picture.figure), style.to_png(picture.figure)
        stored = folder / "report" / "figures" / picture.name
        for file, ending in zip(files, (".svg", ".png"), strict=True):
            assert file == stored.with_suffix(ending).read_bytes()


class TestContent:
    def test_the_summary_is_in_plain_words(self, page, data):
        text = page.joined()
        for sentence in (
            f"12 trials of 3 recipes on {data.name}/train.csv, compared by "
            "test accuracy.",
            "reinit_layers=2 has the highest mean: 0.907",
            "2 of 12 trials failed",
            "BERT is worth it here: TF-IDF + linear SVM scores 0.780; 4 of 4",
        ):
            assert sentence in text

    def test_a_diverged_trial_counts_at_the_majority(self, page):
        rows = [row[:3] for table in page.tables for row in table]
        # (0.5 + 0.5 + 0.7 + 0.72) / 4.
        assert ["reinit_layers=0", "4", "0.605"] in rows

    def test_what_is_missing_is_said_in_the_order_of_the_sweep(self, grid_page):
        (table,) = [
            x
            for x in grid_page.tables
            if len(x[0]) == 3 and ("test accuracy" in x[0][1])
        ]
        assert [row[0] for row in table[1:]] == ["zhang", "mixout", *SWEEP]
        text = grid_page.joined()
        for sentence in (
            "The sweep is not finished: 3 trials still to come (3 of mixout).",
            "Left out: it is recorded with --record_updates alone.",
            "The texts are not shown, since the test split of the data is not",
        ):
            assert sentence in text

    def test_a_sweep_is_repeated_by_one_command(self, page, folder, data):
        assert (
            f"python -m tf_bert.run \\ --mode=trials \\ --output_dir={folder} "
            f"\\ --train_file={data / 'train.csv'} \\ "
            f"--test_file={data / 'test.csv'} \\ --record_updates \\ "
            "--num_trials=4 \\ --sweep=reinit_layers:0,1,2"
        ) in page.joined()

    def test_the_named_baseline_is_compared_with(self, folder):
        page = report_run.report_page([str(folder)], baseline="reinit_layers=1")
        titles = [section.title for section in page.parts[0].sections]
        assert "Comparison with reinit_layers=1" in titles

    def test_another_stands_in_for_a_baseline_that_has_not_begun(
        self, write_trials, tmp_path
    ):
        path = write_trials(
            tmp_path / "x",
            sweep=SWEEP,
            scores=dict(list(SCORES.items())[1:]),
            baseline="reinit_layers=0",
        )
        sections = report_run.report_page([str(path)]).parts[0].sections
        (section,) = [x for x in sections if x.name == "tests"]
        assert section.title == "Comparison with reinit_layers=1"
        assert "baseline reinit_layers=0 has no finished trial" in section.text

    def test_a_sweep_over_tasks_has_a_part_for_each(
        self, write_trials, tmp_path
    ):
        # In the order of the sweep; each says what is missing of its own.
        path = write_trials(
            tmp_path / "tasks",
            sweep={
                f"{task}, L={layers}": {
                    "task_name": task,
                    "reinit_layers": layers,
                }
                for task in ("rte", "cola")
                for layers in (0, 1)
            },
            scores={
                "rte, L=0": [0.6, 0.7],
                "rte, L=1": [0.6],
                "cola, L=1": [0.7, 0.8],
                "cola, L=0": [0.7, 0.8],
            },
            baseline="rte, L=1",
        )
        page = report_run.report_page([str(path)])
        assert [part.title for part in page.parts] == ["rte", "cola"]
        rte, cola = page.summary
        assert "1 trial still to come (1 of rte, L=1)" in rte
        assert "not finished" not in cola
        (tests,) = [x for x in page.parts[1].sections if x.name == "tests"]
        # The baseline is of the other task, which is not to be waited for.
        assert tests.title == "Comparison with cola, L=0"
        assert "has no finished trial" not in tests.text

    def test_equal_labels_of_other_flags_get_a_number(
        self, write_trials, tmp_path
    ):
        for rate in (1e-4, 2e-4):
            write_trials(
                tmp_path / "all",
                scores={"all trials": [0.8, 0.9]},
                learning_rate=rate,
            )
        page = report_run.report_page([str(tmp_path / "all")])
        assert page.summary[0].startswith("4 trials of 2 recipes")
        labels = [row[0] for row in page.parts[0].sections[0].tables[0].rows]
        assert labels == ["all trials", "all trials (2)"]

    def test_one_trial_is_enough_for_a_report(self, write_trials, tmp_path):
        path = write_trials(tmp_path / "one", scores={"all trials": [0.8]})
        page = report_run.report_page([str(path)])
        assert "Accuracy on the test examples: 0.800." in page.summary

    def test_trials_that_all_ended_in_errors_are_reported(
        self, write_trials, tmp_path
    ):
        path = write_trials(
            tmp_path / "x", scores={"all trials": ["out of memory"] * 2}
        )
        page = report_run.report_page([str(path)])
        assert (
            "No trial ended with a score: nothing can be compared."
            in page.summary
        )

    def test_a_regression_has_its_errors(self, write_trials, tmp_path):
        path = write_trials(
            tmp_path / "x",
            scores={"all trials": [0.8, 0.85, None]},
            task_name="sts-b",
            data_dir="elsewhere",
            is_regression=True,
        )
        page = report_run.report_page([str(path)])
        assert "compared by test Spearman correlation" in page.summary[0]
        sections = {x.name: x for x in page.parts[0].sections}
        (picture,) = sections["predictions"].pictures
        assert picture.title == "Predicted against true scores"
        assert "cannot be read any more" in sections["mistakes"].text

    def test_what_cannot_be_reported_is_refused(
        self, folder, write_trials, tmp_path, capsys
    ):
        empty = write_trials(
            tmp_path / "none", scores={"all trials": []}, num_trials=2
        )
        for arguments, message in (
            (
                [f"--trials_dirs={folder}", "--baseline=zhang"],
                "baseline='zhang'",
            ),
            ([f"--trials_dirs={empty}"], "without trials/*.json"),
            ([f"--trials_dirs={tmp_path}/x"], "neither trials nor a run"),
        ):
            output = f"--output_dir={tmp_path}/report"
            assert run.main(["--mode=report", output, *arguments]) == 2
            assert message in capsys.readouterr().err
            assert not (tmp_path / "report").exists()


def joined(page):
    """All that a page says outside of its pictures."""
    return " ".join(
        [
            page.title,
            *page.summary,
            *(
                text
                for part in page.parts
                for section in part.sections
                for text in (section.text, *section.notes)
            ),
        ]
    )


class TestOneTraining:
    def test_it_has_the_same_sections_without_tensorflow(
        self, write_run, data, tmp_path
    ):
        path = write_run(
            tmp_path / "run",
            finished=True,
            train_file=str(data / "train.csv"),
            test_file=str(data / "test.csv"),
        )
        code = (
            "import sys; from tf_bert import run; "
            f"run.main(['--mode=report', '--output_dir={path}']); "
            "sys.exit(bool({'tensorflow', 'keras', 'matplotlib.pyplot'} "
            "& set(sys.modules)))"
        )
        subprocess.run([sys.executable, "-c", code], check=True)
        page = read_page(path)
        text = page.joined()
        for said in (
            "Report on a training: ",
            "Trained on 18 examples for 32 steps; the weights after step 24",
            "Accuracy on 20 test examples: 0.750 (95 % interval: 0.600 to "
            "0.900).",
            "BERT made no clear difference.",
            "2 of the 20 test examples are copies of training examples",
            f"\\ --output_dir={path} \\ --train_file=",
        ):
            assert said in text
        assert "--mode=trials \\" not in text
        assert any(EVIL == cell for x in page.tables for r in x for cell in r)
        assert len(page.named("svg")) == 3
        assert set(page.references) <= set(page.ids)

    def test_it_may_go_on(self, write_run, tmp_path):
        path = write_run(tmp_path / "run", task_name="product_reviews")
        text = joined(report_run.report_page([str(path)]))
        assert "The training has not ended: it has done 32 steps" in text
        assert "Left out: no scored examples are stored." in text

    def test_without_a_split_there_is_no_score(self, write_run, tmp_path):
        path = write_run(
            tmp_path / "run", finished=True, train_file="not_there.csv"
        )
        results = {"train": {"num_examples": 3, "num_steps": 8}}
        results["train"]["chosen_step"] = 8
        (path / "all_results.json").write_text(json.dumps(results))
        (path / "scored_rows.tsv").unlink()
        text = joined(report_run.report_page([str(path)]))
        assert "There was no split to score it on." in text
        assert "Left out: no baselines are stored for this data." in text

    def test_a_regression_is_shown_with_its_metric(self, write_run, tmp_path):
        scores = {"loss": 0.5, "spearman": -0.25, "accuracy": None}
        path = write_run(
            tmp_path / "run",
            entry={"validation": scores},
            task_type="regression",
            train_file="not_there.csv",
        )
        text = joined(report_run.report_page([str(path)]))
        assert "validation Spearman correlation -0.250" in text

    def test_a_metric_of_tfds_needs_no_dataset(self, write_run, tmp_path):
        path = write_run(tmp_path / "run", tfds_name="not_there")
        text = joined(report_run.report_page([str(path)]))
        assert "Report on a training: not_there" in text

    @pytest.mark.parametrize(
        "name, content, message",
        [
            ("history.jsonl", "", "The run has not been evaluated yet"),
            ("history.jsonl", "{}\n", "A history is damaged"),
            ("history.jsonl", "3\n", "A history is damaged"),
            ("history.jsonl", "{\n", "A history is damaged"),
            ("history.jsonl", '{"step": 1, "validation": 3}\n', "A history is"),
            ("updates.npz", "PK", "Could not read the recorded updates."),
        ],
    )
    def test_what_is_missing_or_damaged_is_said(
        self, write_run, tmp_path, capsys, name, content, message
    ):
        path = write_run(
            tmp_path / "run", task_name="product_reviews", record_updates=True
        )
        (path / name).write_text(content)
        assert run.main(["--mode=report", f"--output_dir={path}"]) == 2
        error = capsys.readouterr().err
        assert message in error
        assert f"Received: output_dir={path}" in error or (
            f"Received: {path / name}" in error
        )
        assert not (path / "report.html").exists()

    def test_runs_stand_side_by_side(self, write_run, tmp_path):
        paths = [
            str(write_run(tmp_path / x, finished=True, train_file="x.csv"))
            for x in "ab"
        ]
        page = report_run.report_page(paths)
        assert [x.title for x in page.parts] == ["x.csv (1: a)", "x.csv (2: b)"]
        (overview,) = page.overview
        assert overview.rows == [["this run", "0.750", "0.750"]]


class TestTables:
    def test_a_row_has_as_many_cells_as_the_header(self):
        with pytest.raises(ValueError, match="Received: 1 cells, 2 columns"):
            Table("t", "", ("a", "b"), [("x",)])

    def test_a_cell_stays_in_its_place_in_a_file(self):
        one = Table("t", "", ("a",), [("x\ty\nz",)])
        assert one.to_tsv() == "a\nx y z\n"
