"""Which trial is next, and which are stopped early. Knows no files.

Letters: T trials of a recipe, K of them that go on.
"""

import dataclasses
from collections.abc import Collection, Mapping, Sequence

from tf_bert.config.early_stop import EarlyStop
from tf_bert.trials.planned_trials import Trial


@dataclasses.dataclass
class _Recipe:
    """The trials of one recipe that are left.

    Attributes:
        pause_at: the step at which they are compared; None: they are not.
        keep: K.
        scores: trial -> score there, of all that have got there.
        fresh: to be started, or to go on to the step; in their order.
        paused: those that wait at the step.
        under_way: those that run, and shall pause.
    """

    pause_at: int | None
    keep: int
    scores: dict[str, float]
    fresh: list[Trial]
    paused: list[Trial]
    under_way: set[str] = dataclasses.field(default_factory=set)


class Agenda:
    """Says what to run next, as trials end, pause and are stopped.

    A recipe's K best go on when all its T trials have got to the step where
    they are compared, or ended before. A trial that is not among the K best
    so far never will be: it is stopped at once, so that at most K wait.
    Trials that had finished take part with the score that they had there, so
    more trials later choose as if all had been there from the start.

    Args:
        trials: of the sweep that have not finished, in the order of its plan.
        places: trial -> place in the plan, of all its trials. Of equal scores
            the first counts.
        early_stop: what stops trials; None stops none.
        pause_steps: recipe -> the step at which its trials are compared; one
            that is not there stops none.
        scores: recipe -> trial -> score at that step, of those that have
            finished, were stopped, or wait.
        paused: those of `trials` that wait at that step.
    """

    def __init__(
        self,
        trials: Sequence[Trial],
        places: Mapping[str, int],
        *,
        early_stop: EarlyStop | None = None,
        pause_steps: Mapping[str, int] | None = None,
        scores: Mapping[str, Mapping[str, float]] | None = None,
        paused: Collection[str] = (),
    ):
        self._places = places
        self._at = early_stop.at if early_stop else 0.0
        self._recipes: dict[str, _Recipe] = {}
        for trial in trials:
            recipe = self._recipes.setdefault(
                trial.recipe,
                _Recipe(
                    pause_at=(pause_steps or {}).get(trial.recipe),
                    keep=early_stop.keep if early_stop else 0,
                    scores=dict((scores or {}).get(trial.recipe, {})),
                    fresh=[],
                    paused=[],
                ),
            )
            waits = trial.name in paused and recipe.pause_at is not None
            (recipe.paused if waits else recipe.fresh).append(trial)

    def take(self) -> tuple[Trial, int | None] | None:
        """Returns a trial to run now, and the step at which it shall pause.

        None for the step: to its end. None for both: nothing can run before
        something else has ended; or nothing is left.
        """
        # Those that wait first: their states need room.
        for recipe in self._recipes.values():
            if recipe.paused and not recipe.fresh and not recipe.under_way:
                return recipe.paused.pop(0), None
        for recipe in self._recipes.values():
            if recipe.fresh:
                trial = recipe.fresh.pop(0)
                if recipe.pause_at is not None:
                    recipe.under_way.add(trial.name)
                return trial, recipe.pause_at
        return None

    def end(self, trial: Trial) -> None:
        """Says that a trial has ended, before it could pause or later."""
        recipe = self._recipes[trial.recipe]
        recipe.under_way.discard(trial.name)

    def pause(self, trial: Trial, score: float) -> list[Trial]:
        """Says that a trial has paused.

        Args:
            trial: of `take`.
            score: on validation, at the step.

        Returns:
            Those that are stopped by that, perhaps the trial itself.
        """
        recipe = self._recipes[trial.recipe]
        recipe.under_way.remove(trial.name)
        recipe.scores[trial.name] = score
        recipe.paused.append(trial)
        return self._stop(recipe)

    def stop_all(self) -> list[Trial]:
        """Returns those that waited from the start, and need not wait."""
        return [
            trial
            for recipe in self._recipes.values()
            for trial in self._stop(recipe)
        ]

    def work_left(self) -> float:
        """Returns how much has not been taken yet, in whole trainings."""
        return sum(map(self._work_left, self._recipes.values()))

    def _work_left(self, recipe: _Recipe) -> float:
        if recipe.pause_at is None:
            return len(recipe.fresh)
        to_come = len(recipe.fresh) + len(recipe.under_way) + len(recipe.paused)
        going_on = min(recipe.keep, to_come)
        return len(recipe.fresh) * self._at + going_on * (1 - self._at)

    def _stop(self, recipe: _Recipe) -> list[Trial]:
        order = sorted(
            recipe.scores,
            key=lambda name: (-recipe.scores[name], self._places[name]),
        )
        best = set(order[: recipe.keep])
        stopped = [x for x in recipe.paused if x.name not in best]
        recipe.paused = [x for x in recipe.paused if x.name in best]
        recipe.paused.sort(key=lambda trial: self._places[trial.name])
        return stopped
