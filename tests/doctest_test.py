"""The examples in docstrings are right."""

import doctest
import importlib
import pkgutil

import tf_bert


def test_the_examples_in_docstrings_are_right():
    results = {
        module.name: doctest.testmod(importlib.import_module(module.name))
        for module in pkgutil.walk_packages(tf_bert.__path__, "tf_bert.")
    }
    assert not [name for name, found in results.items() if found.failed]
    assert sum(found.attempted for found in results.values()) > 15
