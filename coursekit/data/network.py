"""Downloads that do not hang: is a host there, and is it still sending?"""

import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["patient", "trouble"]

PATIENCE = 3  # seconds for a first answer
STALL = 20  # seconds without a byte, after which a download has failed
MEMORY = 60  # seconds for which an answer holds
_answers: dict[str, tuple[float, str]] = {}


def trouble(address: str) -> str:
    """Why an address does not answer, or "" if it does; asked once a minute, for an answer may take 3 s."""
    asked_at, answer = _answers.get(address, (-MEMORY, ""))
    if time.monotonic() - asked_at >= MEMORY:
        answer = _ask(address)
        _answers[address] = time.monotonic(), answer
    return answer


def _ask(address):
    """The time limit of `urlopen` does not cover the look-up of the host's name, so a thread asks."""
    answers = []

    def ask():
        try:
            urllib.request.urlopen(urllib.request.Request(address, method="HEAD"), timeout=PATIENCE).close()
            answers.append("")
        except Exception as error:  # no name service, no route, a proxy that does not speak HTTP, ...
            answers.append(_in_words(error))

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(PATIENCE)
    return answers[0] if answers else "the network does not answer"


def _in_words(error):
    reason = getattr(error, "reason", error)
    if isinstance(error, urllib.error.HTTPError):
        who = "by the proxy, which wants a name and a password " * (error.code == 407)
        return f"the download is refused {who}(HTTP {error.code})"
    if isinstance(reason, ssl.SSLError):
        return "the host's certificate is not accepted"
    if "Tunnel connection failed" in str(reason):
        return f"the proxy refuses the download ({str(reason).partition(': ')[2]})"
    return "there is no internet connection"


@contextmanager
def patient() -> Iterator[None]:
    """Downloads of TFDS in this block fail once a host is silent for `STALL` seconds; TFDS would wait for ever."""
    from requests.adapters import HTTPAdapter

    original = HTTPAdapter.send

    def send(self, request, *arguments, **options):
        options["timeout"] = options.get("timeout") or STALL
        return original(self, request, *arguments, **options)

    HTTPAdapter.send = send
    try:
        yield
    finally:
        HTTPAdapter.send = original
