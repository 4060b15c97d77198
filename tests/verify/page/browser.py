"""A headless Chromium, driven over ChromeDriver's HTTP interface (W3C WebDriver) with the standard library alone."""
import base64
import json
import pathlib
import shutil
import subprocess
import time
import urllib.error
import urllib.request

WAIT = 30  # seconds for anything to happen
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the key WebDriver names elements by
# It looks for updates and lists on the network otherwise.
QUIET = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"]


def missing():
    """Why there is no browser to drive, or None."""
    absent = [name for name in ("chromium", "chromedriver") if not shutil.which(name)]
    return f"no program {' and no '.join(absent)}" if absent else None


class Browser:
    def __init__(self, directory):
        self.log = open(pathlib.Path(directory) / "chromedriver.log", "w+b")
        self.driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=self.log)
        self.session = None
        try:
            self.base = f"http://127.0.0.1:{self.read_port()}"
            # As root, Chromium has no sandbox of its own.
            arguments = ["--headless=new", "--no-sandbox", f"--user-data-dir={directory}/profile", *QUIET]
            capabilities = {"alwaysMatch": {"browserName": "chrome", "goog:loggingPrefs": {"browser": "ALL"},
                                            "goog:chromeOptions": {"binary": shutil.which("chromium"), "args": arguments}}}
            self.session = self.call("POST", "/session", {"capabilities": capabilities})["sessionId"]
        except BaseException:
            self.close()
            raise

    def read_port(self):
        for raw in self.driver.stdout:
            line = raw.decode()
            if "started successfully on port" in line:
                return int(line.rstrip().rstrip(".").rpartition(" ")[2])
        raise AssertionError("chromedriver ended without a port")

    def call(self, method, path, body=None):
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.base + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=WAIT) as reply:
                return json.load(reply)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.read().decode()[:2000]}") from None

    def do(self, method, path, body=None):
        return self.call(method, f"/session/{self.session}{path}", body)

    def devtools(self, command, **parameters):
        return self.do("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def open(self, url):
        self.do("POST", "/url", {"url": url})

    def run(self, script, *arguments):
        """The body of a function; what it returns comes back."""
        return self.do("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def find(self, selector):
        return self.do("POST", "/element", {"using": "css selector", "value": selector})[ELEMENT]

    def click(self, selector):
        """As a user does it: what is hidden, disabled or covered cannot be clicked."""
        self.do("POST", f"/element/{self.find(selector)}/click", {})

    def type(self, selector, text):
        self.do("POST", f"/element/{self.find(selector)}/value", {"text": str(text)})

    def fill(self, selector, text):
        """Long texts at once, with the event that pasting them has."""
        self.run("const e = document.querySelector(arguments[0]); e.value = arguments[1];"
                 "e.dispatchEvent(new Event('input', { bubbles: true }));", selector, text)

    def wait(self, what, script, *arguments):
        end = time.monotonic() + WAIT
        while True:
            value = self.run(script, *arguments)
            if value:
                return value
            assert time.monotonic() < end, f"waited {WAIT} s for {what}"
            time.sleep(0.01)

    def console(self):
        """What the console has said since the last time."""
        return [entry["message"] for entry in self.do("POST", "/se/log", {"type": "browser"})]

    def window(self, width, height=900, dark=False):
        self.devtools("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                      mobile=width < 600)
        self.devtools("Emulation.setEmulatedMedia",
                      features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def picture(self, path):
        """All of the page, not only what the window shows."""
        size = self.devtools("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        shot = self.devtools("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
        pathlib.Path(path).write_bytes(base64.b64decode(shot["data"]))

    def close(self):
        if self.session:
            try:
                self.do("DELETE", "")
            except (AssertionError, OSError):
                pass  # it has crashed: ending the driver ends what is left of it
        self.driver.terminate()
        try:
            self.driver.wait(WAIT)
        except subprocess.TimeoutExpired:
            self.driver.kill()
            self.driver.wait()
        self.driver.stdout.close()
        self.log.close()
