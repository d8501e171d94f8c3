"""Tests of tf_bert/notebook/set_up.py; pip itself is not run."""

import pathlib
import subprocess
import sys

import pytest
from absl.testing import parameterized

from tf_bert.doctor import packages
from tf_bert.notebook import set_up

ROOT = pathlib.Path(__file__).parents[2]


class CheckLoadedTest(parameterized.TestCase):
    def test_the_same_versions_and_modules_of_no_distribution_pass(self):
        set_up.check_loaded({"keras": "1", "numpy": "2"}, {"keras": "1"})

    def test_another_version_asks_for_a_restart(self):
        message = "numpy 1.26.4 is loaded, 2.0.2 is installed.* Restart"
        with self.assertRaisesRegex(RuntimeError, message):
            set_up.check_loaded(
                {"numpy": "1.26.4", "keras": "3.13.2"},
                {"numpy": "2.0.2", "keras": "3.13.2"},
            )


def run_python(code):
    """Runs a program in the checkout; returns what it prints."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


class RequirementsTest(parameterized.TestCase):
    def test_they_are_those_of_the_package(self):
        printed = run_python(
            "import setuptools\n"
            "setuptools.setup = lambda **x: print(*x['install_requires'],"
            " sep='\\n')\n"
            "import runpy; runpy.run_path('setup.py')"
        )
        self.assertEqual(printed.splitlines(), packages.requirements())
        self.assertIn("keras>=3.12", packages.requirements())

    def test_the_set_up_needs_packaging_alone(self):
        printed = run_python(
            "import sys, tf_bert.notebook.set_up\n"
            "print(*sorted({x.partition('.')[0] for x in sys.modules}))"
        )
        others = {
            name
            for name in printed.split()
            if name not in sys.stdlib_module_names and not name.startswith("_")
        }
        self.assertLessEqual(others, {"packaging", "tf_bert", "sitecustomize"})


@pytest.mark.large
class TestThisMachine:
    def test_tensorflow_loads_in_a_process_of_its_own(self):
        set_up.check_imports("CPU")

    def test_plain_tensorflow_is_not_taken_for_that_of_a_tpu(self):
        message = "(?s)no kernels for TPUs.*tensorflow-tpu==2.20.0"
        with pytest.raises(RuntimeError, match=message):
            set_up.check_imports("TPU")
