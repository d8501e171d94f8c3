"""Packaging of tf_bert; the settings of the tools are in pyproject.toml."""

import setuptools

setuptools.setup(
    name="tf_bert",
    version="0.1.0",
    description="Fine-tune BERT on small text data, stably.",
    license="Apache-2.0",
    python_requires=">=3.11,<3.14",
    packages=setuptools.find_packages(include=["tf_bert", "tf_bert.*"]),
    package_data={
        "tf_bert.data": ["product_reviews/*.tsv"],
        "tf_bert.report": ["templates/*"],
    },
    install_requires=[
        "absl-py>=1.4",
        "filelock",
        "h5py",
        "huggingface_hub",
        # tensorflow-datasets 4.9.10 imports it and does not ask for it.
        "importlib_resources",
        # Writes the page of --mode=report.
        "jinja2>=3.1",
        "keras>=3.12",
        # Draws the pictures of --mode=plot and --mode=report; 3.10 has boxes
        # that lie.
        "matplotlib>=3.10",
        "ml_dtypes",
        "numpy",
        "optree",
        # Reads .parquet files.
        "pyarrow>=16",
        # The table on the terminal while trials run; Keras has it too.
        "rich",
        "safetensors",
        "scikit-learn",
        "scipy",
        # TensorFlow 2.21 no longer brings it, and tf.summary needs it.
        "tensorboard",
        "tensorflow>=2.20,<2.22",
        "tensorflow-datasets>=4.9.10",
        "tensorflow-text>=2.20,<2.22",
        "tqdm",
        "transformers>=5,<6",
    ],
    extras_require={
        # trustme makes the certificates of the storage that tests serve to
        # TensorFlow's gs:// client on loopback.
        "test": ["pytest", "pytest-xdist", "ruff", "trustme"],
        # The reference of the tests marked `large`, and of benchmarks/. Not
        # in [test]: on many machines this version brings CUDA along.
        "reference": ["torch==2.13.0"],
        # --trial_runner=ray; the tests marked `large` need it too.
        "ray": ["ray>=2.40"],
    },
    entry_points={"console_scripts": ["tf_bert=tf_bert.run:main"]},
)
