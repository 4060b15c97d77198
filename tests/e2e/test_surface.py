"""What every client of the template expects of the built-in routes, and what every web developer does of errors."""
import re

import pytest

from harness import media_body, request, wait_for

pytestmark = pytest.mark.sanitizer


def test_root(media):
    reply = media.get("/")
    assert reply.status == 200 and reply.body == b"Pong!"
    assert reply.headers["content-type"].startswith("text/plain")


def test_health_check(media):
    health = media.health()
    assert bytes.fromhex(health["pk"]) == media.key and health["public_key"] == health["pk"]
    assert health["endpoints_status"] == {} and health["endpoints"] == []
    assert health["app"] == "media" and health["version"]
    assert any("uptime" in k for k in health) and any("clock" in k for k in health), health


def test_openapi(media):
    reply = media.get("/openapi.json")
    api = reply.json
    assert reply.status == 200 and api["openapi"].startswith("3.")
    assert {"/process_data", "/sign_report", "/health_check", "/get_attestation"} <= set(api["paths"])
    operation = api["paths"]["/process_data"]["post"]
    text = str(api)
    assert "requestBody" in operation and "200" in operation["responses"]
    assert "media_hash" in text and "metadata" in text and "signature" in text
    for ref in re.findall(r"'\$ref': '#/([^']+)'", text):
        place = api
        for part in ref.split("/"):
            place = place[part]


def read_metrics(text):
    """Name to sum of its values, over a text that must be in Prometheus' format."""
    names = {}
    for line in text.splitlines():
        if line.startswith("#"):
            assert re.match(r"# (HELP|TYPE) [a-zA-Z_:][a-zA-Z0-9_:]* \S", line), line
        else:
            found = re.match(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(\{[^}]*\})? (\S+)$", line)
            assert found, line
            names[found.group(1)] = names.get(found.group(1), 0) + float(found.group(3))
    return names


def test_metrics_on_the_admin_listener_only(media):
    assert media.get("/metrics").status == 404

    def signed():
        reply = request(media.admin, "GET", "/metrics")
        assert reply.status == 200 and reply.headers["content-type"].startswith("text/plain")
        names = read_metrics(reply.body.decode())
        assert any("restart" in n for n in names) and any("nsm" in n for n in names), names
        found = [v for n, v in names.items() if "signed" in n]
        assert len(found) == 1, names
        return found[0]

    before = signed()
    for i in range(3):
        media.verify(media.post("/process_data", media_body(i)))
    wait_for("three more signed answers", lambda: signed() == before + 3, 5, 0.1)
    assert request(media.admin, "POST", "/process_data", media_body(1)).status in (404, 405)


def test_no_admin_listener_by_default(start):
    runtime = start("media")
    assert runtime.get("/metrics").status == 404


@pytest.mark.parametrize("path", ["/process_data", "/get_attestation", "/health_check"])
def test_preflight(media, path):
    reply = media.request("OPTIONS", path, headers={
        "Origin": "https://example.org", "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,x-own"})
    assert reply.status in (200, 204), reply
    assert reply.headers["access-control-allow-origin"] == "*"
    assert "POST" in reply.headers["access-control-allow-methods"] or reply.headers[
        "access-control-allow-methods"] == "*"
    allowed = reply.headers["access-control-allow-headers"].lower()
    assert allowed == "*" or "content-type" in allowed


def test_errors_carry_the_cors_header_too(media):
    assert media.get("/nothing").headers["access-control-allow-origin"] == "*"


def test_configured_origin(start):
    runtime = start("media", sets=["http.cors_origin=https://app.example"])
    assert runtime.get("/").headers["access-control-allow-origin"] == "https://app.example"


def test_not_found(media):
    reply = media.get("/nothing")
    assert reply.status == 404 and reply.error


@pytest.mark.parametrize("method,path,allowed", [
    ("GET", "/process_data", "POST"), ("DELETE", "/process_data", "POST"), ("POST", "/health_check", "GET"),
    ("PUT", "/get_attestation", "GET"), ("POST", "/", "GET"),
])
def test_method_not_allowed(media, method, path, allowed):
    reply = media.request(method, path, None if method == "GET" else {})
    assert reply.status == 405 and reply.error
    assert allowed in [m.strip() for m in reply.headers["allow"].split(",")]


def test_head(media):
    reply = media.request("HEAD", "/health_check")
    assert reply.status == 200 and reply.body == b""


@pytest.mark.parametrize("content_type,status", [
    ("application/json", 200), ("application/json; charset=utf-8", 200), ("APPLICATION/JSON", 200), (None, 200),
    ("text/plain", 415), ("application/x-www-form-urlencoded", 415), ("application/jsonx", 415), ("", 415),
])
def test_content_type(media, content_type, status):
    reply = media.post("/process_data", media_body(1), headers={"Content-Type": content_type})
    assert reply.status == status, reply
    if status == 415:
        assert "application/json" in reply.error


def test_each_answer_has_its_own_request_id(media):
    ids = [media.get(p).headers["x-request-id"] for p in ("/", "/health_check", "/nothing", "/") for _ in range(3)]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[0-9a-f]{16}", i) for i in ids)


def test_keep_alive_and_pipelining(media):
    one = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    last = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    import socket
    with socket.create_connection(media.address, timeout=10) as s:
        s.sendall(one * 4 + last)
        got = b""
        while True:
            more = s.recv(65536)
            if not more:
                break
            got += more
    assert got.count(b"HTTP/1.1 200") == 5 and got.count(b"Pong!") == 5
