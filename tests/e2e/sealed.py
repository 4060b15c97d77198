"""Sealed secrets by PyNaCl alone: nothing here comes from nacre's own code. docs/SECRETS.md has the format."""
import struct
import time

import nacl.public
import nacl.signing

MAGIC = b"\x89nacre sealed\r\n\x1a"


def seal(operator, target, secrets, app=None, config=None, key=None, version=1):
    """A blob for what `target`, the user_data of a document, names."""
    app = (app if app is not None else target["app"]).encode()
    key = key or target["secrets_key"]
    box = nacl.public.SealedBox(nacl.public.PublicKey(key)).encrypt(secrets)
    size = 145 + len(app) + len(box) + 64
    body = (MAGIC + struct.pack("<IIQ", version, size, int(time.time() * 1000)) + bytes(operator.verify_key) + key
            + (config or target["config"]) + bytes([len(app)]) + app + box)
    return body + operator.sign(body).signature


def unseal(blob, secret, operator_key):
    """The fields of a blob and its content, opened by the enclave's secret."""
    assert blob[:16] == MAGIC
    version, size, made_ms = struct.unpack("<IIQ", blob[16:32])
    assert version == 1 and size == len(blob)
    assert blob[32:64] == operator_key
    nacl.signing.VerifyKey(operator_key).verify(blob[:-64], blob[-64:])
    n = blob[144]
    return {"made_ms": made_ms, "secrets_key": blob[64:96], "config": blob[96:144], "app": blob[145:145 + n].decode(),
            "content": nacl.public.SealedBox(nacl.public.PrivateKey(secret)).decrypt(blob[145 + n:-64])}
