"""A machine that the doctor's tests break, as they need it."""

import json
import os
import pathlib
import shutil
import subprocess
from importlib import metadata

import numpy

from tf_bert.doctor import packages

ROOT = pathlib.Path(__file__).parents[1]
SITE_PACKAGES = pathlib.Path(numpy.__file__).parents[1]

# What the doctor asks of TensorFlow; $KERNELS, $GPUS and $CUDA say which it is.
_TENSORFLOW = {
    "tensorflow/__init__.py": """
import os, types

class _Anything:
    def __getattr__(self, name):
        return self

__version__ = "{version}"
distribute = tpu = errors = _Anything()
config = types.SimpleNamespace(
    list_physical_devices=lambda _: range(int(os.environ.get("GPUS", "0")))
)
test = types.SimpleNamespace(is_built_with_cuda=lambda: "CUDA" in os.environ)
""",
    "tensorflow/python/framework/kernels.py": """
import os, types

def get_registered_kernels_for_op(_):
    kernel = ["TPUExecute"] if "KERNELS" in os.environ else []
    return types.SimpleNamespace(kernel=kernel)
""",
    "tensorflow/python/util/_pywrap_util_port.py": """
import os

def IsMklEnabled():
    return os.environ.get("TF_ENABLE_ONEDNN_OPTS") == "1"
""",
    "tensorflow_text/__init__.py": "",
    "keras/__init__.py": "",
    "transformers/models/bert/configuration_bert.py": "",
}


class Machine:
    """A Python of its own, with the packages of this one, to be broken.

    TensorFlow, Keras and transformers are small stand-ins from the start.

    Attributes:
        site: the folder of the packages.
        home: of the user.
    """

    def __init__(self, python: pathlib.Path, folder: pathlib.Path):
        self._python = python
        self.site, self.home = folder / "site", folder / "home"
        self.site.mkdir()
        self.home.mkdir()
        for path in SITE_PACKAGES.iterdir():
            if "__editable__" not in path.name and path.suffix != ".pth":
                (self.site / path.name).symlink_to(path)
        version = metadata.version("tensorflow")
        for name, code in _TENSORFLOW.items():
            self.write(name, code.replace("{version}", version))

    def write(self, name: str, code: str) -> None:
        """Puts a module in the place of one, and makes its package."""
        path = self.site / name
        for parent in path.relative_to(self.site).parents[-2::-1]:
            if (self.site / parent).is_symlink():
                (self.site / parent).unlink()
            (self.site / parent).mkdir(exist_ok=True)
            (self.site / parent / "__init__.py").touch()
        path.write_text(code, encoding="utf-8")

    def remove(self, *names: str) -> None:
        """Takes distributions and modules of a name away."""
        for path in list(self.site.iterdir()):
            base = path.name.partition("-")[0]
            if packages.canonical(base) in map(packages.canonical, names):
                _remove(path)

    def install(self, name: str, version: str, **fields: str | list) -> None:
        """Writes the metadata of a distribution, instead of what is there."""
        for path in self.site.glob("*.dist-info"):
            base = path.name.partition("-")[0]
            if packages.canonical(base) == packages.canonical(name):
                _remove(path)
        lines = [
            "Metadata-Version: 2.1",
            f"Name: {name}",
            f"Version: {version}",
        ]
        for field, values in fields.items():
            values = [values] if isinstance(values, str) else values
            lines += [f"{field.replace('_', '-')}: {x}" for x in values]
        folder = self.site / f"{name.replace('-', '_')}-{version}.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text("\n".join(lines) + "\n", "utf-8")

    def run(self, *arguments: str, **variables: str):
        """Runs Python with the modules of this machine."""
        return subprocess.run(
            [self._python, *arguments],
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.home),
                # The metadata that setup.py leaves in a checkout comes last.
                "PYTHONPATH": f"{self.site}:{ROOT}",
                **variables,
            },
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def doctor(self, *flags: str, **variables: str) -> tuple[int, dict]:
        """Runs the program; returns its status, and subject -> what it says."""
        command = ["-m", "tf_bert.run", "--mode=doctor", "--json", *flags]
        done = self.run(*command, **variables)
        assert done.stdout, done.stderr
        content = json.loads(done.stdout)
        assert content["can_train"] == (done.returncode == 0)
        return done.returncode, {x["check"]: x for x in content["checks"]}

    def check(self, call: str, **variables: str) -> dict:
        """Returns what one check says, as JSON has it."""
        code = (
            "from tf_bert.doctor import doctor_report, network, packages\n"
            "from tf_bert.doctor import tensorflow_check\n"
            f"doctor_report.show([{call}], as_json=True)"
        )
        done = self.run("-c", code, **variables)
        assert done.returncode in (0, 1), done.stderr
        (check,) = json.loads(done.stdout)["checks"]
        return check


def _remove(path: pathlib.Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def only(check: dict) -> dict:
    """Returns the one finding of a check."""
    (finding,) = check["findings"]
    return finding
