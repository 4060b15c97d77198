"""
A man in the middle on the parent's position: between the enclave and KMS, between the operator and the enclave, and with
the credentials that he lends himself. He learns no secret, and what he changes is noticed.
"""
import contextlib
import json
import socket
import threading

import pytest

import harness
import kms
import mitm
import parent
from test_sealed import Waiting

CANARY = "a-canary-that-only-the-app-may-see-0123456789"
SECRETS = json.dumps({"API_KEY": CANARY}).encode()


@contextlib.contextmanager
def bridge(path):
    """A TCP address that leads to a Unix socket."""
    def each(client):
        with socket.socket(socket.AF_UNIX) as far:
            far.connect(str(path))
            back = threading.Thread(target=parent.pump, args=(far, client), daemon=True)
            back.start()
            with contextlib.suppress(OSError):
                while data := client.recv(65536):
                    far.sendall(data)
                far.shutdown(socket.SHUT_WR)
            back.join(20)
        client.close()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        parent.serve(listener, each)
        yield listener.getsockname()


class Between(kms.Kms):
    """A runtime that reaches KMS through a proxy."""

    def __init__(self, **options):
        stub = kms.Stub()
        self.man = mitm.Mitm(("127.0.0.1", stub.port), **options)
        super().__init__(secrets=SECRETS, stub=stub, kms_port=self.man.address[1])
        self.own_stub = True

    def __exit__(self, kind, *_):
        self.man.close()
        super().__exit__(kind)

    def up(self):
        harness.wait_for("the app", lambda: self.health()["app_state"] == "up", kms.WAIT)


def test_he_learns_neither_secrets_nor_what_is_asked():
    with Between() as r:
        assert r.lend().startswith("ok")
        r.up()
        seen = r.stub.credentials
        assert r.man.connections and not r.man.learns(CANARY)
        for text in (seen["SecretAccessKey"], seen["Token"], "TrentService", r.stub.key_id, "CiphertextForRecipient"):
            assert not r.man.learns(text), text
        assert r.man.learns(kms.HOST), "the name of the host is in the clear: he is looking at the right place"


def test_he_cannot_change_a_byte_unnoticed():
    """In what is asked and in what is answered, from the first bytes of TLS to the last of the answer."""
    for at in (3, 200, 700, 1200, 4000):
        for way in (mitm.UP, mitm.DOWN):
            with Between(alter=mitm.flip(way, at, 0)) as r:  # of his first connection; the next one he lets pass
                r.lend()
                r.up()
                assert r.stub.answers(": 200") >= 1 and not r.man.learns(CANARY), (way, at)
                if len(r.man.connections) == 1:  # the run's one question came through: nothing was at that place
                    assert len(r.man.up if way == mitm.UP else r.man.down) <= at, (way, at)


def test_he_cannot_answer_in_kms_place():
    with Between(certificate=mitm.own_certificate((kms.HOST,))) as r:
        r.lend()
        r.await_log("certificate refused")
        assert r.health()["secrets"] == "waiting" and not r.man.learns(CANARY)
        assert not r.man.learns(r.stub.credentials["Token"]), "nothing is sent before he has been looked at"
        assert r.stub.answers("TrentService") == 0


def test_what_he_recorded_opens_nothing():
    """The bytes of a good conversation, and the answer of KMS itself, to another run of the same image."""
    with Between() as first:
        first.lend()
        first.up()
        recorded = first.man.connections[0].said
        assert recorded[mitm.UP] and recorded[mitm.DOWN]
        with kms.Kms(secrets=SECRETS, stub=first.stub) as second:
            first.stub.fault("replay", 1)
            second.lend()
            second.await_log("is not encrypted to this run's key")
            assert second.health()["secrets"] == "waiting"

        def parrot(way, _number, offset, chunk):
            """Sends the old answer whatever is asked."""
            if way == mitm.UP:
                return chunk
            return bytes(recorded[mitm.DOWN]) if offset == 0 else b""
        with Between(alter=parrot) as third:
            third.lend()
            third.await_log("no secrets from KMS")
            assert third.health()["secrets"] == "waiting"


def test_stolen_credentials_are_worth_nothing(tmp_path):
    """He has them: they are his instance's. Without a document of this image KMS gives nothing; with his own, neither."""
    botocore = pytest.importorskip("botocore.session")
    from botocore.exceptions import ClientError  # pylint: disable=import-outside-toplevel
    with Between() as r:
        r.lend()
        r.up()
        c = r.stub.credentials
        thief = botocore.get_session().create_client(
            "kms", region_name=r.stub.region, endpoint_url=f"https://localhost:{r.stub.port}",
            verify=str(r.stub.files["ca.pem"]), aws_access_key_id=c["AccessKeyId"],
            aws_secret_access_key=c["SecretAccessKey"], aws_session_token=c["Token"])
        with pytest.raises(ClientError, match="AccessDeniedException"):
            thief.decrypt(KeyId=r.stub.key_id, CiphertextBlob=r.ciphertext.read_bytes())
        # another image, with another configuration, on the same parent with the same role
        with kms.Kms(secrets=SECRETS, stub=r.stub, sets=["http.idle_s=31"]) as other:
            r.stub.allow({i: r.pcrs[i] for i in (0, 17)})
            other.lend()
            other.await_log("KMS answers 400 AccessDeniedException")
            assert other.health()["secrets"] == "waiting"


def test_between_operator_and_enclave():
    """Sealed secrets through him: what he records tells nothing, what he changes is refused, and the last one arrives."""
    with Waiting(sealed_only=True) as r:
        status, _, err = r.seal(stdin=SECRETS)
        assert status == 0, err
        blob = r.blob_file.read_bytes()
        places = list(range(0, len(blob), max(1, len(blob) // 7))) + [len(blob) - 1]
        for at in places:
            with bridge(r.socket) as far, mitm.Mitm(far, alter=mitm.flip(mitm.UP, at)) as man:
                status, _, err = r.send("--wait", "5", place=("--tcp", "%s:%d" % man.address))
                assert status != 0 and r.health()["secrets"] == "waiting", (at, err)
        with bridge(r.socket) as far, mitm.Mitm(far) as man:
            status, out, err = r.send(place=("--tcp", "%s:%d" % man.address))
            assert (status, out) == (0, "received\n"), err
            assert blob in man.up and not man.learns(CANARY)
