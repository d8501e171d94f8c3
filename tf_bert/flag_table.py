"""Every flag: its name, its kind and its help; defaults are in `config.py`."""

from tf_bert import config_rules
from tf_bert.device_flags import DEVICE_FLAGS
from tf_bert.flag import Flag
from tf_bert.trial_flags import TRIAL_FLAGS

GROUPS: dict[str, tuple[Flag, ...]] = {
    "What to do": (
        Flag(
            "mode",
            config_rules.MODES,
            "train: fine-tune, evaluate, compare, save. trials: the same with "
            "many seeds and recipes, for statistics. report: a page of tables "
            "and pictures about trials, or about one run. inspect: look at "
            "data, model, memory and time without training. The others use the "
            "finished run in --output_dir, and refuse flags that would mean "
            "nothing there. export: writes saved_model/, which "
            "takes raw texts and needs only TensorFlow and tensorflow-text. "
            "plot: draws the run, finished or not, into plots/.",
        ),
        Flag(
            "output_dir",
            str,
            "Folder of the run. Given again, an interrupted run continues. "
            "Default, with flag files: runs/ and their names, such as "
            "runs/zhang_rte_minilm. --mode=inspect needs none, and writes "
            "inspect.json into one.",
        ),
        Flag(
            "resume",
            config_rules.RESUME,
            "auto: continue a run of the same configuration, or start one. "
            "never: only start. must: only continue.",
        ),
        Flag(
            "overwrite_output_dir",
            bool,
            "Replaces the run that --output_dir holds: removes what that has "
            "written, and nothing else.",
        ),
        Flag("tensorboard", bool, "Writes scalars for TensorBoard."),
        Flag(
            "save_every_seconds",
            float,
            "Saves the state beside the training so often, and at every "
            "evaluation. 0: at evaluations alone.",
        ),
    ),
    "Data": (
        Flag(
            "task_name",
            str,
            "A known task (product_reviews, rte, mrpc, cola, sts-b, sst-2, "
            "qqp, qnli, mnli). Leave out for your own files.",
        ),
        Flag(
            "data_dir",
            str,
            "Folder of the task's files, or of all GLUE. Default: GLUE's tasks "
            "as tensorflow-datasets has them.",
        ),
        Flag(
            "train_file",
            str,
            "File with labels: .csv, .tsv, .txt, .jsonl, each also .gz, or "
            ".parquet; or a pattern: 'data/part-*.csv'.",
        ),
        Flag("validation_file", str, "The same; chooses the checkpoint."),
        Flag("test_file", str, "The same; for the final score alone."),
        Flag(
            "predict_file",
            str,
            "Rows to predict; labels are not needed. -: texts from standard "
            "input, one on a line (with --mode=predict).",
        ),
        Flag(
            "encoding",
            str,
            "Of your text files, such as cp1252. Default: as a byte order mark "
            "says, else UTF-8.",
        ),
        Flag(
            "delimiter",
            str,
            "Of your text files: comma, semicolon, tab, pipe, or a character. "
            "Default: tab for .tsv and .txt, detected for .csv.",
        ),
        Flag(
            "tfds_name",
            str,
            "Any text task of tensorflow-datasets, as name/config; "
            "--text_column and --label_column name its features, where there "
            "is a choice.",
        ),
        Flag(
            "tfds_data_dir",
            str,
            "Where tensorflow-datasets keeps its data. Default: its own, "
            "~/tensorflow_datasets.",
        ),
        Flag(
            "text_column",
            str,
            "Name in the header row; or its number, counted from 1, for files "
            "without a header row.",
        ),
        Flag("text_pair_column", str, "The second text's, for pairs."),
        Flag("label_column", str, "The label's, likewise."),
        Flag(
            "label_names",
            list,
            "Labels in the order of their ids, with commas. Default: those in "
            "the training data, sorted.",
        ),
        Flag(
            "group_column",
            str,
            "Whose rows belong together (a patient, a document): rows with "
            "the same value stay in one split where rows are held out, or "
            "the validation split is cut in half. Copies of a text always do.",
        ),
        Flag(
            "task_type",
            config_rules.TASK_TYPES,
            "regression: labels are numbers on a scale.",
        ),
        Flag(
            "metric",
            str,
            "Chooses the best checkpoint: accuracy, f1, macro_f1, matthews; "
            "spearman, pearson for regression. Default: the task's.",
        ),
        Flag(
            "positive_label",
            str,
            "Of two labels, the one whose F1 and average precision are meant. "
            "Default: the benchmark's of a known task; 1 of 0 and 1, yes, "
            "true, positive or spam; else the rarer one of the training data.",
        ),
        Flag(
            "validation_proportion",
            float,
            "Share of the training rows held out, by class, if there is no "
            "validation file. 0: no validation, the last weights are used.",
        ),
        Flag(
            "test_proportion",
            float,
            "The same for test. 0: no test split.",
        ),
        Flag(
            "split_dev_in_half",
            bool,
            "Of each class of the validation split, half is validation and "
            "half is test (Zhang et al., 2021). Rows are drawn by "
            "--split_seed, so they are others than theirs; scores are one "
            "class. Off: it is left whole.",
        ),
        Flag(
            "max_train_examples",
            int,
            "Trains on so many rows, as many of each class; a class that has "
            "fewer gives all. No other split is ever sampled. 0: all rows.",
        ),
        Flag(
            "max_seq_length",
            int,
            "Tokens that a text, or a pair, is cut to; at most the model's "
            "positions (mostly 512).",
        ),
    ),
    "Model": (
        Flag(
            "init_checkpoint",
            str,
            "minilm-l6, a folder (Hugging Face's or Google's TF1), or a hub id "
            "such as google-bert/bert-base-uncased.",
        ),
        Flag(
            "do_lower_case",
            bool,
            "Default: as the checkpoint says.",
        ),
        Flag(
            "dropout",
            float,
            "Probability of every dropout. 0 turns it off. Default: as the "
            "checkpoint says, mostly 0.1.",
        ),
        Flag(
            "precision",
            config_rules.PRECISIONS,
            "mixed_bfloat16 computes in bfloat16 and keeps float32 weights: "
            "faster on TPUs and recent GPUs.",
        ),
    ),
    "Optimisation": (
        Flag("train_batch_size", int, "Examples of one update, in all."),
        Flag(
            "per_device_train_batch_size",
            int,
            "Instead: examples that one device computes at a time. Times the "
            "devices and --gradient_accumulation_steps it is the batch size.",
        ),
        Flag(
            "gradient_accumulation_steps",
            int,
            "Parts that a batch is computed in, to save memory. The result is "
            "the same. 1 turns it off.",
        ),
        Flag(
            "num_train_epochs",
            float,
            "Length in passes over the data.",
        ),
        Flag("num_train_steps", int, "Instead: length in updates."),
        Flag("learning_rate", float, "Peak learning rate."),
        Flag(
            "lr_schedule",
            config_rules.SCHEDULES,
            "After warm-up: linear or cosine to 0, or constant.",
        ),
        Flag(
            "warmup_proportion",
            float,
            "Share of the updates in which the rate rises from 0. 0: none.",
        ),
        Flag("num_warmup_steps", int, "Instead: the number of them."),
        Flag(
            "weight_decay",
            float,
            "Decoupled, not on biases and LayerNorm. 0 turns it off.",
        ),
        Flag("adam_beta_1", float, "Decay rate of the first moment."),
        Flag("adam_beta_2", float, "Decay rate of the second moment."),
        Flag("adam_epsilon", float, "Added after bias correction."),
        Flag(
            "bias_correction",
            bool,
            "--nobias_correction is BERTAdam, which is unstable on small data "
            "(Zhang et al., 2021).",
        ),
        Flag(
            "max_grad_norm",
            float,
            "Clips the gradient to this global norm. 0 turns it off.",
        ),
        Flag(
            "ema_decay",
            float,
            "Evaluates and keeps an exponential average of the weights, which "
            "keeps so much of itself in each step: min(this, (1 + t) / (10 + "
            "t)) at step t. 0 turns it off.",
        ),
    ),
    "Devices": DEVICE_FLAGS,
    "Stabilisers": (
        Flag(
            "reinit_layers",
            int,
            "Draws so many top blocks afresh, and the pooler. 0: none.",
        ),
        Flag("reinit_pooler", bool, "Draws the pooler afresh, blocks or not."),
        Flag(
            "layerwise_lr_decay",
            float,
            "Each block's rate is this times that of the block above; the top "
            "block has it once, pooler and head have the full rate. 1.0 turns "
            "it off.",
        ),
        Flag(
            "mixout",
            float,
            "Probability that an input unit of a linear layer has its "
            "pretrained weights for a step. Turns every dropout off, which "
            "the saved model's config.json says too. 0 turns it off.",
        ),
        Flag(
            "mixout_gradient",
            config_rules.MIXOUT_GRADIENTS,
            "reference: without the factor 1 / (1 - p) of the derivative, as "
            "the authors' code has it.",
        ),
        Flag(
            "pretrained_weight_decay",
            float,
            "Decoupled decay towards the weights that the run starts from; "
            "not on biases, LayerNorm and a fresh head. --weight_decay, "
            "towards 0, comes on top. 0 turns it off.",
        ),
        Flag(
            "freeze",
            str,
            "Leaves the lower part as it is, without dropout: embeddings, "
            "lower_3 (the embeddings and 3 blocks), encoder (all blocks) or "
            "all_but_head (the pooler too).",
        ),
        Flag(
            "cache_frozen_features",
            bool,
            "Runs the frozen part once for each example, not in every step. "
            "The result is the same but for rounding. Kept in memory; above 1 "
            "GiB, unless all blocks are frozen, in temporary files.",
        ),
        Flag(
            "keep_head",
            bool,
            "Starts with the head of --init_checkpoint, which must have the "
            "same labels. Off: the head is drawn afresh; the pooler stays.",
        ),
    ),
    "Evaluation": (
        Flag("eval_batch_size", int, "Examples; does not change results."),
        Flag(
            "num_evaluations",
            int,
            "Evenly spread over the training; the state is saved at each.",
        ),
        Flag(
            "evaluate_every_steps",
            int,
            "Instead: the updates between two of them.",
        ),
        Flag(
            "evaluate_every_epochs",
            float,
            "Instead: the passes over the data between two of them.",
        ),
        Flag(
            "checkpoint_to_use",
            config_rules.CHECKPOINTS,
            "best on validation, or last.",
        ),
        Flag(
            "early_stopping_patience",
            int,
            "Stops after this many evaluations without a gain. 0: never.",
        ),
        Flag(
            "record_updates",
            bool,
            "Stores how far each step moves each block (updates.npz), for "
            "--mode=plot. Of the word embeddings, the trained rows.",
        ),
        Flag(
            "compare_baselines",
            bool,
            "Compares BERT with the majority class and TF-IDF + linear SVM "
            "(regression: the mean and ridge regression).",
        ),
    ),
    "Seeds": (
        Flag("seed", int, "Default of the next three."),
        Flag("head_seed", int, "Freshly drawn weights."),
        Flag("data_seed", int, "Order of the examples."),
        Flag("dropout_seed", int, "Dropout masks."),
        Flag(
            "split_seed",
            int,
            "Held-out rows. Does not follow --seed: every trial is scored on "
            "the same split.",
        ),
    ),
    "Trials": TRIAL_FLAGS,
}
