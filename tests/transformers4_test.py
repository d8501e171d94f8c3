"""docs/transformers4.md: each block does the same with transformers 4.

This file is also the program that runs the blocks in an environment with
transformers 4 and tf-keras, where there is no tf_bert.
"""

import fnmatch
import inspect
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
# The library `datasets`, for both worlds, and what our environment lacks.
DATASETS = (
    "datasets==3.6.0",
    "dill==0.3.8",
    "multiprocess==0.70.16",
    "pandas==2.3.3",
    "pytz==2026.6",
    "xxhash==4.1.0",
)
TITLES = (
    "Load and call",
    "BERT without a head",
    "What a model holds",
    "From the hub",
    "Words of one's own",
    "Another number of labels",
    "Train with the labels among the inputs",
    "Train with the labels apart, and weights",
    "Train on a dataset of pairs, with class weights",
    "Train with a loss, the labels among the inputs",
    "Train a regression",
    "Train with a loss, metrics and a dataset",
    "Train on a Dataset of the library `datasets`",
    "Train in a loop of your own, the encoder frozen",
    "Train on parts of a batch, with a schedule of your own",
    "Save, load, predict",
    "Save and load the weights alone",
    "Padding on the left",
)
CREATE_OPTIMIZER = "Train with the labels among the inputs"
TEXTS = [
    f"The mug is {'good' if i % 3 else 'bad, ' * (i % 5 + 1)}."
    for i in range(40)
]
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
    from transformers import AutoTokenizer, TFBertForSequenceClassification

    padded = pad(AutoTokenizer, TFBertForSequenceClassification, folder)
    np.savez(f"{output}/padded.npz", **padded)
    names = json.dumps(public_names())
    pathlib.Path(output, "names.json").write_text(names, encoding="utf-8")


def pad(auto_tokenizer, model_class, folder: str) -> dict[str, np.ndarray]:
    """Returns side of the padding -> the logits of texts."""
    model, logits = model_class.from_pretrained(folder), {}
    for side in ("left", "right"):
        tokenizer = auto_tokenizer.from_pretrained(folder, padding_side=side)
        inputs = tokenizer(TEXTS, padding=True, return_tensors="np")
        logits[side] = model(dict(inputs)).logits.numpy()
    return logits


def public_names() -> list[str]:
    """What transformers 4 has for TensorFlow, of BERT or of any model."""
    import tensorflow as tf
    import transformers
    from transformers import keras_callbacks, optimization_tf

    cls = transformers.TFBertForSequenceClassification
    names = {n for n in dir(cls) if not n.startswith("_")}
    names -= set(dir(tf.keras.Model))
    names |= {"fit", "compile", "save_weights", "load_weights"}
    for method in ("call", "from_pretrained", "save_pretrained"):
        signature = inspect.signature(getattr(cls, method))
        for name, parameter in signature.parameters.items():
            if parameter.kind not in (
                parameter.VAR_POSITIONAL,
                parameter.VAR_KEYWORD,
            ):
                names.add(f"{method}({name}=)")
    for name in dir(transformers):
        if name.startswith(("TFBert", "TFAuto")):
            names.add(name)
    for module in (keras_callbacks, optimization_tf):
        for name, value in vars(module).items():
            if getattr(value, "__module__", "") == module.__name__:
                names.add(name)
    return sorted(names)


def write_checkpoint(folder: str) -> None:
    """Makes a `tf_model.h5` with transformers 4, beside its config.json.

    The hub's cache beside the folder holds a copy of it, as revision "v1".
    """
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
    commit = "0123456789abcdef0123456789abcdef01234567"
    cached = pathlib.Path(f"{folder}_cache", "models--organisation--name")
    shutil.copytree(folder, cached / "snapshots" / commit)
    (cached / "refs").mkdir()
    (cached / "refs" / "v1").write_text(commit)


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
    os.makedirs(output)
    for title in titles:
        given = {
            "folder": str(folder),
            "regression_folder": f"{folder}_regression",
            "texts": TEXTS,
            "labels": np.arange(40) % 3,
            "scores": np.sin(np.arange(40)).astype(np.float32),
            "weights": np.arange(40) % 5 / 2,
            "output_dir": os.path.join(output, "saved"),
            "cache_dir": f"{folder}_cache",
        }
        block = change(blocks[""] + blocks[title])
        path = f"{output}/{TITLES.index(title)}.npz"
        np.savez(path, **run_block(block, given))


# ---- The tests ----


def install(name: str, requirements) -> str:
    """Returns the folder with a few packages, without what they require.

    Installed once per user, into the cache.
    """
    import filelock

    from tf_bert.checkpoints.fetch import named_models

    version = f"py{sys.version_info[0]}{sys.version_info[1]}"
    folder = pathlib.Path(
        named_models.user_cache_dir(), "tests", f"{name}-{version}"
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
    return str(folder)


@pytest.fixture(scope="module")
def datasets_folder() -> str:
    """Where Python finds the library `datasets`."""
    return install("datasets-3.6", DATASETS)


@pytest.fixture(scope="module")
def environment(datasets_folder) -> dict[str, str]:
    """The variables with which Python finds transformers 4 and tf-keras."""
    import tensorflow as tf

    minor = ".".join(tf.__version__.split(".")[:2])
    folder = install(
        f"transformers-4-tf{minor}", [*REQUIREMENTS, f"tf-keras=={minor}.*"]
    )
    return os.environ | {
        "PYTHONPATH": os.pathsep.join([folder, datasets_folder]),
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
def computed(folder, datasets_folder):
    """World -> title of a block -> name -> what it computed."""
    sys.path.append(datasets_folder)
    try:
        run_page(folder, folder.parent / "ours", TITLES, change_import)
    finally:
        sys.path.remove(datasets_folder)
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


def not_here() -> list[str]:
    """The names in the table of the page, a star for any ending."""
    page = PAGE.read_text(encoding="utf-8")
    table = page.partition("## Not here")[2].partition("\n\n## ")[0]
    cells = re.findall(r"^\| (`.*?) \|", table, re.M)
    return re.findall(r"`(.+?)`", "".join(cells))


def is_ours(name: str) -> bool:
    """Whether a name of transformers 4 is here: a method, argument or class."""
    import tf_bert

    cls = tf_bert.TFBertForSequenceClassification
    method, _, argument = name.rstrip("=)").partition("(")
    if argument:
        return argument in inspect.signature(getattr(cls, method)).parameters
    return name in tf_bert.__all__ or hasattr(cls, name)


class TestNames:
    def test_every_name_is_here_or_on_the_page_with_what_to_do(self, folder):
        path = folder.parent / "names.json"
        theirs = json.loads(path.read_text(encoding="utf-8"))
        missing = [name for name in theirs if not is_ours(name)]
        listed = not_here()
        assert len(missing) > 30
        for name in missing:
            assert any(fnmatch.fnmatchcase(name, row) for row in listed), name
        for row in listed:
            assert fnmatch.filter(missing, row), row


class TestPadding:
    def test_its_side_makes_no_difference_here(self, folder):
        import transformers

        import tf_bert

        theirs = np.load(folder.parent / "padded.npz")
        ours = pad(
            transformers.AutoTokenizer,
            tf_bert.TFBertForSequenceClassification,
            str(folder),
        )
        assert theirs["right"].std(axis=0).min() > 1e-4
        for side in ("left", "right"):
            np.testing.assert_allclose(
                ours[side], theirs["right"], rtol=0, atol=1e-6
            )
        # They pool the padding, as the page says.
        assert np.abs(theirs["left"] - theirs["right"]).max() > 1e-2


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
