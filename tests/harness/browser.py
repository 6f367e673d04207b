"""Headless Chromium by plain WebDriver: https://www.w3.org/TR/webdriver2/."""

import base64
import contextlib
import http.client
import json
import os
import re
import shutil
import subprocess
import tempfile

from . import processes

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
TAB, ENTER = "\ue004", "\ue007"
START_SECONDS = 60

# Texts whose contrast with what is behind them is too low.
CONTRAST = """
function parse(color) {
    const canvas = document.createElement('canvas').getContext('2d');
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return Array.from(canvas.getImageData(0, 0, 1, 1).data);
}
function luminance(rgb) {
    const [r, g, b] = rgb.slice(0, 3).map(v => {
        v /= 255;
        return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
function behind(element) {
    for (; element; element = element.parentElement) {
        const color = parse(getComputedStyle(element).backgroundColor);
        if (color[3] === 255)
            return color;
        if (color[3] !== 0)
            throw 'half transparent: ' + element.className;
    }
    return [255, 255, 255];
}
const seen = [], low = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let node; node = walker.nextNode();) {
    const element = node.parentElement;
    if (!node.data.trim() || !element.checkVisibility())
        continue;
    const a = luminance(parse(getComputedStyle(element).color));
    const b = luminance(behind(element));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    seen.push(ratio);
    if (ratio < arguments[0])
        low.push(node.data.trim().slice(0, 40) + ' ' + ratio.toFixed(2));
}
return {count: seen.length, low: low};
"""


class Browser:
    def __init__(self):
        self.home = tempfile.mkdtemp(prefix="paydesk-browser.")
        self.session = None
        self.log = open(os.path.join(self.home, "chromedriver.log"), "wb")
        try:
            self.port = self._start()
            self._begin()
        except BaseException:
            self.close()
            raise

    def _start(self):
        """Its port. It binds the one that it was given for IPv4 for IPv6 too,
        where somebody else may have it: then it ends, and is started again."""
        said = []
        for _ in range(5):
            self.process = subprocess.Popen(
                [*processes.END_WITH_US, "chromedriver", "--port=0"],
                env={**os.environ, "HOME": self.home, "TMPDIR": self.home},
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=self.log)
            for line in self.process.stdout:
                said.append(line.decode(errors="replace"))
                found = re.search(rb"successfully on port (\d+)", line)
                if found:
                    return int(found.group(1))
            self.process.wait()
        raise AssertionError("chromedriver did not start: " + "".join(said))

    def _begin(self):
        arguments = ["--headless=new", "--disable-gpu", "--no-first-run",
                     "--disable-background-networking", "--hide-scrollbars",
                     "--disable-component-update", "--disable-dev-shm-usage",
                     "--no-sandbox",    # root, or a container: our own pages
                     "--user-data-dir=" + os.path.join(self.home, "profile")]
        answer = self._call("POST", "/session", {"capabilities": {
            "alwaysMatch": {
                "browserName": "chrome",
                "goog:chromeOptions": {"args": arguments},
                "goog:loggingPrefs": {"browser": "ALL",
                                      "performance": "ALL"}}}})
        self.session = answer["sessionId"]
        self.cdp("Network.enable")
        self.cdp("Accessibility.enable")

    def _call(self, method, path, body=None):
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.port, timeout=START_SECONDS)
        with contextlib.closing(connection):
            connection.request(method, path, json.dumps(
                body if body is not None else {}) if method == "POST"
                else None, {"Content-Type": "application/json"})
            value = json.load(connection.getresponse())["value"]
        if isinstance(value, dict) and "error" in value:
            raise AssertionError("%s %s: %s" % (method, path,
                                                value["message"][:1000]))
        return value

    def call(self, method, path, body=None):
        return self._call(method, "/session/%s%s" % (self.session, path),
                          body)

    def cdp(self, command, **params):
        return self.call("POST", "/goog/cdp/execute",
                         {"cmd": command, "params": params})

    # ------------------------------------------------------------- looking

    def sign_in(self, headers):
        self.cdp("Network.setExtraHTTPHeaders", headers=headers)

    def size(self, width, height=900):
        self.cdp("Emulation.setDeviceMetricsOverride", width=width,
                 height=height, deviceScaleFactor=1, mobile=width < 600)

    def scheme(self, name):
        self.cdp("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": name}])

    def open(self, url):
        self.call("POST", "/url", {"url": url})

    def address(self):
        return self.call("GET", "/url")

    def run(self, script, *arguments):
        return self.call("POST", "/execute/sync",
                         {"script": script, "args": list(arguments)})

    def text(self):
        return self.run("return document.body.innerText")

    def press(self, *keys):
        for key in keys:
            self.call("POST", "/actions", {"actions": [{
                "type": "key", "id": "keyboard", "actions": [
                    {"type": "keyDown", "value": key},
                    {"type": "keyUp", "value": key}]}]})

    def focused(self):
        """What has the focus: its element, and its name as it is read out."""
        return self.run(
            "const e = document.activeElement;"
            "return [e.tagName.toLowerCase(), (e.getAttribute('aria-label')"
            " || e.textContent || e.id).trim().replace(/\\s+/g, ' ')]")

    def low_contrast(self, least):
        return self.run(CONTRAST, least)

    def overflow(self):
        """How many pixels the page is wider than the screen."""
        return self.run("return document.documentElement.scrollWidth"
                        " - window.innerWidth")

    def accessible(self):
        """The accessibility tree: (role, name) of what is not ignored."""
        nodes = self.cdp("Accessibility.getFullAXTree")["nodes"]
        return [(node["role"]["value"],
                 node.get("name", {}).get("value", "").strip())
                for node in nodes if not node.get("ignored")]

    def screenshot(self, path):
        height = self.run("return document.documentElement.scrollHeight")
        width = self.run("return window.innerWidth")
        image = self.cdp("Page.captureScreenshot", captureBeyondViewport=True,
                         clip={"x": 0, "y": 0, "width": width,
                               "height": height, "scale": 1})
        with open(path, "wb") as file:
            file.write(base64.b64decode(image["data"]))

    def complaints(self):
        """What the console said since this was asked last."""
        return [entry["message"] for entry in self.call(
            "POST", "/se/log", {"type": "browser"})]

    def requested(self):
        """The addresses that were asked for since this was asked last."""
        found = []
        for entry in self.call("POST", "/se/log", {"type": "performance"}):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                found.append(message["params"]["request"]["url"])
        return found

    def close(self):
        with contextlib.suppress(Exception):
            if self.session:
                self.call("DELETE", "")
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()
        self.log.close()
        shutil.rmtree(self.home, ignore_errors=True)
