"""Flags of transformers: `TrainingArguments` and its examples."""

from tf_bert.config.aliases.rows import (
    NO_GPU,
    OtherName,
    Settings,
    refused,
    refused_switches,
    switch,
)


def _metrics() -> dict[str, Settings]:
    """Each metric by its name in transformers, with and without `eval_`."""
    ours = {name: name for name in ("accuracy", "f1", "pearson", "macro_f1")}
    ours |= {"matthews_correlation": "matthews", "spearmanr": "spearman"}
    return {
        prefix + name: {"metric": metric}
        for prefix in ("", "eval_")
        for name, metric in ours.items()
    }


_TWO_WARMUPS = (
    "Of the two, --warmup_ratio counts only if --warmup_steps is 0 or left out."
)

ROWS = (
    OtherName("do_train", "mode", is_switch=True, group="mode"),
    OtherName(
        "do_eval",
        "mode",
        "--mode=train evaluates in any case.",
        is_switch=True,
        group="mode",
    ),
    OtherName(
        "do_predict",
        "mode",
        "Predicts --predict_file, as --mode=train does in any case.",
        is_switch=True,
        group="mode",
    ),
    OtherName(
        "test_file",
        "test_file",
        "With labels, for the final score. Rows to predict: --predict_file.",
    ),
    OtherName("text_column_name", "text_column"),
    OtherName(
        "text_column_names",
        "text_column",
        "One name; the second of a pair is --text_pair_column.",
    ),
    OtherName("label_column_name", "label_column"),
    OtherName("max_length", "max_seq_length"),
    OtherName("model_name_or_path", "init_checkpoint"),
    OtherName(
        "per_device_eval_batch_size",
        "eval_batch_size",
        "Examples of all devices together; it does not change results.",
    ),
    OtherName(
        "max_steps",
        "num_train_steps",
        "0 or less: the length is that in epochs. Of this and "
        "--num_train_epochs the later counts; there, this one.",
        values={
            "-1": {"num_train_steps": None},
            "0": {"num_train_steps": None},
        },
    ),
    OtherName(
        "warmup_steps",
        "num_warmup_steps",
        f"Below 1, a proportion. {_TWO_WARMUPS}",
        group="warmup",
    ),
    OtherName(
        "warmup_ratio", "warmup_proportion", _TWO_WARMUPS, group="warmup"
    ),
    OtherName(
        "lr_scheduler_type",
        "lr_schedule",
        "linear, cosine, constant_with_warmup (our constant), or constant "
        "(our constant, with --warmup_proportion=0).",
        group="warmup",
    ),
    OtherName("adam_beta1", "adam_beta_1"),
    OtherName("adam_beta2", "adam_beta_2"),
    switch(
        "bf16", on={"precision": "mixed_bfloat16"}, off={"precision": "float32"}
    ),
    *refused_switches(
        "fp16",
        "float16 needs loss scaling, which is not there. Pass "
        "--precision=mixed_bfloat16, which needs none.",
    ),
    OtherName(
        "eval_strategy",
        "evaluate_every_epochs",
        "epoch: 1. steps: --evaluate_every_steps of --eval_steps. no: "
        "--num_evaluations=1, for there is always one at the end.",
        group="evaluation",
    ),
    OtherName(
        "evaluation_strategy",
        "evaluate_every_epochs",
        "The older name of --eval_strategy.",
        group="evaluation",
    ),
    OtherName(
        "eval_steps",
        "evaluate_every_steps",
        "Alone, or with --eval_strategy=steps.",
        group="evaluation",
    ),
    OtherName(
        "save_strategy",
        "evaluate_every_epochs",
        "Must be that of evaluation, when the state is saved; or no.",
        group="evaluation",
    ),
    OtherName(
        "save_steps",
        "evaluate_every_steps",
        "Must be --eval_steps, when the state is saved; or 0.",
        group="evaluation",
    ),
    switch(
        "load_best_model_at_end",
        on={"checkpoint_to_use": "best"},
        off={"checkpoint_to_use": "last"},
    ),
    OtherName(
        "metric_for_best_model",
        note="accuracy, f1, matthews_correlation, pearson or spearmanr, with "
        "or without eval_ before it; of these the highest is best. Pass "
        "--metric.",
        values=_metrics(),
    ),
    OtherName(
        "report_to",
        note="Scalars go to TensorBoard, or nowhere: pass --tensorboard or "
        "--notensorboard.",
        values={
            "tensorboard": {"tensorboard": "true"},
            "none": {"tensorboard": "false"},
        },
    ),
    *refused(
        "resume_from_checkpoint",
        "A run continues from its own --output_dir: pass --resume=must, or "
        "nothing.",
    ),
    *refused(
        "validation_split_percentage",
        "Pass --validation_proportion, which is a share: 0.05 for 5.",
    ),
    OtherName(
        "max_train_samples",
        "max_train_examples",
        "As many of each class, drawn by --split_seed; theirs takes the first.",
    ),
    *refused(
        "dataset_name",
        "Data sets of the hub are not read: write the examples to files, and "
        "pass --train_file.",
    ),
    *refused(
        "logging_steps",
        "The training loss is written at every evaluation: pass "
        "--num_evaluations, --evaluate_every_steps or --evaluate_every_epochs.",
        "0",
    ),
    *refused_switches(
        "push_to_hub",
        "Nothing is sent anywhere. The folder model/ in --output_dir is ready "
        "for `hf upload`: leave the flag out.",
    ),
    OtherName(
        "label_smoothing_factor",
        "label_smoothing_factor",
        "Of the training loss alone; there, of that of evaluations too.",
    ),
    *refused_switches(
        "auto_find_batch_size",
        "To save memory, pass --gradient_accumulation_steps, or --remat.",
    ),
    switch("gradient_checkpointing", on={"remat": "true"}, off={}),
    *refused_switches("use_cpu", NO_GPU),
)
