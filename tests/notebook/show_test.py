"""Tests of tf_bert/notebook/show.py; pictures are shown in a real kernel."""

import numpy as np

from tf_bert.library import Predictions
from tf_bert.notebook import show


def test_a_text_is_shown_with_all_probabilities(capsys):
    show.show_predictions(
        ["Fine.", "Broken."],
        Predictions(
            labels=("good", "bad"),
            probabilities=np.array([[0.25, 0.75], [0.875, 0.125]]),
            label_names=("bad", "good"),
        ),
    )
    assert capsys.readouterr().out == (
        "Fine.\n    good (bad 25.0%, good 75.0%)\n"
        "Broken.\n    bad (bad 87.5%, good 12.5%)\n"
    )


def test_a_score_is_shown_as_a_number(capsys):
    predictions = Predictions(scores=np.array([2.5], np.float32))
    show.show_predictions(["Fine."], predictions)
    assert capsys.readouterr().out == "Fine.\n    2.500\n"
