"""The pictures of one run.

Each function gets the run and returns a figure, or a sentence that says what
the run did not record.
"""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tf_bert.report.figures import style
from tf_bert.report.figures.recorded_run import RecordedRun
from tf_bert.training.update_log import UPDATE, bias_ratio

_NOT_RECORDED = "it is recorded with --record_updates alone"
_NO_RATE = "no step has had a learning rate above 0"


def loss_and_metric(run: RecordedRun) -> Figure:
    """Draws the losses, and below them the metric on validation."""
    steps, values = run.column("validation", run.metric_name)
    has_metric = len(steps) > 0
    figure = style.new_figure(height=4.6 if has_metric else 3.2)
    panels = figure.subplots(2 if has_metric else 1, sharex=True, squeeze=False)
    _draw_losses(run, panels[0, 0])
    if has_metric:
        _draw_metric(run, panels[1, 0], steps, values)
    style.mark_steps(panels[-1, 0], run.history[-1]["step"])
    return figure


def _draw_losses(run: RecordedRun, axes: Axes) -> None:
    axes.plot(
        *run.column("train_loss"),
        color=style.BLUE,
        marker="o",
        label="train, mean since the last evaluation",
    )
    steps, losses = run.column("validation", "loss")
    if len(steps):
        axes.plot(
            steps,
            losses,
            color=style.ORANGE,
            linestyle="--",
            marker="s",
            label="validation",
        )
    kind = "squared error" if run.is_regression else "cross-entropy, nats"
    axes.set_ylabel(f"loss ({kind})")
    axes.set_ylim(bottom=0)
    axes.legend()


def _draw_metric(
    run: RecordedRun, axes: Axes, steps: np.ndarray, values: np.ndarray
) -> None:
    axes.plot(
        steps, values, color=style.ORANGE, linestyle="--", marker="s", zorder=2
    )
    # The first of equally good ones, as the training chooses.
    best = int(np.argmax(values))
    axes.plot(
        steps[best],
        values[best],
        "o",
        markersize=9,
        markerfacecolor="none",
        markeredgecolor=style.BLACK,
        linestyle="none",
        label=f"best: {values[best]:.3f} after step {steps[best]:.0f}",
    )
    unit = " (share)" if run.metric.is_proportion else ""
    # The title may name a class; a dollar sign would begin a formula.
    axes.set_ylabel(f"validation {run.metric.title}{unit}", parse_math=False)
    axes.margins(y=0.12)
    axes.legend()


def learning_rate(run: RecordedRun) -> Figure:
    """Draws the rate of each step or, without these, at the evaluations."""
    figure = style.new_figure(height=2.6)
    axes = figure.subplots()
    if run.updates is None:
        axes.plot(
            *run.column("learning_rate"),
            color=style.BLUE,
            linestyle="none",
            marker="o",
            label="at the evaluations",
        )
        axes.legend()
    else:
        axes.plot(
            run.updates["step"], run.updates["learning_rate"], color=style.BLUE
        )
    axes.set_ylabel("learning rate")
    axes.ticklabel_format(axis="y", scilimits=(0, 0), useMathText=True)
    axes.set_ylim(bottom=0)
    style.mark_steps(axes, run.history[-1]["step"])
    return figure


def bias_ratios(run: RecordedRun) -> Figure | str:
    """Draws the measured ratio beside what leaving out correction gives."""
    if run.updates is None:
        return _NOT_RECORDED
    steps, measured = run.updates["step"], run.updates["bias_ratio"]
    if np.isnan(measured).all():
        return _NO_RATE
    config = run.config
    figure = style.new_figure()
    axes = figure.subplots()
    # Wide and light below, narrow and dark above: both show where they agree.
    axes.plot(
        steps,
        bias_ratio(steps, config.adam_beta_1, config.adam_beta_2),
        color="0.75",
        linewidth=5,
        solid_capstyle="butt",
        label=r"without bias correction: "
        r"$(1-\beta_1^t)\,/\,\sqrt{1-\beta_2^t}$",
    )
    axes.axhline(
        1, color="0.35", linewidth=0.9, linestyle=":", label="with it: 1"
    )
    state = "on" if config.bias_correction else "off"
    axes.plot(
        steps,
        measured,
        color=style.BLUE,
        marker="o",
        markevery=style.sparse_markers(len(steps), 0, 1),
        label=f"this run (bias correction {state}), measured",
    )
    axes.set_ylabel(
        "norm of the update, as a multiple\nof bias-corrected Adam's"
    )
    axes.set_ylim(bottom=0)
    axes.legend(loc="best")
    style.mark_steps(axes, run.history[-1]["step"])
    return figure


def update_norms(run: RecordedRun) -> Figure | str:
    """Draws how far each step moves each block."""
    if run.updates is None:
        return _NOT_RECORDED
    moved = run.updates["learning_rate"] > 0
    if not moved.any():
        return _NO_RATE
    steps = run.updates["step"][moved]
    lines = {
        block: (steps, run.updates[f"{UPDATE}/{block}"][moved])
        for block in run.blocks()
    }
    figure = _draw_blocks(lines, run.history[-1]["step"])
    (axes,) = figure.axes
    axes.set_yscale("log")
    axes.set_ylabel(
        "update of a block in a step\n(L2 norm, units of the weights)"
    )
    return figure


def distances(run: RecordedRun) -> Figure | str:
    """Draws how far each block has come from its weights at step 0."""
    if not run.blocks():
        return _NOT_RECORDED
    lines = {}
    for block in run.blocks():
        steps, values = run.column("distance", block)
        lines[block] = np.append(0, steps), np.append(0, values)
    figure = _draw_blocks(lines, run.history[-1]["step"])
    (axes,) = figure.axes
    axes.set_ylim(bottom=0)
    axes.set_ylabel(
        "distance of a block from step 0\n(L2 norm, units of the weights)"
    )
    return figure


def _draw_blocks(
    lines: dict[str, tuple[np.ndarray, np.ndarray]], last_step: int
) -> Figure:
    """Draws one line for each block, lowest first."""
    figure = style.new_figure(height=3.4 if len(lines) < 20 else 4.4)
    axes = figure.subplots()
    styles = style.block_styles(list(lines))
    for place, (block, (steps, values)) in enumerate(lines.items()):
        axes.plot(
            steps,
            values,
            label=block,
            markevery=style.sparse_markers(len(steps), place, len(lines)),
            linewidth=1.4 if len(lines) < 12 else 0.9,
            **styles[block],
        )
    style.mark_steps(axes, last_step)
    style.block_legend(figure, axes)
    return figure


# File name -> what it shows, and what draws it.
FIGURES = {
    "loss_and_metric": ("losses and metric", loss_and_metric),
    "learning_rate": ("learning rate", learning_rate),
    "bias_ratio": ("bias ratio", bias_ratios),
    "update_norm": ("updates by block", update_norms),
    "distance": ("distances by block", distances),
}
