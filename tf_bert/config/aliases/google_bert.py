"""Flags of Google's BERT, https://github.com/google-research/bert"""

from tf_bert.config.aliases.rows import (
    ONE_FOLDER,
    OtherName,
    refused,
    switch,
)

_SAVED_AT_EVALUATIONS = (
    "The state is saved at every evaluation, and in between by time: pass "
    "--save_every_seconds."
)
_FOUND = "The TPU is found by --tpu_name, its cores too: leave the flag out."

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
    OtherName("iterations_per_loop", "steps_per_loop"),
    switch("use_tpu", "", on={"distribution": "tpu"}, off={}),
    *refused("master", _FOUND, ""),
    *refused("num_tpu_cores", _FOUND),
)
