"""Calls of `tf_bert.checkpoints.fetch`, each in a process of its own.

The hub's client reads its environment when it is imported, which takes longer
than most calls. One process has imported it, and is forked for each call: the
new one reads the environment of that call.
"""

import importlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Mapping

ROOT = pathlib.Path(__file__).parents[1]


class FetchClient:
    """Starts the process; `close` ends it."""

    def __init__(self, folder: pathlib.Path):
        self._folder = folder
        self._number = 0
        self._server = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            text=True,
        )

    def close(self) -> None:
        self._server.stdin.close()
        self._server.wait()

    def start(self, function: str, args, kwargs, env: Mapping[str, str]):
        """Starts a call, of which `finish` takes what this returns."""
        self._number += 1
        path = str(self._folder / f"call_{self._number}")
        call = {"function": function, "args": args, "kwargs": kwargs}
        request = json.dumps(call | {"env": dict(env), "path": path})
        self._server.stdin.write(f"{request}\n")
        self._server.stdin.flush()
        return path

    def finish(self, path: str) -> tuple[dict, str]:
        """Waits for the end of a process; returns its answer and its log."""
        deadline = time.monotonic() + 60
        while not os.path.exists(f"{path}.json"):
            if time.monotonic() > deadline:
                raise RuntimeError(pathlib.Path(f"{path}.log").read_text())
            time.sleep(0.02)
        answer = json.loads(pathlib.Path(f"{path}.json").read_text())
        return answer, pathlib.Path(f"{path}.log").read_text()


def _call(request: dict) -> dict:
    from absl import logging
    from huggingface_hub import constants

    from tf_bert.checkpoints.fetch import hub, named_models, resolve
    from tf_bert.config import Config
    from tf_bert.runs.run_folder import RunFolder
    from tf_bert.runs.starting_points import StartingPoints

    def fetch(row, **options):
        row = named_models.NamedModel(**row)
        return named_models.fetch_named_model(row, **options)

    def settle(output_dir, init_checkpoint):
        """As a run does when it begins, and when it goes on."""
        config = Config(
            train_file="x.csv",
            output_dir=output_dir,
            init_checkpoint=init_checkpoint,
        )
        folder = RunFolder(output_dir)
        starts = StartingPoints(folder, config)
        settled = starts.settle(config)
        folder.begin(config)
        starts.write()
        return settled.init_checkpoint

    calls = {
        "fetch": fetch,
        "settle": settle,
        "resolve": resolve.resolve,
        "check": hub.check_offers,
    }
    os.environ.clear()
    os.environ.update(request["env"])
    importlib.reload(constants)
    logging.set_verbosity("info")
    function = calls[request["function"]]
    try:
        return {"result": function(*request["args"], **request["kwargs"])}
    except (OSError, ValueError) as error:
        return {"error": type(error).__name__, "message": str(error)}


def _answer(request: dict) -> None:
    """Does one call, in a process of its own, and leaves it."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    path = request["path"]
    os.dup2(os.open(f"{path}.log", os.O_WRONLY | os.O_CREAT), 2)
    answer = _call(request)
    pathlib.Path(f"{path}.tmp").write_text(json.dumps(answer))
    os.rename(f"{path}.tmp", f"{path}.json")


if __name__ == "__main__":
    import huggingface_hub.hf_api  # noqa: F401  Imported lazily otherwise.

    import tf_bert.checkpoints.fetch.resolve  # noqa: F401

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        if os.fork() == 0:
            try:
                _answer(json.loads(line))
            finally:
                os._exit(0)
