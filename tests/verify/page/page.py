"""The page as its user sees it: fields, buttons, verdicts, steps."""
import re

from csp import PAGE

# Fields that are not always shown are filled as pasting does it; the rest is typed and clicked.
FIELDS = {"pcrs": "#pcrs", "root": "#root", "nonce": "#nonce", "key": "#expected-key", "at": "#at"}


class Page:
    def __init__(self, browser, url=None):
        self.browser = browser
        browser.open(url or PAGE.as_uri())

    def expect(self, clock="now", allow_debug=False, **fields):
        """What the user expects of the document. Fields that are not given are emptied."""
        for name, selector in FIELDS.items():
            self.browser.fill(selector, str(fields.get(name, "")))
        self.browser.run("document.querySelector(`input[name=clock][value=${arguments[0]}]`).checked = true;"
                         "document.getElementById('allow-debug').checked = arguments[1];",
                         "stated" if "at" in fields else clock, allow_debug)

    def document(self, text, **expected):
        self.expect(**expected)
        self.browser.click("#source-paste")
        self.browser.fill("#pasted", text)
        self.browser.click("#verify-document")
        return self.result("document")

    def enclave(self, url, **expected):
        self.expect(**expected)
        self.browser.click("#source-live")
        self.browser.fill("#url", url)
        self.browser.click("#verify-document")
        return self.result("document")

    def answer(self, text, kind, intent="", max_age=""):
        for selector, value in (("#intent", intent), ("#max-age", max_age), ("#type", kind), ("#answer", text)):
            self.browser.fill(selector, str(value))
        self.browser.click("#verify-answer")
        return self.result("answer")

    def routes(self):
        self.browser.click("#load-routes")
        return self.browser.wait("the routes", "const s = document.getElementById('routes-say').textContent;"
                                               "return s !== 'Reading ...' && s;")

    def call(self, route, body=None, path=None):
        self.browser.run("const r = document.getElementById('route'); r.value = [...r.options].find("
                         "(o) => o.text.startsWith(arguments[0])).value; r.dispatchEvent(new Event('change'));", route)
        if body is not None:
            self.browser.fill("#body", body)
        if path is not None:
            self.browser.fill("#path", path)
        self.browser.click("#call")
        return self.result("answer")

    def result(self, where):
        """Waits until the check is over."""
        self.browser.wait(f"the verdict of the {where}",
                          "const v = document.querySelector(`#${arguments[0]}-verdict [data-verdict]`);"
                          "return v && v.dataset.verdict !== 'note';", where)
        return self.shown(where)

    def shown(self, where):
        return Result(self.browser.run("""
            const verdict = document.getElementById(`${arguments[0]}-verdict`);
            const steps = [...document.querySelectorAll(`#${arguments[0]}-steps > li`)];
            return { verdict: verdict.querySelector("[data-verdict]")?.dataset.verdict ?? null, text: verdict.innerText,
              steps: steps.map((s) => [s.dataset.step, s.dataset.state, s.innerText,
                s.querySelector(".state").innerText]) };""", where))

    def bytes_of(self, where, step):
        """What a step looked at, as the user reads it: {name: hex}."""
        self.browser.click(f"#{where}-steps > li[data-step={step}] summary")
        shown = self.browser.wait("the bytes", """
            const found = [...document.querySelectorAll(`#${arguments[0]}-steps > li[data-step=${arguments[1]}] .bytes > *`)];
            return found.length > 1 && found.slice(1).map((e) => e.innerText);""", where, step)
        return {re.sub(r", \d+ bytes?$", "", name): re.sub(r"\s", "", hexes)
                for name, hexes in zip(shown[::2], shown[1::2])}


class Result:
    def __init__(self, shown):
        self.verdict, self.text = shown["verdict"], shown["text"]
        self.states = {name: state for name, state, *_ in shown["steps"]}
        self.texts = {name: text for name, _, text, _ in shown["steps"]}
        self.words = {name: word for name, _, _, word in shown["steps"]}

    def failed(self):
        return [name for name, state in self.states.items() if state == "bad"]

    def open(self):
        return [name for name, state in self.states.items() if state in ("unknown", "idle")]

    def __repr__(self):
        return f"<{self.verdict} {self.text!r} {self.states}\n" + "\n".join(self.texts.values()) + ">"
