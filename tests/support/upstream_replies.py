"""What the test upstream answers, whatever HTTP version carries it."""
import dataclasses
import hashlib
import json
import threading
import time
import urllib.parse

# As api.weatherapi.com replied for London; name, temperature and time of the reading are put in for each request.
LOCATION = {"name": "London", "region": "City of London, Greater London", "country": "United Kingdom", "lat": 51.5171,
            "lon": -0.1062, "tz_id": "Europe/London", "localtime_epoch": 1764232379, "localtime": "2025-11-27 08:32"}
CURRENT = {"last_updated_epoch": 1764232200, "last_updated": "2025-11-27 08:30", "temp_c": 11.2, "temp_f": 52.2,
           "is_day": 1, "condition": {"text": "Overcast", "icon": "//cdn.weatherapi.com/weather/64x64/day/122.png",
                                      "code": 1009}, "humidity": 94}
ERRORS = {1002: (401, "API key is invalid or not provided."), 1003: (400, "Parameter q is missing."),
          1006: (400, "No matching location found."), 2006: (401, "API key provided is invalid."),
          2008: (403, "API key has been disabled."), 9999: (400, "Internal application error.")}


@dataclasses.dataclass
class Request:
    method: str
    target: str
    headers: list  # (name, value)
    body: bytes
    version: str


@dataclasses.dataclass
class Reply:
    status: int
    headers: list = dataclasses.field(default_factory=list)
    body: bytes = b""
    trailers: list = dataclasses.field(default_factory=list)
    chunked: bool = False
    fault: str = ""  # see upstream_http1.py


def as_json(status, value):
    return Reply(status, [("Content-Type", "application/json")], json.dumps(value, separators=(",", ":")).encode())


def weather_error(code):
    status, message = ERRORS[code]
    return as_json(status, {"error": {"code": code, "message": message}})


class Replies:
    """The settings of a server, and how much it has served."""

    def __init__(self, epoch=None, temperature=11.2, key=None, fault=""):
        self.epoch, self.temperature, self.key, self.fault = epoch, temperature, key, fault
        self.lock = threading.Lock()
        self.connections = self.requests = self.resumed = 0

    def connected(self, resumed):
        with self.lock:
            self.connections += 1
            self.resumed += resumed

    def weather(self, query):
        key, place = query.get("key", [""])[0], query.get("q", [""])[0]
        if not key:
            return weather_error(1002)
        if key == "disabled":
            return weather_error(2008)
        if self.key is not None and key != self.key:
            return weather_error(2006)
        if not place:
            return weather_error(1003)
        if place == "Nowhere":
            return weather_error(1006)
        if place.startswith("fault:"):
            return Reply(200, fault=place[6:])
        epoch = int(time.time()) - 5 if self.epoch is None else self.epoch
        return as_json(200, {"location": {**LOCATION, "name": place},
                             "current": {**CURRENT, "last_updated_epoch": epoch, "temp_c": self.temperature}})

    def answer(self, request):
        with self.lock:
            self.requests += 1
        url = urllib.parse.urlsplit(request.target)
        query = urllib.parse.parse_qs(url.query, keep_blank_values=True)
        parts = [p for p in url.path.split("/") if p]
        if self.fault:
            return Reply(200, fault=self.fault)
        if url.path == "/v1/current.json":
            return self.weather(query)
        name = parts[0] if parts else ""
        page = getattr(self, "page_" + name, None)
        if page is None:
            return as_json(404, {"error": "no such page"})
        return page(request, parts[1:], query)

    # ---- for tests of the client --------------------------------------------------------------------------------

    def page_echo(self, request, _parts, _query):
        return as_json(200, {"method": request.method, "target": request.target, "version": request.version,
                             "headers": [[n, v] for n, v in request.headers], "length": len(request.body),
                             "sha256": hashlib.sha256(request.body).hexdigest()})

    page_early = page_echo

    def page_stats(self, _request, _parts, _query):
        return as_json(200, {"connections": self.connections, "requests": self.requests,
                             "resumed": self.resumed})

    def page_status(self, _request, parts, _query):
        return as_json(int(parts[0]), {"status": int(parts[0])})

    def page_size(self, _request, parts, _query):
        return Reply(200, [("Content-Type", "application/octet-stream")], b"x" * int(parts[0]))

    def page_chunked(self, _request, parts, _query):
        return Reply(200, [], b"y" * int(parts[0]), chunked=True)

    def page_headers(self, _request, parts, _query):
        line = "v" * 100
        return Reply(200, [(f"X-Filler-{i}", line) for i in range(int(parts[0]) // 120 + 1)], b"{}")

    def page_trailers(self, _request, _parts, _query):
        return Reply(200, [("Content-Type", "application/grpc"), ("Trailer", "Grpc-Status, Grpc-Message")],
                     b"\0\0\0\0\5hello", [("Grpc-Status", "5"), ("Grpc-Message", "not found")], chunked=True)

    def page_redirect(self, _request, _parts, query):
        return Reply(302, [("Location", query["to"][0])], b"")

    def page_fault(self, _request, parts, _query):
        return Reply(200, fault=parts[0])
