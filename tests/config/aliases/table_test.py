"""Tests of the tables of tf_bert/config/aliases."""

import collections

from absl.testing import parameterized

from tf_bert.config import Config, all_settings, parse
from tf_bert.config.aliases import groups
from tf_bert.config.aliases.table import PROGRAMS, ROWS

OURS = set(all_settings.SETTINGS)
ALL_ROWS = [row for rows in PROGRAMS.values() for row in rows]
TAKEN = [(row.name, v) for row in ROWS.values() for v in row.values]
REFUSED = [
    name
    for name, row in ROWS.items()
    if not row.ours and not any(row.values.values())
]
# What the issue of these names lists, and the paper's and Google's flags.
EXPECTED = """
model_name_or_path per_device_train_batch_size gradient_accumulation_steps
warmup_ratio max_steps evaluation_strategy eval_strategy do_train do_eval
do_predict overwrite_output_dir data_dir model_type task_name output_dir
config_name tokenizer_name cache_dir max_seq_length do_lower_case save_best
save_last train_batch_size per_gpu_train_batch_size per_gpu_eval_batch_size
learning_rate layerwise_learning_rate_decay weight_decay adam_epsilon
max_grad_norm num_train_epochs warmup_steps weight_logging_steps logging_steps
num_loggings save_steps no_cuda overwrite_cache seed fp16 fp16_opt_level
local_rank server_ip server_port use_bertadam use_torch_adamw
downsample_trainset resplit_val reinit_layers reinit_pooler rezero_layers
mixout prior_weight_decay test_val_split bert_config_file vocab_file
init_checkpoint eval_batch_size predict_batch_size warmup_proportion
save_checkpoints_steps iterations_per_loop use_tpu tpu_name tpu_zone
gcp_project master num_tpu_cores
""".split()


class TableTest(parameterized.TestCase):
    def test_every_name_has_one_row(self):
        counts = collections.Counter(row.name for row in ALL_ROWS)
        self.assertEqual(set(counts.values()), {1})

    def test_names_that_are_ours_too_keep_their_meaning(self):
        for row in ALL_ROWS:
            if row.name in OURS:
                self.assertEqual(row.ours, row.name)

    def test_what_a_name_is_here_exists(self):
        for row in ALL_ROWS:
            named = {row.ours} - {""}
            named |= {n for sets in row.values.values() for n in sets}
            self.assertContainsSubset(named, OURS, row.name)
            if row.group:
                self.assertIn(row.group, groups.SETTINGS)

    @parameterized.parameters(EXPECTED)
    def test_flags_of_other_programs_are_known(self, name):
        self.assertTrue(name in ROWS or name in OURS)

    @parameterized.parameters(TAKEN)
    def test_every_value_that_is_taken_makes_a_configuration(self, name, value):
        given = parse.parse(["--output_dir=x", f"--{name}={value}"])
        self.assertIsInstance(Config(**given), Config)
        sets = ROWS[name].values[value]
        expected = {ours for ours in sets if sets[ours] is not None}
        self.assertContainsSubset(expected, given)

    @parameterized.parameters(REFUSED)
    def test_what_is_refused_says_what_to_do(self, name):
        value = "f" if "true" in ROWS[name].values else "t"
        with self.assertRaises(ValueError) as caught:
            parse.parse(["--output_dir=x", f"--{name}={value}"])
        message = str(caught.exception)
        self.assertStartsWith(message, f"`{name}` must ")
        self.assertRegex(message, f"Received: --{name}={value}")
        self.assertRegex(message, r"\b([Pp]ass|leave|Leave) ")

    def test_some_are_refused(self):
        self.assertNotEmpty(REFUSED)
