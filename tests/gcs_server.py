"""Google Cloud Storage on loopback, in memory, with faults on demand.

TensorFlow's ``gs://`` client has its endpoints compiled in. But its libcurl
honours ``https_proxy`` and ``CURL_CA_BUNDLE``: so this is a proxy that answers
every tunnel to ``*.googleapis.com`` itself, by a certificate of its own.

    with GcsServer(["bucket"]) as server:
        subprocess.run(command, env=os.environ | server.environment)

It knows the part of the JSON API that this client uses to read, write, list
and remove objects; it does not copy or compose them. Real authentication and
permissions are not imitated: a request without the token of `environment` is
refused by 401, and that is all.
"""

import dataclasses
import http.server
import json
import os
import re
import ssl
import tempfile
import threading
import urllib.parse
from collections.abc import Callable, Iterable
from typing import Any

import trustme

_HOSTS = ("www.googleapis.com", "storage.googleapis.com")
_TOKEN = "token-of-the-tests"
_UPDATED = "2026-01-01T00:{:02}:{:02}.{:03}Z"
# Method and path -> kind of the request; the groups are bucket and object.
_ROUTES = (
    ("POST", r"/upload/storage/v1/b/([^/]+)/o", "begin_upload"),
    ("PUT", r"/upload/storage/v1/b/([^/]+)/o", "upload"),
    ("GET", r"/storage/v1/b/([^/]+)", "bucket"),
    ("GET", r"/storage/v1/b/([^/]+)/o", "list"),
    ("GET", r"/storage/v1/b/([^/]+)/o/(.+)", "stat"),
    ("DELETE", r"/storage/v1/b/([^/]+)/o/(.+)", "delete"),
    ("GET", r"/([^/]+)/(.+)", "read"),
)


@dataclasses.dataclass
class Request:
    """One request, as the log keeps it.

    Attributes:
        kind: as in `_ROUTES`; "unknown" for anything else.
        bucket: its name.
        name: of the object, or the prefix of a list.
        status: of the answer; 0 if the connection was dropped.
        first: of a read, the position of the first byte that was sent.
        num_bytes: of a read, how many were sent.
    """

    kind: str
    bucket: str = ""
    name: str = ""
    status: int = 0
    first: int = 0
    num_bytes: int = 0


@dataclasses.dataclass
class Fault:
    """What goes wrong, and when.

    Args:
        kind: of the requests that it meets, as in `Request`; "" meets all.
        name: a regular expression that is found in their `name`.
        status: of the answer, such as 503; 0 drops the connection half way:
            through the body of an upload, through the answer of another.
        after: requests that are let through first.
        times: requests that fail then; None for all.
    """

    kind: str = ""
    name: str = ""
    status: int = 0
    after: int = 0
    times: int | None = 1

    def meets(self, request: Request) -> bool:
        """Returns whether this request fails, and counts it."""
        if self.kind not in ("", request.kind) or self.times == 0:
            return False
        if not re.search(self.name, request.name):
            return False
        if self.after:
            self.after -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True


@dataclasses.dataclass
class _Upload:
    """A resumable upload: not to be seen before it is complete."""

    bucket: str
    name: str
    data: bytes = b""


@dataclasses.dataclass
class _Answer:
    status: int
    body: bytes = b""
    headers: dict[str, str] = dataclasses.field(default_factory=dict)


class GcsServer:
    """The server; a context manager, which starts and stops it.

    Args:
        buckets: their names.
        choose_fault: called with each request, by one thread at a time;
            returns the status of a fault as `Fault.status` has it, None for
            no fault. By default the `faults` are asked in turn.

    Attributes:
        objects: bucket -> name of an object -> content.
        faults: a list to be filled, also while the server runs.
        requests: the log.
        environment: variables that lead TensorFlow here; it must be given
            them before it is imported, for it reads some of them then.
    """

    def __init__(
        self,
        buckets: Iterable[str],
        *,
        choose_fault: Callable[[Request], int | None] | None = None,
    ):
        self.objects: dict[str, dict[str, bytes]] = {b: {} for b in buckets}
        self.faults: list[Fault] = []
        self.requests: list[Request] = []
        self.environment: dict[str, str] = {}
        self.lock = threading.Lock()
        self._choose_fault = choose_fault or self._next_fault
        self._generations: dict[tuple[str, str], tuple[bytes, int]] = {}
        self._uploads: list[_Upload] = []

    def __enter__(self) -> "GcsServer":
        authority = trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*_HOSTS).configure_cert(context)
        self._folder = tempfile.TemporaryDirectory(prefix="gcs_server_")
        bundle = os.path.join(self._folder.name, "authority.pem")
        authority.cert_pem.write_to_path(bundle)
        handler = type("Handler", (_Handler,), {"gcs": self, "tls": context})
        self._server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), handler
        )
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        proxy = f"http://127.0.0.1:{self._server.server_port}"
        self.environment = {
            "https_proxy": proxy,
            "HTTPS_PROXY": proxy,
            "no_proxy": "",
            "CURL_CA_BUNDLE": bundle,
            "GOOGLE_AUTH_TOKEN_FOR_TESTING": _TOKEN,
            "NO_GCE_CHECK": "true",
        }
        return self

    def __exit__(self, *_) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._folder.cleanup()

    def reads(self, bucket: str, name: str) -> list[tuple[int, int]]:
        """Returns `(first, num_bytes)` of the reads of an object, sorted."""
        return sorted(
            (request.first, request.num_bytes)
            for request in self.requests
            if (request.kind, request.bucket) == ("read", bucket)
            and request.name == name
        )

    def answer(
        self, request: Request, query: dict[str, str], handler: "_Handler"
    ) -> _Answer:
        """Answers a request that no fault meets; the lock must be held."""
        if handler.headers["Authorization"] != f"Bearer {_TOKEN}":
            return _Answer(401)
        if request.bucket not in self.objects:
            return _Answer(404)
        method = getattr(self, f"_{request.kind}", None)
        return method(request, query, handler) if method else _Answer(501)

    def fault(self, request: Request) -> int | None:
        """Returns what goes wrong with a request; the lock must be held."""
        return self._choose_fault(request)

    def upload_of(self, query: dict[str, str]) -> _Upload:
        """Returns the upload that a request belongs to."""
        return self._uploads[int(query["upload_id"])]

    def _next_fault(self, request: Request) -> int | None:
        for fault in self.faults:
            if fault.meets(request):
                return fault.status
        return None

    def _metadata(self, bucket: str, name: str) -> dict[str, Any]:
        data = self.objects[bucket][name]
        # Compared by identity: tests put objects in by themselves.
        stored, number = self._generations.get((bucket, name), (None, 0))
        if stored is not data:
            number = len(self.requests) + 1
            self._generations[bucket, name] = (data, number)
        seconds, thousandths = divmod(number, 1000)
        return {
            "kind": "storage#object",
            "bucket": bucket,
            "name": name,
            "size": str(len(data)),
            "generation": str(number),
            "updated": _UPDATED.format(*divmod(seconds, 60), thousandths),
        }

    def _bucket(self, request: Request, query, handler) -> _Answer:
        return _json({"kind": "storage#bucket", "name": request.bucket})

    def _list(self, request: Request, query, handler) -> _Answer:
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter")
        entries = set()
        for name in self.objects[request.bucket]:
            if not name.startswith(prefix):
                continue
            rest = name[len(prefix) :]
            if delimiter and delimiter in rest:
                name = prefix + rest.split(delimiter)[0] + delimiter
                entries.add((name, True))
            else:
                entries.add((name, False))
        start = int(query.get("pageToken", 0))
        end = start + int(query.get("maxResults", 1000))
        page = sorted(entries)[start:end]
        content: dict[str, Any] = {
            "items": [
                self._metadata(request.bucket, name)
                for name, is_prefix in page
                if not is_prefix
            ],
            "prefixes": [name for name, is_prefix in page if is_prefix],
        }
        if end < len(entries):
            content["nextPageToken"] = str(end)
        return _json({key: value for key, value in content.items() if value})

    def _stat(self, request: Request, query, handler) -> _Answer:
        if request.name not in self.objects[request.bucket]:
            return _Answer(404)
        return _json(self._metadata(request.bucket, request.name))

    def _delete(self, request: Request, query, handler) -> _Answer:
        if self.objects[request.bucket].pop(request.name, None) is None:
            return _Answer(404)
        return _Answer(204)

    def _read(self, request: Request, query, handler) -> _Answer:
        if request.name not in self.objects[request.bucket]:
            return _Answer(404)
        data = self.objects[request.bucket][request.name]
        match = re.fullmatch(r"bytes=(\d+)-(\d+)", handler.headers["Range"])
        first, last = int(match[1]), min(int(match[2]), len(data) - 1)
        if first >= len(data):
            return _Answer(416)
        request.first, request.num_bytes = first, last + 1 - first
        span = f"bytes {first}-{last}/{len(data)}"
        return _Answer(206, data[first : last + 1], {"Content-Range": span})

    def _begin_upload(self, request: Request, query, handler) -> _Answer:
        if query["uploadType"] == "media":  # In one request, as markers are.
            self.objects[request.bucket][request.name] = handler.body
            return _json(self._metadata(request.bucket, request.name))
        self._uploads.append(_Upload(request.bucket, request.name))
        number = len(self._uploads) - 1
        place = f"https://{handler.headers['Host']}{handler.path}"
        return _Answer(200, b"", {"Location": f"{place}&upload_id={number}"})

    def _upload(self, request: Request, query, handler) -> _Answer:
        upload = self.upload_of(query)
        # "bytes 0-9/10", or "bytes */10", which asks how much has arrived.
        span = handler.headers.get("Content-Range", "")
        match = re.fullmatch(r"bytes (?:(\d+)-\d+|\*)/(\d+)", span)
        total = int(match[2]) if match else len(handler.body)
        if match is None or match[1]:
            start = int(match[1]) if match else 0
            upload.data = upload.data[:start] + handler.body
        if len(upload.data) < total:
            last = len(upload.data) - 1
            headers = {"Range": f"bytes=0-{last}"} if upload.data else {}
            return _Answer(308, b"", headers)
        self.objects[upload.bucket][upload.name] = upload.data
        return _json(self._metadata(upload.bucket, upload.name))


class _Handler(http.server.BaseHTTPRequestHandler):
    """A connection: first the tunnel of the proxy, then requests in it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # Otherwise each answer waits 40 ms.
    gcs: GcsServer
    tls: ssl.SSLContext
    body = b""

    def do_CONNECT(self) -> None:  # noqa: N802
        if self.path.split(":")[0] not in _HOSTS:
            self.send_error(403)
            return
        self.send_response(200)
        self.end_headers()
        self.connection = self.tls.wrap_socket(
            self.connection, server_side=True
        )
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb")

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except OSError:  # The client is gone, as one that is killed.
            self.close_connection = True

    def handle_expect_100(self) -> bool:
        # The client waits for this a second before it sends a body.
        goes_on = super().handle_expect_100()
        self.wfile.flush()
        return goes_on

    def finish(self) -> None:
        try:
            super().finish()
        except OSError:
            pass
        self.connection.close()

    def do_GET(self) -> None:  # noqa: N802
        request, query = self._request()
        with self.gcs.lock:
            self.gcs.requests.append(request)
            status = self.gcs.fault(request)
        if status == 0 and request.kind in ("upload", "begin_upload"):
            self._drop_upload(request, query)
            return
        self.body = self._read_body()
        if status:
            answer = _Answer(status)
        else:
            with self.gcs.lock:
                answer = self.gcs.answer(request, query, self)
        request.status = 0 if status == 0 else answer.status
        self._send(answer, is_dropped=status == 0)

    do_POST = do_PUT = do_DELETE = do_GET

    def log_message(self, *_) -> None:
        """Says nothing: the requests are in the log of the server."""

    def _request(self) -> tuple[Request, dict[str, str]]:
        path, _, text = self.path.partition("?")
        query = dict(urllib.parse.parse_qsl(text, keep_blank_values=True))
        for method, pattern, kind in _ROUTES:
            match = re.fullmatch(pattern, path)
            if self.command == method and match:
                groups = [urllib.parse.unquote(x) for x in match.groups()]
                given = query.get("name", query.get("prefix", ""))
                name = groups[1] if len(groups) > 1 else given
                return Request(kind, groups[0], name), query
        return Request("unknown", name=path), query

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _drop_upload(self, request: Request, query: dict[str, str]) -> None:
        """Keeps half of the body, as if the rest had not arrived."""
        body = self._read_body()
        if request.kind == "upload" and not self.headers.get(
            "Content-Range", ""
        ).startswith("bytes *"):
            with self.gcs.lock:
                self.gcs.upload_of(query).data = body[: len(body) // 2]
        self.close_connection = True

    def _send(self, answer: _Answer, *, is_dropped: bool) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        # One byte more at least than what a dropped connection brings.
        length = len(answer.body) + (is_dropped and not answer.body)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        if is_dropped:
            self.wfile.write(answer.body[: len(answer.body) // 2])
            self.close_connection = True
        else:
            self.wfile.write(answer.body)
        self.wfile.flush()


def _json(content: dict[str, Any]) -> _Answer:
    body = json.dumps(content).encode()
    return _Answer(200, body, {"Content-Type": "application/json"})
