import doctest
import importlib
import pkgutil

from absl.testing import absltest, parameterized

import tf_bert

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(tf_bert.__path__, "tf_bert.")
)


class DoctestTest(parameterized.TestCase):
    @parameterized.parameters(*MODULES)
    def test_the_examples_in_docstrings_are_right(self, name):
        result = doctest.testmod(importlib.import_module(name))
        self.assertEqual(result.failed, 0)

    def test_there_are_examples(self):
        finder = doctest.DocTestFinder()
        tests = [
            test
            for name in MODULES
            for test in finder.find(importlib.import_module(name))
            if test.examples
        ]
        self.assertGreater(len(tests), 15)


if __name__ == "__main__":
    absltest.main()
