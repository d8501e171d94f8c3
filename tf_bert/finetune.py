"""The main path: fine-tunes BERT once, from files to a finished folder.

Read from the top: `fine_tune` is the whole run as a sequence of named calls.
"""

from typing import Any

from absl import logging

from tf_bert.config import Config
from tf_bert.runs import build, run_results, training_run
from tf_bert.runs.run_store import open_store


def fine_tune(config: Config) -> dict[str, Any]:
    """Trains, evaluates, compares with the baselines, saves.

    Given again, a run that was interrupted continues from its last saved
    state, and one that has ended returns its result.

    Args:
        config: with `mode` train.

    Returns:
        What `all_results.json` holds.

    Raises:
        ValueError, FileNotFoundError, FileExistsError: if a file, flag or
            checkpoint is wrong, or `output_dir` is in use; found before
            anything is trained or written.
    """
    with open_store(config) as store:
        # 1. The folder: new, to be continued, or finished already.
        results = store.finished_results()
        if results is not None:
            return results

        # 2. Everything that can be wrong with files and flags is found here.
        data = store.read_data()
        run = build.build(store.config, data, strategy=store.strategy)
        results = store.begin(run)
        if results is not None:
            return results

        # 3. Training, from step 0 or from the last saved state.
        checkpoints = store.checkpoints()
        progress = training_run.train(run, checkpoints)

        # 4. The chosen checkpoint, on every split.
        if progress.best_step and config.checkpoint_to_use == "best":
            checkpoints.load_best(run)
            chosen_step = progress.best_step
        else:
            run.use_scored_weights()
            chosen_step = progress.step
        logging.info("Using the weights after step %d.", chosen_step)
        evaluations = training_run.evaluate_splits(run)
        store.write_predictions(run)

        # 5. What follows from it, and everything that is kept.
        results = run_results.results_of(
            run, evaluations, num_steps=progress.step, chosen_step=chosen_step
        )
        return store.keep(run, checkpoints, evaluations, results)
