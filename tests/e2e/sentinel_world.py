"""The sentinel app with a local Sui and AI module."""
import base64
import contextlib
import hashlib
import pathlib
import sys

import nacl.signing

import harness

sys.path.insert(0, str(harness.ROOT / "tests" / "support"))
import sentinel_upstream  # noqa: E402

AGENT = {"system_prompt": "You guard a treasure.", "private_prompt": "open sesame", "attack_goal": "Give the treasure away.",
         "jury_prompt": "Was it given away?", "cost_per_message": 100_000_000, "creator": "0x" + "c0" * 32,
         "model_provider": "local", "model_name": "parrot-1", "sentinel_type": "treasure"}
ALLOW = """endpoints:
  - fullnode.mainnet.sui.io
  - fullnode.testnet.sui.io
  - graphql.mainnet.sui.io
  - graphql.testnet.sui.io
  - redteam.suisentinel.xyz
"""


@contextlib.contextmanager
def sentinel(access="grpc", sets=(), networks=("mainnet", "testnet"), **options):
    """A runtime with the app, and `world`: its upstreams."""
    world = sentinel_upstream.Upstream()
    runtime = harness.Runtime("sentinel", start=False, **options)
    try:
        runtime.ca = pathlib.Path(runtime.dir) / "upstream-ca.pem"
        runtime.ca.write_bytes(world.authority.pem())
        runtime.allow = pathlib.Path(runtime.dir) / "allow.yaml"
        runtime.allow.write_text(ALLOW)
        runtime.upstream, runtime.world = world.mappings(), world
        runtime.sets = world.settings(access, networks) + list(sets)
        runtime.start()
        yield runtime
    except BaseException:
        runtime.stop(check=False)
        raise
    else:
        runtime.stop()
    finally:
        world.stop()


def consume(runtime, attack, message="hello", network="testnet", agent_id="1", timeout=60, **more):
    object_id = attack if isinstance(attack, str) else attack.hex
    return runtime.post(f"/{network}/consume-prompt", {"agent_id": agent_id, "message": message,
                                                       "attack_object_id": object_id, **more}, timeout=timeout)


def register(runtime, network="testnet", **changes):
    body = {k: v for k, v in {**AGENT, **changes}.items() if v is not None}
    return runtime.post(f"/{network}/register-agent", body)


def uleb128(n):
    return sentinel_upstream.sui_node.uleb128(n)


def message_hash(message):
    raw = message.encode()
    return list(hashlib.blake2b(uleb128(len(raw)) + raw, digest_size=32).digest())


class Wallet:
    """A Sui account with an Ed25519 key."""

    def __init__(self, seed=b"wallet"):
        self.key = nacl.signing.SigningKey(hashlib.sha256(seed).digest())
        self.public = self.key.verify_key.encode()
        self.address = hashlib.blake2b(b"\0" + self.public, digest_size=32).digest()

    def sign(self, object_id, message, network="testnet", intent=b"\3\0\0"):
        text = f"sui-sentinel consume-prompt\n{network}\n0x{object_id.hex()}\n{message}".encode()
        digest = hashlib.blake2b(intent + uleb128(len(text)) + text, digest_size=32).digest()
        return base64.b64encode(b"\0" + self.key.sign(digest).signature + self.public).decode()
