"""Tests of tf_bert/trials/scheduler.py: who is next, and who is stopped."""

import random

from absl.testing import parameterized

from tf_bert.config import Config
from tf_bert.config.early_stop import EarlyStop
from tf_bert.trials import planned_trials
from tf_bert.trials.scheduler import Agenda

STOP = EarlyStop(2, 0.25)
END = None


def make_trials(num_trials=4, labels=("a",)):
    return planned_trials.planned_trials(
        Config(
            mode="trials",
            output_dir="x",
            train_file="reviews.csv",
            num_trials=num_trials,
            sweep={x: {"reinit_layers": i} for i, x in enumerate(labels)},
        )
    )


def make_agenda(trials, left=None, **changes):
    return Agenda(
        trials if left is None else left,
        {trial.name: place for place, trial in enumerate(trials)},
        **{
            "early_stop": STOP,
            "pause_steps": {trial.recipe: 10 for trial in trials},
            **changes,
        },
    )


def names(trials):
    return [trial.name for trial in trials]


class WithoutStopsTest(parameterized.TestCase):
    def test_trials_run_to_their_end_in_the_order_of_the_plan(self):
        trials = make_trials(2, "ab")
        agenda = make_agenda(trials, early_stop=None, pause_steps=None)
        self.assertEqual(agenda.work_left(), 4)
        for trial in trials:
            self.assertEqual(agenda.take(), (trial, END))
        self.assertIsNone(agenda.take())
        self.assertEqual(agenda.work_left(), 0)
        agenda.end(trials[0])
        self.assertIsNone(agenda.take())


class OneAtATimeTest(parameterized.TestCase):
    """As in one process: the next is asked for when the last one paused."""

    def run_all(self, trials, scores, agenda):
        """What was run, as (place, step), and the places that stopped when."""
        places = {trial.name: place for place, trial in enumerate(trials)}
        ran, stopped = [], []
        while (found := agenda.take()) is not None:
            trial, step = found
            place = places[trial.name]
            ran.append((place, step))
            if step is END:
                agenda.end(trial)
            else:
                gone = agenda.pause(trial, scores[place])
                stopped.append([places[x.name] for x in gone])
        return ran, stopped

    def test_the_best_go_on_in_the_order_of_the_plan(self):
        trials = make_trials()
        ran, stopped = self.run_all(
            trials, [0.6, 0.7, 0.9, 0.8], make_agenda(trials)
        )
        start = [(place, 10) for place in range(4)]
        self.assertEqual(ran, [*start, (2, END), (3, END)])
        self.assertEqual(stopped, [[], [], [0], [1]])

    def test_of_equal_ones_the_first_of_the_plan_go_on(self):
        trials = make_trials()
        ran, stopped = self.run_all(trials, [0.5] * 4, make_agenda(trials))
        self.assertEqual(ran[4:], [(0, END), (1, END)])
        self.assertEqual(stopped, [[], [], [2], [3]])

    def test_a_recipe_goes_on_before_the_next_one_starts(self):
        trials = make_trials(3, "ab")
        ran, _ = self.run_all(trials, [0.5] * 6, make_agenda(trials))
        expected = [(0, 10), (1, 10), (2, 10), (0, END), (1, END)]
        expected += [(3, 10), (4, 10), (5, 10), (3, END), (4, END)]
        self.assertEqual(ran, expected)

    def test_those_of_before_take_part_with_their_scores(self):
        """As after 3 trials of which 0 and 2 went on; now there are 5."""
        trials = make_trials(5)
        known = dict(zip(names(trials), (0.7, 0.1, 0.8), strict=False))
        agenda = make_agenda(trials, trials[3:], scores={"a": known})
        ran, stopped = self.run_all(trials, [..., ..., ..., 0.6, 0.75], agenda)
        self.assertEqual(ran, [(3, 10), (4, 10), (4, END)])
        self.assertEqual(stopped, [[3], []])

    def test_those_that_wait_are_not_run_again(self):
        trials = make_trials()
        known = dict(zip(names(trials), (0.7, 0.9), strict=False))
        agenda = make_agenda(
            trials, scores={"a": known}, paused=set(names(trials[:2]))
        )
        ran, stopped = self.run_all(trials, [..., ..., 0.8, 0.1], agenda)
        self.assertEqual(ran, [(2, 10), (3, 10), (1, END), (2, END)])
        self.assertEqual(stopped, [[0], [3]])

    def test_more_wait_than_are_kept_now(self):
        trials = make_trials()
        known = dict(zip(names(trials), (0.7, 0.9, 0.8), strict=False))
        agenda = make_agenda(
            trials, scores={"a": known}, paused=set(names(trials[:3]))
        )
        self.assertEqual(names(agenda.stop_all()), names(trials[:1]))
        self.assertEmpty(agenda.stop_all())

    @parameterized.parameters(*range(10))
    def test_any_order_and_any_interruption_choose_the_same(self, seed):
        """Several at a time, of which some are lost now and then."""
        generator = random.Random(seed)
        trials = make_trials(9)
        scores = {x.name: generator.randrange(4) / 4 for x in trials}
        best = sorted(names(trials), key=lambda x: -scores[x])[:2]
        known, paused, ended, stopped = {}, set(), set(), set()
        while len(ended | stopped) < 9:
            left = [x for x in trials if x.name not in ended | stopped]
            agenda = make_agenda(
                trials, left, scores={"a": dict(known)}, paused=paused
            )
            running = []
            for _ in range(generator.randrange(12)):
                if (job := agenda.take()) is not None:
                    running.append(job)
                if running and generator.random() < 0.6:
                    trial, step = running.pop(generator.randrange(len(running)))
                    paused.discard(trial.name)
                    if step is END:
                        agenda.end(trial)
                        ended.add(trial.name)
                        continue
                    known[trial.name] = scores[trial.name]
                    paused.add(trial.name)
                    gone = set(names(agenda.pause(trial, known[trial.name])))
                    stopped |= gone
                    paused -= gone
                    self.assertLessEqual(len(paused), 2)
        self.assertEqual(ended, set(best))


class SeveralAtATimeTest(parameterized.TestCase):
    def test_who_goes_on_is_known_when_all_have_paused(self):
        trials = make_trials(3)
        agenda = make_agenda(trials)
        for trial in trials:
            self.assertEqual(agenda.take(), (trial, 10))
        self.assertIsNone(agenda.take())
        agenda.pause(trials[2], 0.9)
        agenda.pause(trials[0], 0.8)
        self.assertIsNone(agenda.take())
        self.assertEqual(agenda.pause(trials[1], 0.7), [trials[1]])
        self.assertEqual(agenda.take(), (trials[0], END))
        self.assertEqual(agenda.take(), (trials[2], END))
        self.assertIsNone(agenda.take())

    def test_meanwhile_the_next_recipe_starts(self):
        trials = make_trials(3, "ab")
        agenda = make_agenda(trials)
        for trial in trials[:4]:
            self.assertEqual(agenda.take(), (trial, 10))
        for trial in trials[:3]:
            agenda.pause(trial, 0.5)
        self.assertEqual(agenda.take(), (trials[0], END))

    def test_one_that_ends_before_is_not_waited_for(self):
        trials = make_trials(3)
        agenda = make_agenda(trials)
        for _ in trials:
            agenda.take()
        agenda.end(trials[1])  # It diverged.
        agenda.pause(trials[0], 0.6)
        self.assertEmpty(agenda.pause(trials[2], 0.5))
        self.assertEqual(agenda.take(), (trials[0], END))
        self.assertEqual(agenda.take(), (trials[2], END))


class WorkLeftTest(parameterized.TestCase):
    def test_falls_to_nothing_by_what_is_taken(self):
        trials = make_trials()
        agenda = make_agenda(trials)
        work = [agenda.work_left()]  # 4 quarters, and 2 times 3 quarters.
        while (found := agenda.take()) is not None:
            work.append(agenda.work_left())
            if found[1] is not END:
                agenda.pause(found[0], 0.5)
        self.assertEqual(work, [2.5, 2.25, 2.0, 1.75, 1.5, 0.75, 0.0])
