"""The buyer's side of a training job with none of nacre's code: the store, the sealed model, what it predicts.

And the demo of the app mltraining, which trains with nacre's tools and checks all of it with this.
"""
import hashlib
import http.client
import json
import math
import pathlib
import re
import ssl
import struct
import subprocess
import sys

import nacl.public

import nacre_check
from nacre_check import need

DATA = pathlib.Path(__file__).resolve().parents[2] / "plugins" / "mltraining" / "data"


class Store:
    """Aggregator and publisher of Walrus at one address."""

    def __init__(self, url, ca):
        self.address = re.fullmatch(r"https://([^/]+)", url).group(1)
        self.context = ssl.create_default_context(cafile=str(ca))

    def exchange(self, method, path, body=None):
        connection = http.client.HTTPSConnection(self.address, timeout=60, context=self.context)
        try:
            connection.request(method, path, body)
            reply = connection.getresponse()
            return reply.status, reply.read()
        finally:
            connection.close()

    def put(self, data):
        status, body = self.exchange("PUT", "/v1/blobs?epochs=1", data)
        need(status == 200, f"the store answered {status} {body[:200]!r}")
        reply = json.loads(body)
        return (reply.get("newlyCreated", {}).get("blobObject") or reply["alreadyCertified"])["blobId"]

    def get(self, blob_id):
        status, body = self.exchange("GET", f"/v1/blobs/{blob_id}")
        need(status == 200, f"the store answered {status} for {blob_id}")
        return body


def open_model(sealed, secret_hex):
    """(card, safetensors) of a stored model, opened with the buyer's key."""
    plain = nacl.public.SealedBox(nacl.public.PrivateKey(bytes.fromhex(secret_hex))).decrypt(sealed)
    need(plain[:8] == b"NACREML1", "not a model")
    (length,) = struct.unpack("<Q", plain[8:16])
    return nacre_check.parse_json(plain[16:16 + length].decode()), plain[16 + length:]


def tensors(safetensors):
    """{name: (shape, values)}, and the texts."""
    (length,) = struct.unpack("<Q", safetensors[:8])
    head = json.loads(safetensors[8:8 + length])
    texts = head.pop("__metadata__")
    out = {}
    for name, t in head.items():
        begin, end = (8 + length + at for at in t["data_offsets"])
        need(t["dtype"] == "F32", f"{name} is {t['dtype']}")
        out[name] = t["shape"], struct.unpack(f"<{(end - begin) // 4}f", safetensors[begin:end])
    return out, texts


ACTIVATIONS = {"relu": lambda v: max(v, 0.0), "tanh": math.tanh, "identity": lambda v: v,
               "sigmoid": lambda v: 1 / (1 + math.exp(-v)), "leaky_relu": lambda v: v if v > 0 else 0.01 * v}


def predict(model, texts, row):
    """The class that the network gives a row."""
    x = list(row)
    if "input.mean" in model:
        x = [(v - m) / s for v, m, s in zip(x, model["input.mean"][1], model["input.scale"][1])]
    for i, activation in enumerate(texts["activations"].split(",")):
        (out, _), w = model[f"layers.{i}.weight"]
        bias = model[f"layers.{i}.bias"][1]
        x = [ACTIVATIONS[activation](bias[o] + sum(w[o * len(x) + k] * v for k, v in enumerate(x))) for o in range(out)]
    return x.index(max(x))


def read_csv(text):
    lines = text.splitlines()
    return lines[0], lines[1:]


def split_pima():
    """(the CSV files of two contributors, rows that nobody but this program sees)."""
    header, rows = read_csv((DATA / "pima.csv").read_text())
    kept = rows[::6]
    used = [row for i, row in enumerate(rows) if i % 6]
    half = len(used) // 2
    parsed = [[float(v) for v in row.split(",")] for row in kept]
    return ["\n".join([header, *part]) + "\n" for part in (used[:half], used[half:])], \
        [(row[:-1], int(row[-1])) for row in parsed]


CONFIG = {"input_size": 8, "output_size": 2,
          "layers": [{"neurons": 16, "activation": "relu", "dropout": 0.1}], "test_fraction": 0.2, "seed": 7}


def tool(runtime, *words, show=False):
    """A command of nacre; its standard output."""
    import harness
    command = [str(harness.BIN / "nacre"), *map(str, words)]
    print("tool        nacre " + " ".join(str(w) if len(str(w)) < 80 else str(w)[:77] + "..." for w in words))
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=None if show else subprocess.PIPE, cwd=runtime.dir,
                          check=False, timeout=600)
    need(done.returncode == 0, f"nacre {words[0]} {words[1]} ended with {done.returncode}: "
         f"{(done.stderr or b'').decode()} {done.stdout.decode()}")
    return done.stdout.decode()


def check_document(runtime):
    """The document, verified here; its data."""
    nonce = b"demo of mltraining"
    payload = nacre_check.verify_document(
        bytes.fromhex(runtime.get(f"/get_attestation?nonce={nonce.hex()}").json["attestation"]), runtime.root_path)
    need(payload["nonce"] == nonce, "the document has another nonce")
    data = nacre_check.check_measured(payload, runtime.plugin)
    need(data["app"] == "mltraining", f"the document is for {data['app']}")
    print("checked     document: ES384 signature, certificates up to the test root, our nonce; PCR16 is the digest of "
          f"{runtime.plugin.name}, PCR17 of its configuration")
    return payload, data


def train(runtime, store, policy, parts):
    """Encrypts, stores, grants, trains as a job. Returns (job, receipt answer)."""
    url = "http://%s:%d" % runtime.address
    for name, text in zip(("first", "second"), parts):
        (runtime.dir / f"{name}.csv").write_text(text)
    tool(runtime, "data", "encrypt", "first.csv", "-o", "first.enc", "--to", url, *policy)
    tool(runtime, "data", "encrypt", "second.csv", "-o", "second.enc", "--key", "second.key")
    blobs = [store.put((runtime.dir / f"{name}.enc").read_bytes()) for name in ("first", "second")]
    config = store.put(json.dumps(CONFIG).encode())
    print(f"stored      two encrypted datasets {blobs}, model config {config}")
    buyer = tool(runtime, "model", "keygen", "buyer.key").strip()
    grant = json.loads(tool(runtime, "data", "grant", "second.key", "--to", url, "--buyer", buyer, *policy))
    job = {"payload": {"data_blob_ids": blobs, "model_config_blob_id": config, "key_id": buyer,
                       "learning_rate": 0.003, "epochs": 150, "data_keys": [grant]}}
    (runtime.dir / "job.json").write_text(json.dumps(job))
    answer = json.loads(tool(runtime, "call", url, "/train", "--async", "--json", "--plugin", runtime.plugin, *policy,
                             "-d", "@job.json", show=True))["answer"]
    (runtime.dir / "receipt.json").write_text(json.dumps(answer, separators=(",", ":")))
    return job, answer


def check_receipt(runtime, payload, job, answer, card, sealed, model):
    """That the receipt is signed by the document's key and binds what it is to bind."""
    message = nacre_check.verify_response(answer, payload["public_key"], nacre_check.APPS["mltraining"])
    data = answer["response"]["data"]
    print(f"checked     receipt: Ed25519 signature, by the document's key, over {len(message)} bytes")
    need(bytes(data["sealed_sha256"]) == hashlib.sha256(sealed).digest(), "sealed_sha256 is of other bytes")
    need(bytes(data["model_sha256"]) == hashlib.sha256(model).digest(), "model_sha256 is of another model")
    need(card["model_sha256"] == bytes(data["model_sha256"]).hex(), "the card speaks of another model")
    need(bytes(data["buyer"]).hex() == job["payload"]["key_id"], "the buyer is another")
    for name, blob in zip(("first", "second"), data["data"], strict=True):
        stored = (runtime.dir / f"{name}.enc").read_bytes()
        need(bytes(blob["sha256"]) == hashlib.sha256(stored).digest(), f"trained on other data than {name}.enc")
    need(bytes(data["config_sha256"]) == hashlib.sha256(json.dumps(CONFIG).encode()).digest(), "another config")
    print("checked     receipt: SHA-256 of both datasets, config, model and sealed model, and the buyer's key")


def play(runtime):
    store = Store(*re.search(r"store=(\S+) store_ca=(\S+)", runtime.out).groups())
    policy = ("--root", runtime.root_path, "--signature-only")
    payload, _ = check_document(runtime)
    parts, unseen = split_pima()
    job, answer = train(runtime, store, policy, parts)
    data = answer["response"]["data"]
    print(f"trained     seed {data['seed']}; {data['train']['rows']} rows, accuracy {data['train']['accuracy']} %; "
          f"{data['test']['rows']} rows held out by the app, accuracy {data['test']['accuracy']} %")
    sealed = store.get(data["model_blob_id"])
    (runtime.dir / "model.sealed").write_bytes(sealed)
    tool(runtime, "model", "open", "model.sealed", "--key", "buyer.key", "-o", "model", "--receipt", "receipt.json")
    card, model = open_model(sealed, (runtime.dir / "buyer.key").read_text().split()[1])
    need(model == (runtime.dir / "model" / "model.safetensors").read_bytes(), "nacre model open exported other bytes")
    check_receipt(runtime, payload, job, answer, card, sealed, model)
    network, texts = tensors(model)
    right = sum(predict(network, texts, row) == label for row, label in unseen)
    print(f"checked     model: opened with PyNaCl; {right} of {len(unseen)} rows right that the app never saw")
    need(right / len(unseen) > 0.7, f"only {right} of {len(unseen)} rows are right")
    blobs = runtime.dir / "blobs"
    blobs.mkdir()
    for blob in (*job["payload"]["data_blob_ids"], job["payload"]["model_config_blob_id"]):
        (blobs / blob).write_bytes(store.get(blob))
    # the first opens in that enclave only; its owner has the plain copy
    (blobs / job["payload"]["data_blob_ids"][0]).write_text(parts[0])
    said = tool(runtime, "repeat", "job.json", "--blobs", "blobs", "--data-key", "second.key", "--against", "receipt.json")
    need(said.endswith("the same model\n"), said)
    print("checked     model: trained again outside the enclave, and the same to the last bit")
    tool(runtime, "model", "plot", "model", "-o", "curves.png")
    sys.stdout.write(tool(runtime, "model", "plot", "model"))
