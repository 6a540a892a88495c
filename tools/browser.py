"""Drive headless Chromium as a reader would: open a page, look, click, press keys, take a picture.

Speaks Chromium's DevTools protocol over one web socket. Needs Chromium on the PATH.
"""

import base64
import itertools
import json
import shutil
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import websocket

__all__ = ["FLAGS", "Browser", "BrowserError", "chromium"]

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
REMOTE = ["--remote-debugging-port=0", "--remote-allow-origins=*"]
ARROWS = {"ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}
KEYS = ARROWS | {"Enter": 13, "Escape": 27, "Home": 36, "PageDown": 34, "t": 84}
SHIFT = 8


class BrowserError(Exception):
    """Chromium did not start, a script failed, or what was waited for never came."""


def chromium() -> str | None:
    """The path of Chromium, if it is installed."""
    return shutil.which("chromium") or shutil.which("google-chrome")


class Browser:
    """One tab; a context manager that ends Chromium.

    Args:
        width, height: of the window in pixels.
        patience: seconds that it waits for anything.

    Attributes:
        asked: the addresses outside this machine that pages asked for since `refuse_network`.
    """

    def __init__(self, width: int = 1280, height: int = 720, patience: float = 60):
        self.size, self.patience = (width, height), patience
        self.numbers = itertools.count(1)
        self.asked: list[str] = []

    def __enter__(self) -> Self:
        program = chromium()
        if program is None:
            raise BrowserError("Chromium is not on the PATH")
        self.profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        size = "--window-size={},{}".format(*self.size)
        command = [program, *FLAGS, *REMOTE, size, f"--user-data-dir={self.profile.name}", "about:blank"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            self.socket = websocket.create_connection(self._tab(), timeout=self.patience)
            self.call("Page.enable")
            self.call("Emulation.setDeviceMetricsOverride", **self._metrics())
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: Any) -> None:
        self.process.kill()
        self.process.wait()
        self.profile.cleanup()

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the DevTools protocol and its result.

        Raises:
            BrowserError: Chromium says that it failed.
        """
        number = next(self.numbers)
        self.socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self.socket.recv())
            if answer.get("method") == "Network.requestWillBeSent":
                address = answer["params"]["request"]["url"]
                self.asked += [address] * (not address.startswith(("file:", "data:", "blob:", "about:")))
            if answer.get("method") == "Page.javascriptDialogOpening":  # a page asks whether to leave it
                accept = {"id": next(self.numbers), "method": "Page.handleJavaScriptDialog", "params": {"accept": True}}
                self.socket.send(json.dumps(accept))
            if answer.get("id") == number:
                if "error" in answer:
                    raise BrowserError(f"{method}: {answer['error']['message']}")
                return answer["result"]

    def open(self, address: str) -> None:
        """Go to a page; it goes on loading, see `wait_for`."""
        self.call("Page.navigate", url=address)

    def refuse_network(self) -> None:
        """Let no page load anything but files from now on, and note what it asked for."""
        self.call("Network.enable")
        self.call("Network.setBlockedURLs", urls=["http://*", "https://*", "ws://*", "wss://*"])

    def evaluate(self, script: str) -> Any:
        """The value of a JavaScript expression in the page.

        Raises:
            BrowserError: it throws.
        """
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise BrowserError(f"{script}: {result['exceptionDetails']['exception'].get('description')}")
        return result["result"].get("value")

    def wait_for(self, script: str) -> Any:
        """The first value of an expression that JavaScript takes for true; true for an element.

        Raises:
            BrowserError: there is none in time.
        """

        def value():
            with suppress(BrowserError):  # a page that is not there yet
                return self.evaluate(f"(v => v instanceof Node ? true : v)({script})")

        return self.wait(value, script)

    def wait(self, question: Callable[[], Any], name: str = "") -> Any:
        """The first answer that is true.

        Raises:
            BrowserError: there is none in time.
        """
        end = time.monotonic() + self.patience
        while time.monotonic() < end:
            if answer := question():
                return answer
            time.sleep(0.2)
        raise BrowserError(f"never came true: {name or question}")

    def click(self, selector: str) -> None:
        """Click on the middle of the first element that a CSS selector finds, once it is there."""
        x, y = self.wait_for(
            f"""(() => {{ const e = document.querySelector({json.dumps(selector)}); if (!e) return null;
            e.scrollIntoView({{block: "center"}}); const r = e.getBoundingClientRect();
            return r.width ? [r.x + r.width / 2, r.y + r.height / 2] : null }})()"""
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def press(self, key: str, shift: bool = False) -> None:
        """Press and release a key: Enter, Escape, Home, PageDown, t or an arrow."""
        options = {"key": key, "code": key, "windowsVirtualKeyCode": KEYS[key], "modifiers": SHIFT * shift}
        if key == "Enter" and not shift:
            options["text"] = "\r"
        self.call("Input.dispatchKeyEvent", type="keyDown", **options)
        self.call("Input.dispatchKeyEvent", type="keyUp", **options)

    def picture(self, path: Path, whole: bool = False) -> None:
        """Save what the window shows, or the whole page, as a PNG."""
        picture = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole, **self._clip(whole))
        path.write_bytes(base64.b64decode(picture["data"]))

    def _clip(self, whole):
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        return {"clip": size | {"scale": 1}} if whole else {}

    def _tab(self):
        """The address of the tab's web socket, once Chromium has written its port."""
        note = Path(self.profile.name) / "DevToolsActivePort"

        def address():
            if self.process.poll() is not None:
                raise BrowserError(f"Chromium ended with status {self.process.returncode}")
            with suppress(OSError, ValueError, IndexError):
                port = int(note.read_text(encoding="utf-8").split()[0])
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/json") as tabs:
                    pages = [tab for tab in json.load(tabs) if tab["type"] == "page"]
                    return pages[0]["webSocketDebuggerUrl"]

        return self.wait(address, "the start of Chromium")

    def _metrics(self):
        width, height = self.size
        return {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
