"""Flags of Google's BERT, https://github.com/google-research/bert"""

from tf_bert.flag_aliases.rows import (
    ONE_FOLDER,
    OtherName,
    refused,
    refused_switches,
)

_SAVED_AT_EVALUATIONS = (
    "The state is saved at every evaluation: pass --num_evaluations, "
    "--evaluate_every_steps or --evaluate_every_epochs."
)
_NO_TPU = "Training on TPUs is not there yet: leave the flag out."

ROWS = (
    OtherName(
        "init_checkpoint",
        "init_checkpoint",
        "The folder that holds bert_model.ckpt too.",
    ),
    OtherName(
        "do_lower_case",
        "do_lower_case",
        "The default is what the checkpoint says; there, on.",
    ),
    *refused("bert_config_file vocab_file", ONE_FOLDER),
    OtherName("predict_batch_size", "eval_batch_size"),
    *refused("save_checkpoints_steps", _SAVED_AT_EVALUATIONS),
    *refused(
        "iterations_per_loop",
        "Steps are not run in loops yet: leave the flag out.",
        "1",
    ),
    *refused_switches("use_tpu", _NO_TPU),
    *refused("tpu_name tpu_zone gcp_project master", _NO_TPU, ""),
    *refused("num_tpu_cores", _NO_TPU),
)
