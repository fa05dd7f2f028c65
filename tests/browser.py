# SPDX-License-Identifier: Apache-2.0
"""This file is about a headless Chromium that tests steer, by its DevTools protocol over two pipes.

It finds no host but 127.0.0.1, and every address that a page or a worker of it asks for is written down.
"""

import json
import os
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

# The program axe-core, which `npm install axe-core` brings: beside the project, for all, or where AXE_CORE says.
AXE = next(
    (
        path
        for path in (
            Path(os.environ.get("AXE_CORE", "none")),
            Path(__file__).parents[1] / "node_modules" / "axe-core" / "axe.min.js",
            Path("/usr/local/lib/node_modules/axe-core/axe.min.js"),
            Path("/usr/lib/node_modules/axe-core/axe.min.js"),
        )
        if path.is_file()
    ),
    None,
)
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
    "--remote-debugging-pipe",
)
# The browser reads commands at file descriptor 3, and answers at 4.
AS_3_AND_4 = """
import fcntl, os, sys
ends = [fcntl.fcntl(int(end), fcntl.F_DUPFD, 10) for end in sys.argv[1:3]]
for place, end in zip((3, 4), ends):
    os.dup2(end, place)
os.execv(sys.argv[3], sys.argv[3:])
"""


class Browser:
    """One page.  `asked`: the addresses asked for; `said`: what pages and workers complained of."""

    def __init__(self, folder):
        (theirs_in, self._out), (self._in, theirs_out) = os.pipe(), os.pipe()
        command = [CHROMIUM, *OPTIONS, f"--user-data-dir={folder}", "about:blank"]
        steered = [sys.executable, "-c", AS_3_AND_4, str(theirs_in), str(theirs_out), *command]
        with open(os.path.join(folder, "chromium.log"), "wb") as log:
            self._process = subprocess.Popen(steered, pass_fds=(theirs_in, theirs_out), stdout=log, stderr=log)
        os.close(theirs_in)
        os.close(theirs_out)
        self._number, self._rest, self._answers = 0, b"", {}
        self.asked, self.said = [], []
        targets = self.call("Target.getTargets", session=None)["targetInfos"]
        page = next(target["targetId"] for target in targets if target["type"] == "page")
        self.page = self.call("Target.attachToTarget", session=None, targetId=page, flatten=True)["sessionId"]
        self._watch(self.page)
        self.call("Page.enable")

    def _watch(self, session):
        self.call("Network.enable", session)
        self.call("Runtime.enable", session)
        self.call("Log.enable", session)
        self.call("Target.setAutoAttach", session, autoAttach=True, waitForDebuggerOnStart=True, flatten=True)

    def call(self, method, session="page", **parameters):
        """What the browser answers to a command, within two minutes."""
        number = self._send(method, self.page if session == "page" else session, parameters)
        end = time.monotonic() + 120
        while number not in self._answers:
            self._read(end)
        answer = self._answers.pop(number)
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']}")
        return answer["result"]

    def _send(self, method, session, parameters):
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        message |= {"sessionId": session} if session else {}
        os.write(self._out, json.dumps(message).encode() + b"\0")
        return self._number

    def _read(self, end):
        left = end - time.monotonic()
        if left <= 0 or not select.select([self._in], [], [], left)[0]:
            raise AssertionError("the browser does not answer")
        found = os.read(self._in, 1 << 20)
        if not found:
            raise AssertionError(f"the browser ended with {self._process.wait()}")
        *messages, self._rest = (self._rest + found).split(b"\0")
        for message in map(json.loads, messages):
            if "id" in message:
                self._answers[message["id"]] = message
            else:
                self._told(message["method"], message["params"])

    def _told(self, event, parameters):
        if event == "Network.requestWillBeSent":
            self.asked.append(parameters["request"]["url"])
        elif event == "Runtime.exceptionThrown":
            self.said.append(json.dumps(parameters["exceptionDetails"]))
        elif event == "Log.entryAdded":
            self.said.append(parameters["entry"]["text"])
        elif event == "Target.attachedToTarget":  # a worker, which waits until it is watched, too
            session = parameters["sessionId"]
            self._send("Network.enable", session, {})
            self._send("Runtime.enable", session, {})
            self._send("Runtime.runIfWaitingForDebugger", session, {})
            self.worker = session

    def open(self, address):
        """Go to an address, and wait until the page is there."""
        self.call("Page.navigate", url=address)
        self.until(f"location.href === {json.dumps(address)} && document.readyState === 'complete'")

    def value(self, expression, session="page"):
        """What an expression is on the page, promises awaited."""
        found = self.call(
            "Runtime.evaluate", session, expression=expression, returnByValue=True, awaitPromise=True, userGesture=True
        )
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def until(self, expression, seconds=180):
        """Wait until an expression is true on the page; returns its value."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if found := self.value(expression):
                return found
            time.sleep(0.05)
        raise AssertionError(f"not within {seconds} s: {expression}")

    def put_files(self, selector, *paths):
        """Choose files in an input, as a person does."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        place = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=place, files=[str(path) for path in paths])

    def close(self):
        """End the browser."""
        try:
            self._send("Browser.close", None, {})
            self._process.wait(10)
        except (OSError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        os.close(self._in)
        os.close(self._out)
