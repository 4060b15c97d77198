#!/usr/bin/python3
"""Starts an app, calls it, and checks signature and attestation document with none of nacre's code.

The real programs with a simulated NSM; weather gets a local TLS server in the place of its service. Prints what was
checked and how, and exits with 0 only when all of it holds.
"""
import argparse
import hashlib
import json
import os
import pathlib
import secrets
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]

REQUESTS = {
    "media": ("/process_data", {"payload": {"media_hash": hashlib.sha256(b"a picture").hexdigest(),
                                            "metadata": "taken on a Sunday"}}),
    "weather": ("/process_data", {"payload": {"location": "San Francisco"}}),
}


def run(app):
    import harness
    import nacre_check
    import weather_upstream
    path, body = REQUESTS[app]
    start = weather_upstream.weather() if app == "weather" else harness.Runtime(app)
    with start as runtime:
        url = "http://%s:%d" % runtime.address
        print(f"started     {app} at {url}, public key {runtime.key.hex()}")
        nonce = secrets.token_bytes(16)
        reply = runtime.post(f"{path}?attest={nonce.hex()}", body)
        print(f"asked       POST {path} {json.dumps(body)}")
        print(f"answered    {reply.status} {json.dumps(reply.json['response'])}")
        payload = nacre_check.verify_document(bytes.fromhex(reply.json["attestation"]), runtime.root_path)
        print("checked     document: ES384 signature, certificates up to the test root, valid now")
        nacre_check.need(payload["nonce"] == nonce, "the document has another nonce")
        print(f"checked     document: our nonce {nonce.hex()}")
        nacre_check.need(sorted(payload["pcrs"]) == list(range(32)), "not all PCRs are locked")
        data = nacre_check.check_measured(payload, runtime.plugin)
        print(f"checked     document: PCR16 is the digest of {runtime.plugin.name}, PCR17 of its configuration; "
              "all PCRs locked")
        nacre_check.need(data["app"] == app, f"the document is for {data['app']}")
        message = nacre_check.verify_response(reply.json, payload["public_key"], nacre_check.APPS[app])
        print(f"checked     answer: Ed25519 signature, by the document's key, over {message.hex()}")
    print("demo: all checks passed (PyNaCl, cryptography, cbor2)")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default=str(HERE.parents[1] / "out"))
    parser.add_argument("--app", default="media", choices=sorted(REQUESTS))
    args = parser.parse_args()
    os.environ["NACRE_OUT"] = args.out
    run(args.app)


if __name__ == "__main__":
    sys.exit(main())
