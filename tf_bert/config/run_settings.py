"""Settings of what to do, and where."""

import dataclasses

from tf_bert.config.setting import MODES, Changes, setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunSettings:
    """The group "What to do"."""

    mode: str = setting(
        "train",
        "train: fine-tune, evaluate, compare, save. trials: the same with "
        "many seeds and recipes, for statistics. report: a page of tables and "
        "pictures about trials, or about one run. inspect: look at data, "
        "model, memory and time without training. The others use the finished "
        "run in --output_dir, and refuse flags that would mean nothing there. "
        "export: writes saved_model/, which takes raw texts and needs only "
        "TensorFlow and tensorflow-text.",
        choices=MODES,
        changes=Changes.PLACES,
        modes=MODES,
    )

    output_dir: str | None = setting(
        None,
        "Folder of the run. Given again, an interrupted run continues. "
        "Default, with flag files: runs/ and their names, such as "
        "runs/zhang_rte_minilm. --mode=inspect needs none, and writes "
        "inspect.json into one.",
        changes=Changes.PLACES,
        modes=MODES,
    )

    resume: str = setting(
        "auto",
        "What to do about a run that is there. auto: continue it if its "
        "configuration is the same, or start one. never: only start. must: "
        "only continue.",
        choices=("auto", "never", "must"),
        changes=Changes.PLACES,
    )

    overwrite_output_dir: bool = setting(
        False,
        "Replaces the run that --output_dir holds: removes what that has "
        "written, and nothing else.",
        changes=Changes.PLACES,
    )

    tensorboard: bool = setting(
        True,
        "Writes scalars for TensorBoard.",
        changes=Changes.PLACES,
    )

    save_every_seconds: float = setting(
        60.0,
        "Seconds between two saved states; there is one at every evaluation "
        "too. 0: at evaluations alone.",
        at_least=0,
        at_most=1e6,
        changes=Changes.SPEED,
        is_restarted=True,
    )
