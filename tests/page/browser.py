"""Headless Chromium, driven by the DevTools protocol over a pipe."""

import base64
import fcntl
import json
import os
import shutil
import signal
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_browser():
    """The path of a Chromium; skips the test if none is installed."""
    for name in NAMES:
        if path := shutil.which(name):
            return path
    pytest.skip(f"no browser: none of {', '.join(NAMES)} is installed")


class Tab:
    """One page.

    requests: addresses that the page requested.
    errors: messages in its console and uncaught exceptions.
    """

    def __init__(self, profile: Path):
        path = find_browser()
        (its_in, our_out), (our_in, its_out) = os.pipe(), os.pipe()
        # It reads from descriptor 3 and writes to 4, so our ends must have other numbers.
        high = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in (its_in, its_out)]
        options = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--remote-debugging-pipe",
            f"--user-data-dir={profile}",
            "about:blank",
        ]
        self._pid = os.posix_spawn(
            path,
            [path, *options],
            {**os.environ, "HOME": str(profile)},
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
                (os.POSIX_SPAWN_DUP2, high[0], 3),
                (os.POSIX_SPAWN_DUP2, high[1], 4),
            ],
            setpgroup=0,
        )
        for end in (its_in, its_out, *high):
            os.close(end)
        self._out, self._in = os.fdopen(our_out, "wb", 0), os.fdopen(our_in, "rb")
        self._number, self._session = 0, None
        self.requests, self.errors, self._seen = [], [], []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.killpg(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        self._in.close()
        self._out.close()

    def call(self, method, **params):
        """Sends a command and returns its result; records events that arrive before it."""
        self._number += 1
        command = {"id": self._number, "method": method, "params": params}
        if self._session:
            command["sessionId"] = self._session
        self._out.write(json.dumps(command).encode() + b"\0")
        while (message := self._read()).get("id") != self._number:
            pass
        assert "error" not in message, (method, message["error"])
        return message["result"]

    def open(self, path):
        """Opens a file and returns once it is loaded."""
        self._seen.clear()
        self.call("Page.navigate", url=Path(path).as_uri())
        while "Page.loadEventFired" not in self._seen:
            self._read()

    def run(self, script):
        """The value of an expression in the page."""
        options = {"returnByValue": True, "awaitPromise": True}
        found = self.call("Runtime.evaluate", expression=script, **options)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def click(self, selector):
        """Scrolls to an element and clicks its centre with the mouse."""
        x, y = self.run(
            f"""(() => {{
                const element = document.querySelector({json.dumps(selector)});
                element.scrollIntoView({{block: "center"}});
                const box = element.getBoundingClientRect();
                return [box.x + box.width / 2, box.y + box.height / 2];
            }})()"""
        )
        for kind in ("mousePressed", "mouseReleased"):
            at = {"x": x, "y": y, "button": "left", "clickCount": 1}
            self.call("Input.dispatchMouseEvent", type=kind, **at)

    def hover(self, selector, share):
        """Moves the mouse over an element, to a fraction of its width."""
        x, y = self.run(
            f"""(() => {{
                const element = document.querySelector({json.dumps(selector)});
                element.scrollIntoView({{block: "center"}});
                const box = element.getBoundingClientRect();
                return [box.x + {share} * box.width, box.y + box.height / 2];
            }})()"""
        )
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def press(self, key):
        """Presses a key that produces no character."""
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key)

    def prefer(self, scheme):
        """Emulates a preferred colour scheme: light or dark."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", features=features)

    def picture(self):
        """A PNG of the visible part."""
        return base64.b64decode(self.call("Page.captureScreenshot")["data"])

    def _read(self):
        """The next message."""
        data = bytearray()
        while (byte := self._in.read(1)) != b"\0":
            assert byte, "the browser has exited"
            data += byte
        message = json.loads(data)
        self._note(message.get("method", ""), message.get("params", {}))
        return message

    def _note(self, event, params):
        self._seen.append(event)
        if event == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        if event == "Runtime.exceptionThrown":
            self.errors.append(params["exceptionDetails"]["text"])
        if event == "Runtime.consoleAPICalled":
            self.errors.append(str(params["args"]))
        if event == "Log.entryAdded":
            self.errors.append(params["entry"]["text"])
