"""Flags of Google's BERT, https://github.com/google-research/bert"""

from tf_bert.config.aliases.rows import OtherName, refused, switch

ROWS = (
    OtherName(
        "init_checkpoint",
        "init_checkpoint",
        "May also be the folder that holds bert_model.ckpt.",
    ),
    OtherName(
        "do_lower_case",
        "do_lower_case",
        "Its default is what the checkpoint says; there, on.",
    ),
    *refused(
        "bert_config_file vocab_file",
        "Configuration, vocabulary and weights are those of one folder: pass "
        "--init_checkpoint.",
    ),
    OtherName("predict_batch_size", "eval_batch_size"),
    *refused(
        "save_checkpoints_steps",
        "The state is saved at every evaluation, and in between by time: pass "
        "--save_every_seconds.",
    ),
    OtherName("iterations_per_loop", "steps_per_loop"),
    switch("use_tpu", on={"distribution": "tpu"}, off={}),
)
