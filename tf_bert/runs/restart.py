"""Another training with the parts of one that is built, and their trace."""

import dataclasses

from tf_bert.config import Config
from tf_bert.config.all_settings import SETTINGS
from tf_bert.runs.build import Run
from tf_bert.runs.classifier import reload_classifier
from tf_bert.runs.schedule import make_schedule


def can_restart(run: Run, config: Config) -> bool:
    """Whether `restart` takes a configuration."""
    config = _settled(run, config)
    old, new = run.config.as_dict(), config.as_dict()
    # What was newly drawn must not be frozen, which `build` checks.
    if config.freeze is not None and (
        config.reinit_layers != run.config.reinit_layers
        or config.reinit_pooler != run.config.reinit_pooler
    ):
        return False
    return all(
        setting.can_restart or old[name] == new[name]
        for name, setting in SETTINGS.items()
    )


def restart(run: Run, config: Config) -> Run:
    """Brings a run to the start of another training, without a new trace.

    The result is, bit for bit, what `build` returns for the configuration;
    the run that was given must not be used any more.
    """
    if not can_restart(run, config):
        raise ValueError(
            "A run can be restarted with other seeds, rates and lengths alone. "
            "Received: another model, data or optimizer. Call `build`."
        )
    config = _settled(run, config)
    classifier = reload_classifier(run.classifier, config)
    if run.embedding_rows is not None:
        run.embedding_rows.read()
    if run.mixout is not None:
        run.mixout.take_targets()
    run.optimizer.restart()
    if run.recorder is not None:
        run.recorder.restart()
    if run.average is not None:
        run.average.restart()
    return dataclasses.replace(
        run,
        config=config,
        classifier=classifier,
        schedule=make_schedule(
            config, run.tokenized["train"], classifier.strategy
        ),
    )


def _settled(run: Run, config: Config) -> Config:
    """A configuration with the positive label of the run's data, if none."""
    if config.positive_label is not None:
        return config
    return dataclasses.replace(config, positive_label=run.config.positive_label)
