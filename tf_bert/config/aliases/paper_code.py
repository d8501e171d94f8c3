"""Flags of the paper's code that are not those of transformers.

Source: Zhang et al., 2021, https://github.com/asappresearch/revisit-bert-finetuning
"""

from tf_bert.config.aliases.rows import (
    NO_GPU,
    OtherName,
    refused,
    refused_switches,
    switch,
)

ROWS = (
    *refused("model_type", "Only BERT is there: leave the flag out.", "bert"),
    OtherName(
        "train_batch_size",
        "train_batch_size",
        "Here all examples of one update; there those of one part. Multiply "
        "it by --gradient_accumulation_steps.",
    ),
    OtherName("per_gpu_train_batch_size", "per_device_train_batch_size"),
    OtherName(
        "per_gpu_eval_batch_size",
        "eval_batch_size",
        "Examples of all devices together; it does not change results.",
    ),
    OtherName(
        "use_torch_adamw",
        "bias_correction",
        "Wins over --use_bertadam.",
        is_switch=True,
        group="adam",
    ),
    OtherName(
        "use_bertadam",
        "bias_correction",
        "Is --nobias_correction.",
        is_switch=True,
        group="adam",
    ),
    OtherName(
        "num_loggings",
        "num_evaluations",
        "0: as if left out.",
        values={"0": {"num_evaluations": None}},
    ),
    switch("save_best", on={"checkpoint_to_use": "best"}, off={}),
    switch("save_last", on={"checkpoint_to_use": "last"}, off={}),
    OtherName(
        "reinit_pooler",
        "reinit_pooler",
        "Implied by --reinit_layers here; there it must be given beside it.",
        is_switch=True,
    ),
    OtherName(
        "mixout",
        "mixout",
        "Their gradient is that of --mixout_gradient=reference.",
    ),
    OtherName(
        "layerwise_learning_rate_decay",
        "layerwise_lr_decay",
        "There, below 1, it exempts pooler and head from weight decay too.",
    ),
    OtherName(
        "weight_decay",
        "weight_decay",
        "There it does nothing by itself: it is set to 0 without a word. Pass "
        "--weight_decay=0 for the same.",
    ),
    OtherName(
        "prior_weight_decay",
        "pretrained_weight_decay",
        "Its strength is that of --weight_decay, which is then 0. There a "
        "new head is pulled to its start too.",
        is_switch=True,
        group="prior",
    ),
    OtherName(
        "downsample_trainset",
        "max_train_examples",
        "The dev set is left as it is; theirs cut that of STS-B too.",
        {"-1": {"max_train_examples": "0"}},
    ),
    OtherName(
        "test_val_split",
        "split_dev_in_half",
        "The rule is the same, the examples drawn are others.",
        is_switch=True,
    ),
    *refused(
        "resplit_val",
        "Pass --split_seed, which draws the examples that are held out.",
        "0",
    ),
    *refused_switches("no_cuda", NO_GPU),
)
