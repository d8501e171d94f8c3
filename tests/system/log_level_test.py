"""Tests of tf_bert/system/log_level.py."""

import pytest
from absl import logging

from tf_bert.system import log_level


@pytest.mark.parametrize(
    ("level", "within"),
    [
        (logging.INFO, logging.WARNING),
        (logging.DEBUG, logging.DEBUG),
        (logging.ERROR, logging.ERROR),
    ],
)
def test_info_alone_is_left_out_and_comes_back(level, within):
    logging.set_verbosity(level)
    with pytest.raises(KeyError), log_level.warnings_alone():
        assert logging.get_verbosity() == within
        raise KeyError
    assert logging.get_verbosity() == level
