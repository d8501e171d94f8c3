"""The section about training curves: losses, metric and learning rate."""

from collections.abc import Mapping

from tf_bert.report import band_tables, sentences
from tf_bert.report.figures import curve_figures
from tf_bert.report.figures.curve_figures import Band, Panel
from tf_bert.report.page import Picture, Section
from tf_bert.report.task_results import TaskResults


def curves_section(results: TaskResults) -> Section:
    """Losses, metric and learning rate, with bands over the trials."""
    name, title = "curves", "Training curves"
    metric = results.task.metric
    histories = {
        recipe.label: [trial.history() for trial in recipe.trials]
        for recipe in results.shown()
    }

    def bands(*keys: str) -> dict[str, Band]:
        found = {
            label: curve_figures.band(of_recipe, *keys)
            for label, of_recipe in histories.items()
        }
        return {label: x for label, x in found.items() if x}

    score = f"validation {results.task.metric_title}"
    evaluated = {
        "training loss": bands("train_loss"),
        "validation loss": bands("validation", "loss"),
        score: bands("validation", metric),
        "learning rate": bands("learning_rate"),
    }
    if not evaluated["training loss"]:
        return Section(
            name, title, "Left out: no trial has stored an evaluation."
        )
    picture = Picture(
        "curves",
        "Loss, score and learning rate by step",
        curve_figures.curves(_panels(results, evaluated, score)),
        "The training loss is the mean over the batches since the last "
        "evaluation. A validation loss that rises while the training loss "
        "falls shows that the model overfits: it memorises the training "
        f"examples.{sentences.how_drawn(results)}",
        band_tables.band_table(
            results,
            "curves",
            "Every evaluation",
            {
                title: {(label,): band for label, band in bands.items()}
                for title, bands in evaluated.items()
                if bands
            },
            with_quartiles=True,
            max_steps=None,
        ),
    )
    return Section(
        name,
        title,
        _fit_sentence(results, evaluated["training loss"], evaluated[score]),
        pictures=(picture,),
    )


def _panels(
    results: TaskResults,
    evaluated: Mapping[str, Mapping[str, Band]],
    score: str,
) -> list[Panel]:
    """Both losses in one panel, where they are of one recipe alone."""
    training, validation = "training loss", "validation loss"
    losses = [
        Panel(training, evaluated[training], from_zero=True),
        Panel(validation, evaluated[validation], from_zero=True),
    ]
    if not results.has_recipes:
        both = {
            name: band
            for name in (training, validation)
            for band in evaluated[name].values()
        }
        losses = [Panel("loss", both, from_zero=True)]
    rates = _learning_rates(results, evaluated["learning rate"])
    panels = [
        *losses,
        Panel(score, evaluated[score]),
        Panel("learning rate", rates, from_zero=True),
    ]
    return [panel for panel in panels if panel.bands]


def _learning_rates(
    results: TaskResults, evaluated: Mapping[str, Band]
) -> dict[str, Band]:
    """Of every step where that is recorded, else at the evaluations."""
    return dict(evaluated) | {
        label: band_tables.band_of_steps(updates, "learning_rate")
        for label, updates in band_tables.recorded_updates(results).items()
    }


def _fit_sentence(
    results: TaskResults,
    losses: Mapping[str, Band],
    scores: Mapping[str, Band],
) -> str:
    parts = []
    for label in results.compared:
        if label not in losses:
            continue
        text = f"training loss {_last(losses[label])[1]:.3f}"
        if scores.get(label):
            low, middle, high = _last(scores[label])
            text += f", validation {results.task.metric_title} {middle:.3f}"
            if not results.task.is_one_training:
                text += f" (quartiles {low:.3f} to {high:.3f})"
        parts.append(results.named(label, text))
    said = "; ".join(parts)
    text = f"At the last step{sentences.in_the_median(results)}: {said}."
    (band, *others) = scores.values() if scores else ({}, {})
    if not results.task.is_one_training or others:
        return text
    # The first of equally good ones, as the training chooses.
    best = max(band, key=lambda step: band[step][1])
    return (
        f"{text} The best validation {results.task.metric_title} of "
        f"{len(band)} evaluations is {band[best][1]:.3f}, after step {best}."
    )


def _last(band: Band) -> tuple[float, float, float]:
    return band[max(band)]
