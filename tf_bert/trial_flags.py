"""The flags of `--mode=trials` and of its reports: see `flag_table.py`."""

from tf_bert import trial_rules
from tf_bert.flag import Flag

TRIAL_FLAGS = (
    Flag(
        "num_trials",
        int,
        "Trains with so many seeds: --seed, --seed + 1, ... for head, data "
        "and dropout alike. With --mode=trials.",
    ),
    Flag(
        "num_head_seeds",
        int,
        "Instead, with --num_data_seeds: every head seed with every data "
        "seed, which the dropout seed follows (Zhang et al., 2021, "
        "Appendix B).",
    ),
    Flag("num_data_seeds", int, "See --num_head_seeds."),
    Flag(
        "sweep",
        list,
        "name:v1,v2 trains with every value of a flag; given again, with "
        "every combination. Values with commas go as a JSON list, an empty "
        "one leaves the flag out. recipe:zhang,mixout takes flag files of "
        "flags/recipes (or paths) as rows: each as if it were the first "
        "--flagfile, so that what is given beside it counts.",
    ),
    Flag(
        "baseline",
        str,
        "The recipe that all others are compared with, by its label in the "
        "table, such as mixout=0.0. Default: the first.",
    ),
    Flag(
        "trials_save_model",
        trial_rules.SAVED_MODELS,
        "best: the best model of all trials, by validation; without a "
        "validation split, that of the first one. all: each trial's too.",
    ),
    Flag(
        "early_stop_trials",
        str,
        "keep:10,at:0.3 stops all trials of a recipe but its 10 best on "
        "validation, after 0.3 of the training (Dodge et al., 2020). They "
        "are recorded as stopped, and left out of means and tests.",
    ),
    Flag(
        "trial_runner",
        trial_rules.RUNNERS,
        "local: on this machine. ray: on a Ray cluster (pip install "
        "'tf_bert[ray]').",
    ),
    Flag(
        "num_parallel_trials",
        int,
        "Processes of the local runner, which share the processor's "
        "threads. The number of threads may change a result's last digits.",
    ),
    Flag(
        "ray_address",
        str,
        "Of a Ray cluster that is there, such as auto or 10.0.0.1:6379. "
        "Its machines must have tf_bert, and see the files under the same "
        "paths. Default: one is started on this machine.",
    ),
    Flag(
        "num_cpus_per_trial",
        float,
        "That a trial asks Ray for; TensorFlow starts as many threads.",
    ),
    Flag(
        "num_gpus_per_trial",
        float,
        "That a trial asks Ray for. 0: it sees none. 0.5: two share one.",
    ),
    Flag(
        "trials_dirs",
        list,
        "With --mode=report: folders of trials, with commas, for one "
        "report in --output_dir. Default: that of --output_dir itself.",
    ),
)
