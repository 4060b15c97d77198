"""
A man in the middle on the parent's position, over plain HTTP: of sealed requests and their answers it learns no body, and it
changes, swaps, replays or redirects none unnoticed. The clients are the Python module and `nacre call --seal`.
"""
import json
import subprocess

import pytest

import harness
import mitm
from harness import BIN
from test_sealed_requests import HASH, ROUTE, TYPE, check_signed, enclave_of, nacre_sealed

pytestmark = pytest.mark.sanitizer

CANARY = "canary-of-the-request-91b7c2"


def body_of(text=CANARY):
    return json.dumps({"payload": {"media_hash": HASH, "metadata": text}}).encode()


def url_of(man):
    return "http://%s:%d" % man.address


def nacre_call(runtime, man, *options, body=None):
    """`nacre call --seal` through the man. (exit status, standard output, standard error)"""
    done = subprocess.run([BIN / "nacre", "call", url_of(man), ROUTE, "-d", (body or body_of()).decode(), "--root",
                           runtime.root_path, "--public-key", runtime.key.hex(), "--allow-debug", *options],
                          capture_output=True, timeout=60, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.fixture(scope="module")
def enclave(media):
    return enclave_of(media)


def python_call(enclave, man, body=None):
    return enclave.call(url_of(man), "POST", ROUTE, body or body_of())


def test_it_reads_what_is_plain(media):
    """What the tests below rest on: this man finds the canary where it is to be found."""
    with mitm.Mitm(media.address) as man:
        assert harness.request(man.address, "POST", ROUTE, body_of()).status == 200
        assert "plain" in man.learns(CANARY)
    with mitm.Mitm(media.address) as man:
        status, out, said = nacre_call(media, man)
        assert status == 0 and CANARY in out, said
        assert "plain" in man.learns(CANARY)


def test_it_learns_no_body(media, enclave):
    with mitm.Mitm(media.address) as man:
        status, body = python_call(enclave, man)
        assert status == 200 and check_signed(media, body)["response"]["data"]["metadata"] == CANARY
        code, out, said = nacre_call(media, man, "--seal")
        assert code == 0 and json.loads(out)["metadata"] == CANARY, said
        code, out, said = nacre_call(media, man, "--seal", "--attest", "--types", types_of(media))
        assert code == 0 and json.loads(out)["metadata"] == CANARY, said
        code, out, said = nacre_call(media, man, "--seal", "--async")
        assert code == 0 and json.loads(out)["metadata"] == CANARY, said
        assert not man.learns(CANARY)
        assert not man.learns(bytes.fromhex(HASH)) and not man.learns(HASH)
        assert man.up.count(TYPE.encode()) == 4 and man.up.count(b"NSEAL") == 4


def types_of(runtime):
    path = runtime.dir / "types.json"
    path.write_bytes(subprocess.run([BIN / "nacre", "plugin", "types", runtime.plugin], capture_output=True, timeout=30,
                                    check=True).stdout)
    return path


def test_errors_of_the_app_are_hidden_too(media, enclave):
    with mitm.Mitm(media.address) as man:
        status, body = python_call(enclave, man, b'{"payload":{"media_hash":"' + CANARY.encode() + b'"}}')
        assert status == 400 and json.loads(body)["error"]
        assert not man.learns(json.loads(body)["error"]) and not man.learns(CANARY)
        code, _, said = nacre_call(media, man, "--seal", body=b"{}")
        assert code == 2 and "payload: missing" in said and "nobody's word" not in said


def test_it_cannot_change_a_byte_of_either(media, enclave):
    """A bit anywhere in what is said up or down: never another answer than the enclave's own, and never a plain one."""
    with mitm.Mitm(media.address) as man:
        python_call(enclave, man)
    up, down = len(man.up), len(man.down)
    accepted = 0
    for direction, size in ((mitm.UP, up), (mitm.DOWN, down)):
        for at in range(0, size, 11):
            with mitm.Mitm(media.address, alter=mitm.flip(direction, at)) as man:
                try:
                    status, body = enclave.call(url_of(man), "POST", ROUTE, body_of(), timeout=3)
                except (ValueError, OSError, harness.http.client.HTTPException):
                    continue
                # a header that nobody needs was hit: then it is the answer, whole, to the request as it was
                assert status == 200
                assert check_signed(media, body)["response"]["data"]["metadata"] == CANARY
                accepted += 1
    assert accepted < (up + down) / 11 / 2


def test_it_cannot_change_the_status(media, enclave):
    for old, new in ((b"HTTP/1.1 200 OK", b"HTTP/1.1 500 OK"), (b"HTTP/1.1 200 OK", b"HTTP/1.1 404 No")):
        with mitm.Mitm(media.address, alter=mitm.swap(mitm.DOWN, old, new)) as man:
            with pytest.raises(ValueError, match="HTTP says"):
                python_call(enclave, man)
    with mitm.Mitm(media.address, alter=mitm.swap(mitm.DOWN, b"HTTP/1.1 400 Bad Request", b"HTTP/1.1 200 Everything!")) as man:
        with pytest.raises(ValueError, match="HTTP says"):
            python_call(enclave, man, b"{}")
        code, _, said = nacre_call(media, man, "--seal", body=b"{}")
        assert code == 2 and "was altered" in said


def test_it_cannot_answer_itself(media, enclave):
    """An answer in plain is told apart, whatever it says."""
    with mitm.Mitm(media.address, alter=mitm.swap(mitm.DOWN, TYPE.encode(), b"application/json;charset=utf"[:len(TYPE)])) as man:
        with pytest.raises(nacre_sealed.Refused):
            python_call(enclave, man)


def test_it_cannot_send_the_client_elsewhere(media, enclave):
    """A client that followed it would ask, from where it stands, whatever address the man wants asked."""
    with mitm.Mitm(media.address) as elsewhere:
        found = b"HTTP/1.1 302 Found\r\nLocation: %s/\r\n" % url_of(elsewhere).encode()

        def alter(way, _number, _offset, chunk):
            return chunk.replace(b"HTTP/1.1 200 OK\r\n", found) if way == mitm.DOWN else chunk

        with mitm.Mitm(media.address, alter=alter) as man:
            with pytest.raises(ValueError, match="HTTP says 302"):
                python_call(enclave, man)
            code, out, _ = nacre_call(media, man, "--seal")
            assert code == 2 and not out
        assert elsewhere.connections == []


def test_it_cannot_replay(media, enclave):
    with mitm.Mitm(media.address) as man:
        python_call(enclave, man)
        before = media.health()
        for _ in range(3):
            again = man.replay()
            assert harness.status_of(again) == 409 and TYPE.encode() not in again
        assert before["public_key"] == media.health()["public_key"]


def test_it_cannot_redirect(media, enclave):
    with mitm.Mitm(media.address, alter=mitm.swap(mitm.UP, b"POST /process_data ", b"POST /sign_report? ")) as man:
        with pytest.raises(nacre_sealed.Refused, match="does not open"):
            python_call(enclave, man)
        code, _, said = nacre_call(media, man, "--seal")
        assert code == 2 and "does not open" in said and "nobody's word" in said


def test_it_cannot_swap_answers(media, enclave):
    with mitm.Mitm(media.address) as man:
        python_call(enclave, man, body_of("another"))
    old = man.connections[0].said[mitm.DOWN]
    sealed = bytes(old[old.index(b"\x89NSEAL"):])

    def alter(way, _number, _offset, chunk):
        at = chunk.find(b"\x89NSEAL")
        return chunk[:at] + sealed if way == mitm.DOWN and at >= 0 and len(chunk) - at == len(sealed) else chunk

    with mitm.Mitm(media.address, alter=alter) as man:
        with pytest.raises(ValueError, match="does not open"):
            python_call(enclave, man, body_of("a-third"))
        code, out, said = nacre_call(media, man, "--seal", body=body_of("a-third"))
        assert code == 2 and not out and "does not open" in said


def test_it_cannot_put_its_own_key_there(media):
    """The key comes out of the document, and a document that was touched is refused before anything is sealed."""
    with mitm.Mitm(media.address) as man:
        nacre_call(media, man, "--seal")
    answer = bytes(man.connections[0].said[mitm.DOWN])
    user_data = answer.index(b"646174615f6b6579") + 20  # "data_key", its head, and the key's first digits
    alter = mitm.swap(mitm.DOWN, answer[user_data:user_data + 8], b"00000000")
    with mitm.Mitm(media.address, alter=alter) as man:
        code, out, said = nacre_call(media, man, "--seal")
        assert code == 1 and not out and "signature" in said
        assert TYPE.encode() not in man.up and not man.learns(CANARY)
