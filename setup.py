"""Packaging of tf_bert; the settings of the tools are in pyproject.toml."""

import pathlib

import setuptools

# A file of the package, for a notebook installs what of it is missing.
path = pathlib.Path(__file__).parent / "tf_bert" / "requirements.txt"
requirements = [
    line
    for line in path.read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]

setuptools.setup(
    name="tf_bert",
    version="0.1.0",
    description="Fine-tune BERT on small text data, stably.",
    license="Apache-2.0",
    python_requires=">=3.11,<3.14",
    packages=setuptools.find_packages(include=["tf_bert", "tf_bert.*"]),
    package_data={
        "tf_bert": ["requirements.txt"],
        "tf_bert.data": ["product_reviews/*.tsv"],
        "tf_bert.report": ["templates/*"],
    },
    install_requires=requirements,
    extras_require={
        # trustme makes the certificates of the storage that tests serve to
        # TensorFlow's gs:// client on loopback.
        "test": ["pytest", "pytest-xdist", "ruff", "trustme"],
        # The reference of the tests marked `large`, and of benchmarks/. Not
        # in [test]: on many machines this version brings CUDA along.
        "reference": ["torch==2.13.0"],
        # --trial_runner=ray; the tests marked `large` need it too.
        "ray": ["ray>=2.40"],
        # Runs colab/ in a kernel; one of the tests marked `large` does.
        "notebook": ["ipykernel", "nbclient", "nbformat"],
    },
    entry_points={"console_scripts": ["tf_bert=tf_bert.run:main"]},
)
