"""What came of a sweep, as text for a terminal. No TensorFlow."""

from collections.abc import Sequence
from typing import Any

from tf_bert.statistics import recipe_summary
from tf_bert.trials.trial_scores import scored_split, trials_of


def render(
    records: Sequence[dict[str, Any]], *, baseline: str | None = None
) -> str:
    """Returns the summary of each recipe.

    Args:
        records: of trials, recipe after recipe.
        baseline: label of the recipe that the others are compared with.
    """
    split = scored_split(records)
    lines = []
    for recipe in dict.fromkeys(record["recipe"] for record in records):
        trials = trials_of([r for r in records if r["recipe"] == recipe], split)
        lines.append(str(recipe_summary.summarize_recipe(recipe, trials)))
    return "\n".join(lines)
