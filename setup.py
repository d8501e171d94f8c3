"""Packaging of tf_bert; the settings of the tools are in pyproject.toml."""

import pathlib
import re

import setuptools

# A file of the package, for a notebook installs what of it is missing.
ROOT = pathlib.Path(__file__).parent
path = ROOT / "tf_bert" / "requirements.txt"
requirements = [
    line
    for line in path.read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]
# The page of a package index has no folder `docs/`: of links that lead into
# this repository the text alone is left.
readme = (ROOT / "README.md").read_text(encoding="utf-8")
readme = re.sub(r"\[([^]]+)\]\((?!https?://)[^)]+\)", r"\1", readme)

setuptools.setup(
    name="tf_bert",
    version="0.1.0",
    description="Fine-tune BERT on small text data, stably.",
    long_description=readme,
    long_description_content_type="text/markdown",
    keywords="bert fine-tuning text-classification small-data tensorflow keras",
    classifiers=[
        "Development Status :: 4 - Beta",
        "Environment :: Console",
        "Intended Audience :: Science/Research",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3 :: Only",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Topic :: Text Processing :: Linguistic",
        "Typing :: Typed",
    ],
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.11,<3.14",
    packages=setuptools.find_packages(include=["tf_bert", "tf_bert.*"]),
    package_data={
        "tf_bert": ["py.typed", "requirements.txt"],
        "tf_bert.data": ["product_reviews/*.tsv"],
        "tf_bert.report": ["templates/*"],
        "tf_bert.runs": ["templates/*"],
    },
    install_requires=requirements,
    extras_require={
        # trustme makes the certificates of the storage that tests serve to
        # TensorFlow's gs:// client on loopback.
        "test": ["pytest", "pytest-xdist", "ruff", "trustme"],
        # The reference of the tests marked `large`, and of benchmarks/. Not
        # in [test]: on many machines this version brings CUDA along.
        "reference": ["torch==2.13.0"],
        # `mkdocs build` makes a site of docs/. mkdocs 2 reads other settings.
        "docs": ["mkdocs<2", "mkdocs-material", "mkdocstrings[python]"],
        # --trial_runner=ray; the tests marked `large` need it too.
        "ray": ["ray>=2.40"],
        # Runs colab/ in a kernel; one of the tests marked `large` does.
        "notebook": ["ipykernel", "nbclient", "nbformat"],
    },
    entry_points={"console_scripts": ["tf_bert=tf_bert.run:main"]},
)
