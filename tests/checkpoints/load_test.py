import pathlib
import tempfile

import numpy as np
import pytest
import safetensors.numpy
import tensorflow as tf
import tiny_bert
import transformers
from absl.testing import parameterized

from tf_bert.checkpoints import load, names
from tf_bert.models.bert_model import TFBertModel

FIXTURE = pathlib.Path(__file__).parents[2] / "../shared/data/bert_ckpt_fixture"
HEAD = ("classifier/kernel", "classifier/bias")
QUERY = "bert/encoder/layer_0/attention/self/query/kernel"


def make_model(num_labels=3):
    return tiny_bert.tiny_classifier(
        hidden_size=4,
        intermediate_size=6,
        max_position_embeddings=5,
        num_labels=num_labels,
    )


def values(variables):
    return {path: variable.numpy() for path, variable in variables.items()}


class WithCheckpoint(parameterized.TestCase):
    """Variables of a model, and other values for them to write and load."""

    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(
            self.enterContext(tempfile.TemporaryDirectory())
        )
        self.variables = make_model().weights_by_path()
        rng = np.random.default_rng(0)
        self.stored = {
            path: rng.normal(size=variable.shape).astype(np.float32)
            for path, variable in self.variables.items()
        }

    def torch_tensors(self):
        tensors = {}
        for path, array in self.stored.items():
            name, is_transposed = names.torch_name(path)
            array = array.T if is_transposed else array
            tensors[name] = np.ascontiguousarray(array)
        return tensors

    def write(self, tensors, name="model.safetensors"):
        safetensors.numpy.save_file(tensors, self.folder / name)

    def load(self):
        return load.load_weights(self.variables, str(self.folder))

    def assert_loaded(self, but=()):
        for path, array in values(self.variables).items():
            if path not in but:
                np.testing.assert_array_equal(array, self.stored[path], path)


class LoadWeightsTest(WithCheckpoint):
    def test_loads_safetensors(self):
        self.write(self.torch_tensors())
        self.assertEqual(self.load(), load.LoadingReport((), (), ()))
        self.assert_loaded()

    def test_loads_old_names_of_layer_norm(self):
        tensors = {
            name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
                "LayerNorm.bias", "LayerNorm.beta"
            ): array
            for name, array in self.torch_tensors().items()
        }
        self.assertIn("bert.embeddings.LayerNorm.gamma", tensors)
        self.write(tensors)
        self.assertEqual(self.load(), load.LoadingReport((), (), ()))
        self.assert_loaded()

    def test_loads_names_without_the_prefix(self):
        self.write(
            {
                name.removeprefix("bert."): array
                for name, array in self.torch_tensors().items()
                if not name.startswith("classifier.")
            }
        )
        self.assertEqual(self.load(), load.LoadingReport(HEAD, (), ()))
        self.assert_loaded(but=HEAD)

    @parameterized.parameters(True, False)
    def test_loads_tf1(self, has_classifier):
        tensors = {
            f"bert/pooler/dense/{name}": np.ones(4, np.float32)
            for name in ("bias/adam_m", "bias/adam_v")
        }
        tensors["global_step"] = np.int64(9)
        tensors["cls/predictions/output_bias"] = np.ones(20, np.float32)
        for path, array in self.stored.items():
            name, is_transposed = names.tf1_name(path)
            if has_classifier or path not in HEAD:
                tensors[name] = array.T if is_transposed else array
        tf.raw_ops.SaveV2(
            prefix=str(self.folder / "bert_model.ckpt"),
            tensor_names=list(tensors),
            shape_and_slices=[""] * len(tensors),
            tensors=list(tensors.values()),
        )
        missing = () if has_classifier else HEAD
        self.assertEqual(
            self.load(),
            load.LoadingReport(missing, (), ("cls/predictions/output_bias",)),
        )
        self.assert_loaded(but=missing)

    def test_reports_the_head_of_another_task(self):
        tensors = self.torch_tensors()
        for name in ("classifier.weight", "classifier.bias"):
            del tensors[name]
        tensors["cls.predictions.bias"] = np.zeros(20, np.float32)
        tensors["bert.embeddings.position_ids"] = np.arange(5)[None]
        self.write(tensors)
        report = self.load()
        expected = load.LoadingReport(HEAD, (), ("cls.predictions.bias",))
        self.assertEqual(report, expected)
        self.assertEqual(report.new, HEAD)
        self.assert_loaded(but=HEAD)

    def test_a_pooler_may_be_missing(self):
        tensors = self.torch_tensors()
        pooler = ("bert/pooler/dense/kernel", "bert/pooler/dense/bias")
        for path in pooler:
            del tensors[names.torch_name(path).name]
        self.write(tensors)
        self.assertEqual(self.load(), load.LoadingReport(pooler, (), ()))
        self.assert_loaded(but=pooler)

    @parameterized.parameters(np.float16, np.float64)
    def test_other_precisions_become_float32(self, dtype):
        self.stored = {
            path: array.astype(np.float16).astype(np.float32)
            for path, array in self.stored.items()
        }
        self.write(
            {n: a.astype(dtype) for n, a in self.torch_tensors().items()}
        )
        self.load()
        self.assert_loaded()


class BadWeightsTest(WithCheckpoint):
    def assert_refused(self, message):
        before = values(self.variables)
        with self.assertRaisesRegex(ValueError, message):
            self.load()
        for path, array in values(self.variables).items():
            np.testing.assert_array_equal(array, before[path])

    def test_another_shape_names_tensor_and_variable(self):
        tensors = self.torch_tensors()
        name = names.torch_name(QUERY).name
        tensors[name] = np.zeros((4, 3), np.float32)
        self.write(tensors)
        self.assert_refused(
            rf"Received: {name} of shape \(4, 3\) in .*model.safetensors, "
            rf"variable {QUERY} of shape \(4, 4\) \(transposed\)"
        )

    def test_a_missing_layer_is_refused(self):
        self.write(
            {
                name: array
                for name, array in self.torch_tensors().items()
                if ".layer.1." not in name
            }
        )
        self.assert_refused(
            "without bert.encoder.layer.1.attention.self.query.weight and 15 "
            "more"
        )

    def test_one_missing_tensor_is_named(self):
        tensors = self.torch_tensors()
        del tensors["bert.embeddings.LayerNorm.bias"]
        self.write(tensors)
        self.assert_refused(
            "lacks weights .*without bert.embeddings.LayerNorm.bias. Pass"
        )

    @parameterized.parameters(np.nan, np.inf, -np.inf)
    def test_a_value_that_is_not_finite_names_its_tensor(self, value):
        self.stored["bert/encoder/layer_1/output/dense/bias"][2] = value
        self.write(self.torch_tensors())
        with self.assertRaisesRegex(
            ValueError,
            "not finite.*bert.encoder.layer.1.output.dense.bias of "
            ".*model.safetensors",
        ):
            self.load()


class CheckConfigTest(WithCheckpoint):
    def check(self, **changes):
        config = make_model().config
        for name, value in changes.items():
            setattr(config, name, value)
        load.check_config(config, str(self.folder))

    @parameterized.parameters(True, False)
    def test_a_configuration_that_fits_passes(self, has_prefix):
        tensors = self.torch_tensors()
        if not has_prefix:
            tensors = {
                name.removeprefix("bert."): array
                for name, array in tensors.items()
            }
        self.write(tensors)
        self.check()
        self.check(num_labels=7)

    @parameterized.parameters(
        ("vocab_size", 21, r"word_embeddings.weight of shape \(20, 4\)"),
        ("hidden_size", 8, r"word_embeddings.weight of shape \(20, 4\)"),
        ("hidden_size", 10**18, r"word_embeddings.weight of shape \(20, 4\)"),
        ("max_position_embeddings", 4, r"position_embeddings.weight of .*\(5,"),
        ("type_vocab_size", 1, r"token_type_embeddings.weight of .*\(2, 4\)"),
        ("intermediate_size", 4, r"layer.0.intermediate.dense.weight .*\(6, 4"),
        ("num_hidden_layers", 1, "the weights of 2 layers"),
        ("num_hidden_layers", 3, "the weights of 2 layers"),
        ("num_hidden_layers", 10**9, "the weights of 2 layers"),
    )
    def test_a_contradiction_is_named(self, name, value, found):
        self.write(self.torch_tensors())
        with self.assertRaisesRegex(
            ValueError,
            f"`{name}` differs. Received: {name}={value} in the "
            f"configuration, and .*{found}.* in .*model.safetensors",
        ):
            self.check(**{name: value})

    def test_a_missing_embedding_is_named(self):
        tensors = self.torch_tensors()
        del tensors["bert.embeddings.position_embeddings.weight"]
        self.write(tensors)
        with self.assertRaisesRegex(
            ValueError, "without bert.embeddings.position_embeddings.weight"
        ):
            self.check()

    def test_an_embedding_with_one_axis_is_a_contradiction(self):
        tensors = self.torch_tensors()
        tensors["bert.embeddings.word_embeddings.weight"] = np.zeros(
            20, np.float32
        )
        self.write(tensors)
        with self.assertRaisesRegex(ValueError, r"hidden_size=4 .*\(20,\)"):
            self.check()


class ReadConfigTest(WithCheckpoint):
    def write_config(self, text, name="config.json"):
        (self.folder / name).write_text(text, encoding="utf-8")

    @parameterized.parameters("config.json", "bert_config.json")
    def test_reads_either_name(self, name):
        self.write_config('{"hidden_size": 36, "num_hidden_layers": 3}', name)
        config = load.read_config(str(self.folder))
        self.assertIsInstance(config, transformers.BertConfig)
        self.assertEqual(config.hidden_size, 36)
        self.assertEqual(config.num_hidden_layers, 3)

    def test_a_missing_file_is_named(self):
        with self.assertRaisesRegex(
            FileNotFoundError, "no configuration: .*`config.json`.*--init_ch"
        ):
            load.read_config(str(self.folder))

    def test_a_link_that_leads_nowhere_is_named(self, name="config.json"):
        (self.folder / name).symlink_to("gone")
        with self.assertRaisesRegex(
            FileNotFoundError, f"symbolic link .*Received: .*{name} -> gone"
        ):
            load.read_config(str(self.folder))

    @parameterized.parameters("{", "[1]", "", "null", "[" * 100_000)
    def test_what_is_no_json_object_is_refused(self, text):
        self.write_config(text)
        with self.assertRaisesRegex(
            ValueError, "is not a JSON object. Received: .*config.json"
        ):
            load.read_config(str(self.folder))


class LoadingReportTest(parameterized.TestCase):
    def test_logs_what_was_found_and_what_not(self):
        report = load.LoadingReport(("a/b",), ("c/d",), ("e.f", "g.h"))
        with self.assertLogs("absl", "INFO") as logs:
            report.log("some/folder")
        self.assertLen(logs.output, 3)
        self.assertRegex(logs.output[0], "some/folder. Newly drawn: a/b, c/d.")
        self.assertRegex(logs.output[1], "another number of labels")
        self.assertRegex(logs.output[2], "Not used.*e.f, g.h")

    def test_a_perfect_match_takes_one_line(self):
        with self.assertLogs("absl", "INFO") as logs:
            load.LoadingReport((), (), ()).log("some/folder")
        self.assertLen(logs.output, 1)
        self.assertRegex(logs.output[0], "Newly drawn: nothing")


@pytest.mark.large
class GoogleCheckpointTest(parameterized.TestCase):
    def test_every_tensor_is_loaded_or_no_part_of_the_model(self):
        model, info = TFBertModel.from_pretrained(
            str(FIXTURE), seed=0, output_loading_info=True
        )
        self.assertEmpty(info["missing_keys"])
        for name in info["unexpected_keys"]:
            self.assertStartsWith(name, "cls/")
        reader = tf.train.load_checkpoint(str(FIXTURE / "bert_model.ckpt"))
        for path, array in values(model.weights_by_path()).items():
            expected = reader.get_tensor(path.removesuffix("/embeddings"))
            np.testing.assert_array_equal(array, expected, path)
