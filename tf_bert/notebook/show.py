"""A run's predictions and report, below a cell of a notebook."""

import html
from collections.abc import Sequence

from tf_bert.library import Predictions
from tf_bert.report.report_run import report_run
from tf_bert.runs.stored_config import stored_config
from tf_bert.system import file_io

_HEIGHT = 700  # Pixels; the page scrolls inside.


def show_predictions(texts: Sequence[str], predictions: Predictions) -> None:
    """Prints each text with its label and the probability of every class.

    Args:
        predictions: of `tf_bert.predict`, for these texts. Of a regression,
            which has no classes, the score is printed.
    """
    for index, text in enumerate(texts):
        print(text)
        if predictions.scores is not None:
            print(f"    {predictions.scores[index]:.3f}")
            continue
        shares = predictions.probabilities[index]
        classes = ", ".join(
            f"{name} {share:.1%}"
            for name, share in zip(predictions.label_names, shares, strict=True)
        )
        print(f"    {predictions.labels[index]} ({classes})")


def show_report(output_dir: str) -> None:
    """Writes a run's `report.html` as `--mode=report` does, and shows it."""
    from IPython import display

    config = stored_config(mode="report", output_dir=output_dir)
    page = file_io.read_text(report_run(config))
    # In a frame, for its styles are not those of the notebook.
    frame = (
        f'<div><iframe srcdoc="{html.escape(page)}" width="100%" '
        f'height="{_HEIGHT}" frameborder="0"></iframe></div>'
    )
    display.display(display.HTML(frame))
