"""What a man in the middle sees and can do where nothing protects a request: what the other tests of him are measured by."""
import base64

import pytest

import harness
import mitm

CANARY = "canary-2f9c41d07b"


@pytest.fixture(scope="module")
def runtime():
    with harness.Runtime("media", direct=True) as r:
        yield r


def test_plain_http_hides_nothing(runtime):
    with mitm.Mitm(runtime.address) as m:
        reply = harness.request(m.address, "POST", "/process_data", harness.media_body(1, CANARY))
        runtime.verify(reply)
        assert m.learns(CANARY) == ["plain"]


def test_an_answer_changed_on_its_way_is_noticed_and_a_request_is_not(runtime):
    """HTTP's answers are signed; its requests are anybody's. That is why there are TLS and sealed requests."""
    changed = CANARY.replace("2f9c", "2f9d")
    with mitm.Mitm(runtime.address, alter=mitm.swap(mitm.DOWN, CANARY.encode(), changed.encode())) as m:
        reply = harness.request(m.address, "POST", "/process_data", harness.media_body(2, CANARY))
        assert changed.encode() in reply.body
        with pytest.raises(Exception):
            runtime.verify(reply)
    with mitm.Mitm(runtime.address, alter=mitm.swap(mitm.UP, CANARY.encode(), changed.encode())) as m:
        reply = harness.request(m.address, "POST", "/process_data", harness.media_body(3, CANARY))
        runtime.verify(reply)
        assert changed.encode() in reply.body


def test_the_search_finds_every_form():
    """A search that finds nothing proves something only when it would find it."""
    secret = b"the secret of the day"

    class Said:
        def __init__(self, text):
            self.said = {mitm.UP: bytearray(text), mitm.DOWN: bytearray()}

    for n in range(4):
        for text in (b"x" * n + secret, (b"x" * n + secret).hex().encode(), base64.b64encode(b"x" * n + secret + b"yz"),
                     base64.urlsafe_b64encode(b"\xff" * n + secret + b"z")):
            m = mitm.Mitm.__new__(mitm.Mitm)
            m.connections = [Said(b"before " + text + b" after")]
            assert m.learns(secret), text
            assert not m.learns(b"another secret")


@pytest.mark.parametrize("way, old, new", [
    (mitm.flip(mitm.UP, 4), b"abcdefgh", b"abcddfgh"), (mitm.insert(mitm.UP, 3, b"++"), b"abcdefgh", b"abc++defgh"),
    (mitm.drop(mitm.UP, 2, 3), b"abcdefgh", b"abfgh"), (mitm.flip(mitm.DOWN, 0), b"abcdefgh", b"abcdefgh")])
def test_what_it_does_to_bytes(way, old, new):
    """In one piece, and byte by byte."""
    assert way(mitm.UP, 0, 0, old) == new
    assert b"".join(way(mitm.UP, 0, i, old[i:i + 1]) for i in range(len(old))) == new
