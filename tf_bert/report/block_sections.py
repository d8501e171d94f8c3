"""The sections about how far training moves each block of the model."""

from collections.abc import Iterable, Mapping

import numpy as np

from tf_bert import config as config_lib
from tf_bert.report import band_tables, sentences
from tf_bert.report.band_tables import band_of_steps
from tf_bert.report.figures import curve_figures
from tf_bert.report.figures.curve_figures import Band
from tf_bert.report.page import Picture, Section, Table, table_of
from tf_bert.report.task_results import TaskResults
from tf_bert.report.trials_content import Recipe
from tf_bert.scoring import number_texts
from tf_bert.training.update_log import UPDATE, bias_ratio

_NOT_RECORDED = (
    "Left out: it is recorded with --record_updates alone. Give the command "
    "again with that flag and another --output_dir."
)
_MAX_PANELS = 2
# From the input to the output; the layers come between.
_FIRST, _LAST = "embeddings", ("pooler", "classifier")

# Label of a recipe -> block, lowest first -> band.
_Blocks = Mapping[str, Mapping[str, Band]]


def updates_section(results: TaskResults) -> Section:
    """How far steps move the weights, beside Adam with bias correction."""
    name, title = "updates", "Size of the updates"
    updates = band_tables.recorded_updates(results)
    if not updates:
        return Section(name, title, _NOT_RECORDED)
    ratios = {
        label: band_of_steps(found, "bias_ratio")
        for label, found in updates.items()
    }
    ratios = {label: x for label, x in ratios.items() if x}
    if not ratios:
        reason = "no step has had a learning rate above 0"
        return Section(name, title, f"Left out: {reason}.")
    first = "; ".join(
        results.named(label, f"{next(iter(ratios[label].values()))[1]:.2f}")
        for label in results.compared
        if label in ratios
    )
    return Section(
        name,
        title,
        "Leaving out Adam's bias correction makes the first steps several "
        "times too large (Zhang et al., 2021, Section 4). The norm of the "
        "first update that moves anything, as a multiple of corrected "
        f"Adam's{sentences.in_the_median(results)}: {first}.",
        pictures=(
            _ratio_picture(results, ratios),
            _norms_picture(results, updates),
        ),
    )


def _ratio_picture(results: TaskResults, ratios: Mapping[str, Band]) -> Picture:
    last = max(max(band) for band in ratios.values())
    fields = config_lib.complete(results.shown()[0].config)
    expected = bias_ratio(
        np.arange(1, last + 1), fields["adam_beta_1"], fields["adam_beta_2"]
    )
    return Picture(
        "bias-ratio",
        "The update as a multiple of bias-corrected Adam's",
        curve_figures.bias_ratios(ratios, expected),
        "1 is Adam with bias correction; the wide grey line is what its "
        f"formula gives without.{sentences.how_drawn(results)}",
        band_tables.band_table(
            results,
            "bias-ratio",
            "At some of the steps",
            {"multiple": {(label,): band for label, band in ratios.items()}},
        ),
    )


def _norms_picture(
    results: TaskResults, updates: band_tables.Updates
) -> Picture:
    prefix = f"{UPDATE}/"
    norms = {
        label: {
            key.removeprefix(prefix): band_of_steps(updates[label], key)
            for key in updates[label][0]
            if key.startswith(prefix)
        }
        for label in _of_panels(results, updates)
    }
    return _picture_of_blocks(
        results,
        norms,
        name="update-norms",
        title="How far a step moves each block",
        caption="L2 norm of the update of each block at each step",
        value="norm",
        max_steps=4,
    )


def distances_section(results: TaskResults) -> Section:
    """How far each block has come from where it began."""
    name, title = "distances", "Distance of each block from where it began"
    every = {x.label: _distances(x) for x in results.shown()}
    every = {label: blocks for label, blocks in every.items() if blocks}
    if not every:
        return Section(name, title, _NOT_RECORDED)
    ends = {
        label: {block: band[max(band)] for block, band in blocks.items()}
        for label, blocks in every.items()
    }
    farthest = "; ".join(
        results.named(label, max(x, key=lambda b: x[b][1]).replace("_", " "))
        for label in results.compared
        if (x := ends.get(label))
    )
    pictures = [
        Picture(
            "distances",
            "Distance of each block at the last step",
            curve_figures.distances(ends),
            "Blocks stand from the input (left) to the output."
            f"{sentences.how_drawn(results)}",
            _distances_table(results, ends),
        ),
        _picture_of_blocks(
            results,
            {label: every[label] for label in _of_panels(results, every)},
            name="distances-by-step",
            title="Distance of each block at each evaluation",
            caption="L2 distance of each block from step 0",
            value="distance",
            max_steps=band_tables.MAX_TABLE_STEPS,
        ),
    ]
    return Section(
        name,
        title,
        "L2 distance from the weights at step 0: the pretrained ones, or "
        "new ones where a block was re-initialised. The block that has "
        f"moved farthest at the last step: {farthest}.",
        # Of one training, the first is the end of the second.
        pictures=tuple(pictures[results.task.is_one_training :]),
    )


def _distances(recipe: Recipe) -> dict[str, Band]:
    histories = [trial.history() for trial in recipe.trials]
    blocks = {
        block: None
        for history in histories
        for entry in history[:1]
        for block in sorted(entry.get("distance", ()), key=block_height)
    }
    return {
        block: curve_figures.band(histories, "distance", block)
        for block in blocks
    }


def block_height(block: str) -> int:
    """Where a block stands in the model."""
    if block == _FIRST:
        return -1
    if block in _LAST:
        return 10**6 + _LAST.index(block)
    return int(block.removeprefix("layer_"))


def _distances_table(
    results: TaskResults,
    ends: Mapping[str, Mapping[str, tuple[float, float, float]]],
) -> Table:
    return table_of(
        "distances",
        f"Distance at the last step{sentences.in_the_median(results)}",
        [
            (label, block.replace("_", " "), *quartiles)
            for label, blocks in ends.items()
            for block, quartiles in blocks.items()
        ],
        {
            "recipe": lambda x: x[0],
            "block": lambda x: x[1],
            "distance": lambda x: number_texts.number(x[3]),
            "quartiles": lambda x: number_texts.interval((x[2], x[4])),
        },
        num_text_columns=2,
    )


def _of_panels(results: TaskResults, found: Iterable[str]) -> list[str]:
    """The recipes that have a panel of their own."""
    shown = [x.label for x in results.shown(_MAX_PANELS) if x.label in found]
    return shown or list(found)[:1]


def _picture_of_blocks(
    results: TaskResults,
    values: _Blocks,
    *,
    name: str,
    title: str,
    caption: str,
    value: str,
    max_steps: int,
) -> Picture:
    """A line for each block, and a panel for each recipe."""
    of = ""
    if results.has_recipes:
        of = f", for {sentences.listed(list(values))}"
    return Picture(
        name,
        title,
        curve_figures.blocks_by_step(
            values, title=f"{value} of a block (L2)", is_log=value == "norm"
        ),
        f"{caption}{sentences.in_the_median(results)}{of}. Layers go from dark "
        "(lowest) to light.",
        band_tables.band_table(
            results,
            name,
            "At some of the steps",
            {
                value: {
                    (label, block.replace("_", " ")): band
                    for label, blocks in values.items()
                    for block, band in blocks.items()
                }
            },
            max_steps=max_steps,
        ),
    )
