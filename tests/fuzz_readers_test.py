"""Two hundred inputs for each reader, and what the program itself notices.

The full count is run by hand: `python benchmarks/fuzz_readers.py`.
"""

import dataclasses
import os
import pathlib
import re
import subprocess
import sys
import time

import fuzz_readers
import fuzzed_readers
from absl.testing import parameterized
from conftest import WithFolder

ROOT = pathlib.Path(__file__).parents[1]


def read_text(path):
    return pathlib.Path(path).read_text(encoding="latin-1")


READER = fuzzed_readers.Reader(
    file="x.txt",
    seeds=lambda: [(b"text", lambda rng, data: data)],
    read=read_text,
    expect=lambda data: data.decode("latin-1"),
)


def refuse(path):
    raise ValueError(f"A right file was expected. Received: {path}.")


def refuse_without_a_sentence(path):
    raise ValueError("invalid literal")


def stumble(path):
    raise KeyError("vocab")


def crash(path):
    # Not before the first input: as a worker starts, it reads the seeds.
    if read_text(path) != "text":
        os._exit(11)


def hang(path):
    if read_text(path) != "text":
        time.sleep(60)


def take_memory(path):
    return bytes(200 << 20)


class FuzzTestCase(WithFolder):
    def fuzz(self, name, reader, **options):
        return fuzz_readers.fuzz(
            name, reader, failures_dir=str(self.folder), **options
        )


class ReadersTest(FuzzTestCase):
    @parameterized.parameters(*fuzzed_readers.READERS)
    def test_a_sentence_or_a_right_answer(self, name):
        counts = self.fuzz(name, fuzzed_readers.READERS[name], count=200)
        self.assertEmpty(counts.failures)
        self.assertEqual(counts.outcomes.total(), 200)
        self.assertGreater(counts.outcomes["answer"], 10)
        self.assertGreater(counts.outcomes["refusal"], 50)


class FuzzTest(FuzzTestCase):
    def run_one(self, **changes):
        reader = dataclasses.replace(READER, **changes)
        return self.fuzz("x", reader, count=4, seconds=0.5)

    def test_right_answers_and_sentences_are_counted(self):
        counts = self.run_one()
        self.assertEqual(counts.outcomes, {"answer": 4})
        self.assertStartsWith(
            counts.line("x"), "x: 4 inputs: 4 answers, 0 refusals, 0 failures; "
        )
        self.assertEqual(self.run_one(read=refuse).outcomes, {"refusal": 4})

    @parameterized.named_parameters(
        ("sentence", refuse_without_a_sentence, "no sentence: ValueError"),
        ("traceback", stumble, "KeyError"),
        ("memory", take_memory, "MemoryError"),
        ("answer", lambda path: "no", "wrong answer: 'no', not '"),
    )
    def test_a_failure_is_kept_and_told(self, read, message):
        counts = self.run_one(read=read)
        self.assertEqual(counts.outcomes, {"failure": 4})
        path, _, reason = counts.failures[3].partition(": ")
        self.assertStartsWith(reason, message)
        expected = fuzz_readers.make_input(READER, "x", 0, 3)
        self.assertEqual(pathlib.Path(path).read_bytes(), expected)

    @parameterized.named_parameters(
        ("crash", crash, "crash 11"),
        ("hang", hang, "no end within 0.5 seconds"),
    )
    def test_the_end_of_a_worker_is_not_the_end(self, read, message):
        counts = self.run_one(read=read, expect=lambda data: None)
        self.assertEqual(counts.outcomes.total(), 4)
        self.assertGreater(counts.outcomes["answer"], 0)  # Not damaged at all.
        self.assertGreater(counts.outcomes["failure"], 0)
        for failure in counts.failures:
            self.assertEndsWith(failure, message)

    def test_an_input_depends_on_its_number_alone(self):
        reader = fuzzed_readers.READERS["bin"]
        first = [fuzz_readers.make_input(reader, "bin", 0, i) for i in (3, 4)]
        self.assertNotEqual(*first)
        again = fuzz_readers.make_input(reader, "bin", 0, 4)
        self.assertEqual(again, first[1])

    def test_the_command_prints_one_line_a_reader(self):
        run = subprocess.run(
            [
                *(sys.executable, ROOT / "benchmarks/fuzz_readers.py"),
                *("--reader=tokenizer_json", "--quick"),
                f"--failures_dir={self.folder}",
            ],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
        )
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertTrue(
            re.match(r"tokenizer_json: 20 inputs: \d+ answers, ", run.stdout)
        )
