"""Whether the package index answers, and whether proxies are right."""

import os
import socket
import sys
import urllib.parse
from collections.abc import Iterator

from tf_bert.doctor import child_process
from tf_bert.doctor.check_result import WARNING, Check, Finding

_SECONDS = 30.0
_WAIT_SECONDS = 5  # For a connection.
_PROXIES = ("https_proxy", "http_proxy", "all_proxy")
_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
_NO_ADDRESS = "it is no address such as http://host:3128"
# Files of certificates for Python's, curl's (TensorFlow's) and pip's clients.
_CERTIFICATES = (
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "PIP_CERT",
)


def check_index(package: str) -> Check:
    """Asks the package index, as pip is set up, for a package."""
    outcome = child_process.run_command(
        # -I: not for modules of the working directory.
        [sys.executable, "-I", "-m", "pip", "index", "versions", package]
        + [f"--timeout={_WAIT_SECONDS}", "--retries=0", "--no-input"]
        + ["--disable-pip-version-check"],
        seconds=_SECONDS,
    )
    findings: tuple[Finding, ...] = ()
    if "No module named pip" in outcome.errors:
        findings = (
            Finding(
                WARNING,
                f"{sys.executable} has no pip.",
                "What is missing cannot be installed, nor a named model "
                "fetched from the package index.",
                f"{sys.executable} -m ensurepip",
            ),
        )
    elif outcome.status != 0:
        lines = [x for x in outcome.errors.splitlines() if "ERROR" in x]
        reason = _without_passwords((lines or [outcome.end])[-1])
        findings = (
            Finding(
                WARNING,
                f"The package index does not give {package}.",
                f"pip says: {reason}. Nothing can be installed or mended from "
                "it.",
                f"pip index versions {package} -v",
            ),
        )
    return Check("index", f"pip finds {package}", findings)


def check_proxies() -> Check:
    """Looks at the variables through which clients of the network go."""
    findings = [*_proxies(), *_certificates()]
    used = [name for name in _PROXIES if _value(name)]
    summary = f"through {', '.join(used)}" if used else "no proxy is set"
    return Check("proxy", summary, tuple(findings))


def _value(name: str) -> str | None:
    """The value of a variable; most clients prefer the small letters."""
    return os.environ.get(name) or os.environ.get(name.upper())


def _proxies() -> Iterator[Finding]:
    answers: dict[str, str] = {}
    for name in _PROXIES:
        small, large = os.environ.get(name), os.environ.get(name.upper())
        if small and large and small != large:
            yield Finding(
                WARNING,
                f"{name} and {name.upper()} differ: "
                f"{_without_passwords(small)}, {_without_passwords(large)}.",
                "Some clients take the one, some the other.",
                f"export {name.upper()}=${name}",
            )
        if not (small or large):
            continue
        proxy = small or large
        if proxy not in answers:
            answers[proxy] = _refusal(proxy)
        if answers[proxy]:
            yield Finding(
                WARNING,
                f"{name}={_without_passwords(proxy)} cannot be used: "
                f"{answers[proxy]}.",
                "The hub, the package index and gs:// are asked through it.",
                f"unset {name} {name.upper()}",
            )


def _refusal(proxy: str) -> str:
    """Returns why a proxy cannot be connected to; nothing if it can."""
    try:
        parts = urllib.parse.urlsplit(proxy)
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:  # A port that is no number.
        return _NO_ADDRESS
    if parts.scheme not in _PORTS or not parts.hostname:
        return _NO_ADDRESS
    try:
        socket.create_connection(
            (parts.hostname, port), timeout=_WAIT_SECONDS
        ).close()
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _certificates() -> Iterator[Finding]:
    for name in _CERTIFICATES:
        path = os.environ.get(name)
        if path and not os.path.exists(path):
            yield Finding(
                WARNING,
                f"{name}={path} does not exist.",
                "Programs that look for certificates there trust no server.",
                f"unset {name}",
            )


def _without_passwords(text: str) -> str:
    """Returns a text with `user:password@` of addresses hidden.

    Example:
        >>> _without_passwords("from http://me:secret@host:3128/ at once")
        'from http://***@host:3128/ at once'
    """
    words = []
    for word in text.split(" "):
        scheme, found, rest = word.partition("://")
        address, slash, path = rest.partition("/")
        if found and "@" in address:
            rest = f"***@{address.rpartition('@')[2]}{slash}{path}"
        words.append(f"{scheme}{found}{rest}")
    return " ".join(words)
