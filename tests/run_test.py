"""Tests of tf_bert/run.py; what is refused is in bad_input_test.py."""

import pytest

from tf_bert import run


class TestOtherEnds:
    @pytest.mark.parametrize("flag", ["--help", "-h"])
    def test_help_wins_over_all_else(self, capsys, flag):
        assert run.main(["--wrong=1", flag]) == 0
        assert "--output_dir" in capsys.readouterr().out

    def test_the_traceback_is_shown_where_asked_for(self, capsys):
        assert run.main(["--wrong=1", "-v=1"]) == 2
        error = capsys.readouterr().err
        assert error.startswith("Traceback")
        assert "Received: --wrong." in error
