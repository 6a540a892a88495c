"""Downloads that fail in a few seconds and say why, against servers of this machine."""

import functools
import http.server
import ssl
import threading
import time
import urllib.error

import pytest

from coursekit import data
from coursekit.data import digits, folders, network


@pytest.fixture(autouse=True)
def forgotten(monkeypatch):
    monkeypatch.setattr(network, "_answers", {})


@pytest.mark.parametrize(
    "error, words",
    [
        (urllib.error.HTTPError("address", 403, "Forbidden", None, None), r"the download is refused \(HTTP 403\)"),
        (
            urllib.error.HTTPError("address", 407, "Proxy", None, None),
            r"refused by the proxy, .* password \(HTTP 407\)",
        ),
        (
            urllib.error.URLError(OSError("Tunnel connection failed: 407 Proxy Authentication Required")),
            r"the proxy refuses the download \(407 Proxy Authentication Required\)",
        ),
        (
            urllib.error.URLError(ssl.SSLCertVerificationError(1, "self-signed certificate")),
            "the host's certificate is not accepted",
        ),
        (urllib.error.URLError("no name service"), "there is no internet connection"),
    ],
)
def test_troubles_have_names(error, words, monkeypatch):
    def fail(*arguments, **options):
        raise error

    monkeypatch.setattr(network.urllib.request, "urlopen", fail)
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(network.trouble("https://example.org/"))


def test_an_answer_is_waited_for_in_vain(monkeypatch):
    monkeypatch.setattr(network, "PATIENCE", 0.1)
    monkeypatch.setattr(network.urllib.request, "urlopen", lambda *arguments, **options: time.sleep(1))
    assert network.trouble("https://example.org/") == "the network does not answer"


def test_an_answer_holds_for_a_minute(monkeypatch):
    answers, clock = iter(["there is no internet connection", ""]), [0.0]
    monkeypatch.setattr(network, "_ask", lambda address: next(answers))
    monkeypatch.setattr(network.time, "monotonic", lambda: clock[0])
    assert network.trouble("a") == "there is no internet connection"
    clock[0] = 59.0
    assert network.trouble("a") == "there is no internet connection"
    clock[0] = 61.0
    assert network.trouble("a") == ""


class Stalling(http.server.BaseHTTPRequestHandler):
    """Answers HEAD, and of a GET sends three bytes of the thousand that it promises."""

    def do_HEAD(self):
        self.send_response(200)
        self.end_headers()

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"abc")
        self.server.over.wait(30)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def stalling_host():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stalling)
    server.over, server.daemon_threads = threading.Event(), True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.over.set()
    server.shutdown()
    server.server_close()


def test_a_download_that_stalls(stalling_host, tmp_path, monkeypatch, capsys):
    import tensorflow_datasets as tfds

    monkeypatch.delenv("COURSEKIT_DIGITS", raising=False)
    monkeypatch.setattr(folders, "places", lambda: [("data/", tmp_path)])
    monkeypatch.setattr(digits, "QUICK_SIZES", {"train": 40, "test": 20})
    monkeypatch.setattr(digits, "MNIST_ADDRESS", stalling_host)
    monkeypatch.setattr(tfds.image_classification.MNIST, "URL", stalling_host)
    monkeypatch.setattr(network, "STALL", 0.5)
    working = functools.partial(data.load_digits, "test", 20)
    answers = []
    threading.Thread(target=lambda: answers.append(working()), daemon=True).start()
    for _ in range(600):
        time.sleep(0.1)
        if answers:
            break
    assert answers, "the download still hangs after a minute"
    assert "digits: stroke_digits (the download of MNIST failed: " in capsys.readouterr().out
