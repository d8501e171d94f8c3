"""What the program imports, and what it says while it does."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import textwrap

ROOT = pathlib.Path(__file__).parents[1]

PREDICT = """
    import json, sys
    from tf_bert import run

    status = run.main(sys.argv[1:])
    loaded = [name for name, module in sys.modules.items() if module]
    import sklearn, matplotlib  # They can still be imported afterwards.
    print(json.dumps([status, loaded]))
"""

# What other modes need, and prediction does not.
NOT_NEEDED = {
    "IPython",
    "matplotlib",
    "pandas",
    "pyarrow",
    "ray",
    "scipy",
    "sklearn",
    "tensorboard",
    "tensorflow_datasets",
    "torch",
    "tf_bert.adaptation.mixout",
    "tf_bert.baselines",
    "tf_bert.runs.build",
    "tf_bert.baselines.comparison",
    "tf_bert.finetune",
    "tf_bert.inspection",
    "tf_bert.optimization.adam_weight_decay",
    "tf_bert.report",
    "tf_bert.training.training_loop",
    "tf_bert.training.devices.workers",
    "tf_bert.trials",
}


def python(code, *arguments, without=()):
    """Runs code in a process without some variables of the environment."""
    kept = {n: x for n, x in os.environ.items() if n not in without}
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        env={**kept, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_predicting_imports_what_it_needs(finished_run, tmp_path):
    folder = shutil.copytree(finished_run, tmp_path / "run")
    file = tmp_path / "new.csv"
    file.write_text("text\nA good mug.\n", encoding="utf-8")
    process = python(
        PREDICT,
        "--mode=predict",
        f"--output_dir={folder}",
        f"--predict_file={file}",
    )
    assert process.returncode == 0, process.stderr[-3000:]
    status, loaded = json.loads(process.stdout.splitlines()[-1])
    assert status == 0
    assert {"tensorflow", "tf_bert.runs.predictions"} <= set(loaded)
    assert not NOT_NEEDED & set(loaded)


PROGRAM = """
    import tf_bert
    from tf_bert.system import onednn

    onednn.use(None)  # As if nobody had set it.
    tf_bert.AdamWeightDecay
    import tensorflow as tf

    tf.ones([1])
    print(onednn.is_on(), onednn.is_on_by_itself())
"""


def test_a_user_s_program_hears_nothing_of_tensorflow():
    names = ("TF_CPP_MIN_LOG_LEVEL", "TF_ENABLE_ONEDNN_OPTS")
    process = python(PROGRAM, without=names)
    assert (process.returncode, process.stderr) == (0, "")
    # TensorFlow decides on oneDNN as we say that it does.
    is_on, expected = process.stdout.split()
    assert is_on == expected
