"""docs/transformers4.md: each block does the same with transformers 4.

This file is also the program that runs the blocks in an environment with
transformers 4 and tf-keras, where there is no tf_bert.
"""

import json
import os
import pathlib
import re
import runpy
import shutil
import subprocess
import sys

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).parents[1]
PAGE = ROOT / "docs" / "transformers4.md"

# TensorFlow and what else our environment has is shared.
REQUIREMENTS = (
    "transformers==4.57.6",
    "tokenizers==0.22.2",
    "huggingface_hub==0.36.2",
)
TITLES = (
    "Load and call",
    "BERT without a head",
    "Another number of labels",
    "Train with the labels among the inputs",
    "Train with the labels apart, and weights",
    "Train on a dataset of pairs, with class weights",
    "Train with a loss, the labels among the inputs",
    "Train a regression",
    "Train with a loss, metrics and a dataset",
    "Train in a loop of your own, the encoder frozen",
    "Save, load, predict",
)
CREATE_OPTIMIZER = TITLES[3]
SCRIPT = ROOT / "benchmarks" / "write_tf_model_h5.py"

pytestmark = pytest.mark.large


def read_blocks() -> dict[str, str]:
    """Returns title of the section -> its Python block; "" is the first."""
    blocks, title = {}, ""
    for match in re.finditer(
        r"^## ([^\n]*)$|^```python\n(.*?)^```",
        PAGE.read_text(encoding="utf-8"),
        re.M | re.S,
    ):
        if match[1]:
            title = match[1]
        else:
            blocks[title] = match[2]
    return blocks


def change_import(block: str) -> str:
    """Does what the page says: changes the import line, nothing else."""
    return re.sub(
        r"^from transformers import (?!AutoTokenizer)",
        "from tf_bert import ",
        block,
        flags=re.M,
    )


# ---- What runs in a process of its own ----


def run_transformers_4(folder: str, output: str) -> None:
    """Writes checkpoints, then runs the page on them.

    Args:
        folder: with a configuration and a tokenizer; that of the regression
            stands beside it. Each gets a `tf_model.h5`.
        output: a folder for each form of checkpoint that transformers 4
            writes, and one for each way to place epsilon.
    """
    for path in (folder, f"{folder}_regression"):
        write_checkpoint(path)
    os.mkdir(f"{output}/written")
    sys.argv = [str(SCRIPT), f"{output}/written", "--all"]
    runpy.run_path(str(SCRIPT), run_name="__main__")
    run_page(folder, f"{output}/as shipped", [CREATE_OPTIMIZER])
    put_our_epsilon_into_theirs()
    run_page(folder, f"{output}/our epsilon", TITLES)


def write_checkpoint(folder: str) -> None:
    """Makes a `tf_model.h5` with transformers 4, beside its config.json."""
    import transformers

    config = transformers.BertConfig.from_pretrained(folder)
    model = transformers.TFBertForSequenceClassification(config)
    model(model.dummy_inputs)
    rng = np.random.default_rng(0)
    for variable in model.weights:
        # Near the values of real checkpoints, but none is exactly 0 or 1.
        noise = rng.normal(scale=0.05, size=variable.shape)
        variable.assign(("gamma" in variable.name) + noise.astype(np.float32))
    model.save_pretrained(folder)


def put_our_epsilon_into_theirs() -> None:
    """Makes transformers' Adam add epsilon after bias correction.

    Keras 2 divides by sqrt(v) + epsilon_hat and multiplies the rate by
    sqrt(1 - beta_2^t); ours is epsilon_hat = epsilon * sqrt(1 - beta_2^t).
    """
    import tensorflow as tf
    from transformers.optimization_tf import AdamWeightDecay

    prepare = AdamWeightDecay._prepare_local

    def prepare_local(self, device, dtype, state):
        prepare(self, device, dtype, state)
        values = state[device, dtype]
        values["epsilon"] *= tf.sqrt(1 - values["beta_2_power"])

    AdamWeightDecay._prepare_local = prepare_local


def run_block(block: str, given: dict) -> dict[str, np.ndarray]:
    """Runs one block; returns what it computed, by name."""
    names = dict(given)
    exec(compile(block, str(PAGE), "exec"), names)
    found = {
        name: np.asarray(value)
        for name, value in names.items()
        if isinstance(value, np.ndarray | list) and name not in given
    }
    if "history" in names:
        for name, values in names["history"].history.items():
            found[f"history/{name}"] = np.asarray(values)
    for variable in getattr(names.get("model"), "weights", ()):
        name = getattr(variable, "path", variable.name)
        # "tf_bert_.../bert/...:0", and Keras 3's seeds beside the weights.
        match = re.search(r"(?:^|/)((?:bert|classifier)/.*?)(?::0)?$", name)
        if match:
            path = match[1].replace("layer_._", "layer_")
            path = path.replace(
                "word_embeddings/weight", "word_embeddings/embeddings"
            )
            found[f"weights/{path}"] = variable.numpy()
    return found


def run_page(folder, output, titles, change=str) -> None:
    """Runs blocks, changed by a function; writes what they computed."""
    blocks = read_blocks()
    texts = [
        f"The mug is {'good' if i % 3 else 'bad, ' * (i % 5 + 1)}."
        for i in range(40)
    ]
    os.makedirs(output)
    for title in titles:
        given = {
            "folder": str(folder),
            "regression_folder": f"{folder}_regression",
            "texts": texts,
            "labels": np.arange(40) % 3,
            "scores": np.sin(np.arange(40)).astype(np.float32),
            "weights": np.arange(40) % 5 / 2,
            "output_dir": os.path.join(output, "saved"),
        }
        block = change(blocks[""] + blocks[title])
        path = f"{output}/{TITLES.index(title)}.npz"
        np.savez(path, **run_block(block, given))


# ---- The tests ----


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    """The variables with which Python finds transformers 4 and tf-keras.

    Installed once per user, into the cache.
    """
    import filelock
    import tensorflow as tf

    from tf_bert.checkpoints.fetch import named_models

    minor = ".".join(tf.__version__.split(".")[:2])
    requirements = [*REQUIREMENTS, f"tf-keras=={minor}.*"]
    version = f"py{sys.version_info[0]}{sys.version_info[1]}-tf{minor}"
    folder = pathlib.Path(
        named_models.user_cache_dir(), "tests", f"transformers-4-{version}"
    )
    folder.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(f"{folder}.lock"):
        if not folder.exists():
            partial = folder.with_name(f"{folder.name}.partial")
            shutil.rmtree(partial, ignore_errors=True)
            command = [sys.executable, "-m", "pip", "install", "--quiet"]
            command += ["--no-deps", f"--target={partial}", *requirements]
            subprocess.run(command, check=True)
            partial.rename(folder)
    return os.environ | {
        "PYTHONPATH": str(folder),
        "TF_USE_LEGACY_KERAS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }


@pytest.fixture(scope="module")
def folder(environment, tiny_checkpoint, tmp_path_factory) -> pathlib.Path:
    """A checkpoint with a tokenizer; beside it is what transformers 4 did."""
    path = tmp_path_factory.mktemp("transformers4") / "checkpoint"
    config = json.loads(
        pathlib.Path(tiny_checkpoint, "config.json").read_text(encoding="utf-8")
    )
    config |= {
        "hidden_size": 32,
        "num_hidden_layers": 1,
        "intermediate_size": 64,
        "initializer_range": 0.02,
    }
    for name, labels in ((path.name, "abc"), (f"{path.name}_regression", "s")):
        config["id2label"] = {str(i): label for i, label in enumerate(labels)}
        config["label2id"] = {label: i for i, label in enumerate(labels)}
        copy = shutil.copytree(tiny_checkpoint, path.with_name(name))
        (copy / "model.safetensors").unlink()
        text = json.dumps(config)
        (copy / "config.json").write_text(text, encoding="utf-8")
    result = subprocess.run(
        [sys.executable, __file__, str(path), str(path.parent)],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    return path


@pytest.fixture(scope="module")
def computed(folder):
    """World -> title of a block -> name -> what it computed."""
    run_page(folder, folder.parent / "ours", TITLES, change_import)
    worlds = {}
    for world in ("ours", "as shipped", "our epsilon"):
        paths = {
            title: folder.parent / world / f"{number}.npz"
            for number, title in enumerate(TITLES)
        }
        worlds[world] = {
            title: dict(np.load(path))
            for title, path in paths.items()
            if path.exists()
        }
    return worlds


def weights_apart(ours, theirs):
    """Returns the largest difference of a weight, key biases left out.

    Their gradient is exactly zero, so what moves them is rounding noise.
    """
    assert set(ours) == set(theirs)
    return max(
        np.abs(ours[name] - theirs[name]).max()
        for name in ours
        if name.startswith("weights/") and "self/key/bias" not in name
    )


class TestPage:
    def test_every_block_is_run(self):
        blocks = read_blocks()
        assert tuple(blocks) == ("", *TITLES)
        for title in TITLES:
            assert change_import(blocks[title]) != blocks[title]

    def test_checkpoint_is_a_tf_model_h5(self, folder):
        assert (folder / "tf_model.h5").exists()
        assert not list(folder.glob("*.safetensors"))

    @pytest.mark.parametrize("title", TITLES)
    def test_a_block_computes_the_same(self, computed, title):
        ours = computed["ours"][title]
        theirs = computed["our epsilon"][title]
        assert set(ours) == set(theirs)
        assert ours
        for name, values in theirs.items():
            if "self/key/bias" not in name:
                np.testing.assert_allclose(
                    ours[name], values, rtol=0, atol=1e-5, err_msg=name
                )

    def test_training_moves_the_weights(self, computed):
        before = computed["ours"][TITLES[0]]
        after = computed["ours"][CREATE_OPTIMIZER]
        for name in before:
            if name.startswith("weights/") and "self/key/bias" not in name:
                moved = np.abs(after[name] - before[name]).max()
                assert moved > 1e-4, name

    def test_as_shipped_only_epsilon_differs(self, computed):
        ours = computed["ours"][CREATE_OPTIMIZER]
        apart = {
            world: weights_apart(ours, computed[world][CREATE_OPTIMIZER])
            for world in computed
            if world != "ours"
        }
        for world, difference in apart.items():
            print(f"\nAfter 20 steps, {world}: {difference:.1e} apart")
        assert apart["our epsilon"] < 1e-5
        assert 1e-5 < apart["as shipped"] < 1e-3


@pytest.fixture(scope="module")
def written(folder) -> pathlib.Path:
    """A folder with every form that transformers 4 writes."""
    return folder.parent / "written"


class TestWrittenCheckpoints:
    @pytest.mark.parametrize("form", ["whole", "sharded"])
    def test_the_kept_files_are_what_the_script_writes(self, written, form):
        from tf_bert.checkpoints import formats

        kept = ROOT / "tests" / "checkpoints" / "transformers_4"
        new = formats.open_weights(str(written / form))
        old = formats.open_weights(str(kept / form))
        assert new.shapes == old.shapes
        for name in new.shapes:
            np.testing.assert_array_equal(new.read(name), old.read(name))
        np.testing.assert_allclose(
            np.load(written / "logits.npy"),
            np.load(kept / "logits.npy"),
            rtol=0,
            atol=1e-5,
        )

    @pytest.mark.parametrize(
        "form", ["whole", "sharded", "renamed", "safetensors"]
    )
    def test_every_form_of_a_classifier_is_read(self, written, form):
        from tf_bert import TFBertForSequenceClassification

        model, info = TFBertForSequenceClassification.from_pretrained(
            str(written / form), output_loading_info=True
        )
        assert not any(info.values()), info
        logits = model(np.array([[2, 5, 6, 3], [2, 7, 3, 0]])).logits
        expected = np.load(written / "logits.npy")
        np.testing.assert_allclose(logits, expected, rtol=0, atol=1e-5)

    @pytest.mark.parametrize("form", ["bare", "bare_sharded"])
    def test_every_form_of_a_bare_model_is_read(self, written, form):
        from tf_bert import TFBertForSequenceClassification, TFBertModel

        _, info = TFBertModel.from_pretrained(
            str(written / form), output_loading_info=True
        )
        assert not any(info.values()), info
        _, info = TFBertForSequenceClassification.from_pretrained(
            str(written / form), output_loading_info=True
        )
        assert info["missing_keys"] == ["classifier/kernel", "classifier/bias"]


if __name__ == "__main__":
    run_transformers_4(*sys.argv[1:])
