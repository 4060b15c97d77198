"""nacre data, nacre model, nacre repeat, nacre call --async and the local blob store, with the app mltraining."""
import hashlib
import json
import os
import re
import stat
import struct
import subprocess
import zlib

import nacl.public
import nacl.utils
import pytest

import harness
import nacre_check
import training

pytestmark = pytest.mark.skipif("avx2" not in open("/proc/cpuinfo").read(), reason="the app needs AVX2 and FMA")
NACRE = str(harness.BIN / "nacre")
IRIS = training.DATA / "iris.csv"
CONFIG = {"input_size": 4, "output_size": 3, "layers": [{"neurons": 8, "activation": "tanh"}]}


def nacre(*words, cwd=None, status=0, data=None):
    done = subprocess.run([NACRE, *map(str, words)], capture_output=True, cwd=cwd, input=data, timeout=120, check=False)
    assert done.returncode == status, (words, done.returncode, done.stdout[-500:], done.stderr[-1000:])
    return done.stdout.decode() if status == 0 else done.stdout.decode() + done.stderr.decode()


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A trained model: the runtime, its store, and the buyer's directory with all of the job's files."""
    with harness.Runtime("mltraining", options=("--blob-store", "127.0.0.1:0")) as runtime:
        runtime.store = training.Store(*re.search(r"store=(\S+) store_ca=(\S+)", runtime.out).groups())
        runtime.url = "http://%s:%d" % runtime.address
        runtime.policy = ["--root", runtime.root_path, "--signature-only"]
        runtime.work = tmp_path_factory.mktemp("training")
        runtime.buyer = nacre("model", "keygen", "buyer.key", cwd=runtime.work).strip()
        nacre("data", "encrypt", IRIS, "-o", "iris.enc", "--key", "iris.key", cwd=runtime.work)
        runtime.blob = runtime.store.put((runtime.work / "iris.enc").read_bytes())
        runtime.config = runtime.store.put(json.dumps(CONFIG).encode())
        grant = nacre("data", "grant", "iris.key", "--to", runtime.url, "--buyer", runtime.buyer, *runtime.policy,
                      cwd=runtime.work)
        runtime.job = job(runtime, [json.loads(grant)])
        runtime.answer = answer(runtime, runtime.job)
        (runtime.work / "receipt.json").write_text(json.dumps(runtime.answer, separators=(",", ":")))
        runtime.receipt = runtime.answer["response"]["data"]
        runtime.sealed = runtime.store.get(runtime.receipt["model_blob_id"])
        (runtime.work / "model.sealed").write_bytes(runtime.sealed)
        yield runtime


def job(runtime, grants, **other):
    return {"payload": {"data_blob_ids": [runtime.blob], "model_config_blob_id": runtime.config,
                        "key_id": runtime.buyer, "learning_rate": 0.01, "epochs": 20, "data_keys": grants, **other}}


def answer(runtime, what):
    path = runtime.work / "job.json"
    path.write_text(json.dumps(what))
    said = nacre("call", runtime.url, "/train", "--async", "--json", *runtime.policy, "--plugin", runtime.plugin, "-d",
                 f"@{path}", cwd=runtime.work)
    return json.loads(said)["answer"]


def test_the_whole_way(world):
    nacre_check.verify_response(world.answer, world.key, nacre_check.APPS["mltraining"])
    said = nacre("model", "open", "model.sealed", "--key", "buyer.key", "-o", "out", "--receipt", "receipt.json",
                 cwd=world.work)
    assert said == "out/model.safetensors\nout/card.json\n"
    card, model = training.open_model(world.sealed, (world.work / "buyer.key").read_text().split()[1])
    assert (world.work / "out" / "model.safetensors").read_bytes() == model
    assert json.loads((world.work / "out" / "card.json").read_text(), parse_float=str) == card
    assert hashlib.sha256(model).digest() == bytes(world.receipt["model_sha256"])
    network, texts = training.tensors(model)
    rows = [[float(v) for v in line.split(",")] for line in IRIS.read_text().splitlines()[1:]]
    right = sum(training.predict(network, texts, row[:-1]) == row[-1] for row in rows)
    assert right >= 130, f"{right} of 150"


def blobs_of(world, tmp_path):
    for blob in (world.blob, world.config):
        (tmp_path / blob).write_bytes(world.store.get(blob))
    (tmp_path / "job").write_text(json.dumps(world.job))
    return ["repeat", tmp_path / "job", "--blobs", tmp_path, "--data-key", world.work / "iris.key", "--against"]


@pytest.mark.parametrize("threads", ["1", "2", "7"])
def test_repeated_to_the_last_bit(world, tmp_path, threads):
    said = nacre(*blobs_of(world, tmp_path), world.work / "receipt.json", "--threads", threads, "-o", tmp_path / "again")
    assert said.endswith("the same model\n")
    assert hashlib.sha256((tmp_path / "again").read_bytes()).digest() == bytes(world.receipt["model_sha256"])


def test_another_model_is_told(world, tmp_path):
    command = blobs_of(world, tmp_path)
    other = json.loads(json.dumps(world.job))
    other["payload"]["epochs"] = 21
    (tmp_path / "job").write_text(json.dumps(other))
    assert "ANOTHER MODEL" in nacre(*command, world.work / "receipt.json", status=1)
    (tmp_path / world.blob).write_bytes(IRIS.read_bytes())  # a plain copy will do as well
    (tmp_path / "job").write_text(json.dumps(world.job["payload"]))
    assert "the same model" in nacre(*command, world.work / "receipt.json")
    (tmp_path / world.blob).unlink()
    assert world.blob in nacre(*command, world.work / "receipt.json", status=2)
    (tmp_path / "job").write_text("{}")
    assert "data_blob_ids" in nacre(*command, world.work / "receipt.json", status=2)
    escape = json.loads(json.dumps(world.job))
    escape["payload"]["data_blob_ids"] = ["../../etc/passwd"]
    (tmp_path / "job").write_text(json.dumps(escape))
    assert "is no blob id" in nacre(*command, world.work / "receipt.json", status=2)


@pytest.mark.parametrize("what", ["other key", "a byte", "cut", "empty", "receipt"])
def test_models_that_do_not_fit_are_refused(world, tmp_path, what):
    sealed, key, receipt, status = world.sealed, world.work / "buyer.key", world.work / "receipt.json", 1
    if what == "other key":
        key = tmp_path / "other.key"
        nacre("model", "keygen", key)
    elif what == "a byte":
        sealed = sealed[:500] + bytes([sealed[500] ^ 1]) + sealed[501:]
    elif what == "cut":
        sealed = sealed[:-1]
    elif what == "empty":
        sealed, status = b"", 2
    else:
        changed = json.loads((world.work / "receipt.json").read_text())
        changed["response"]["data"]["sealed_sha256"][0] ^= 1
        receipt = tmp_path / "receipt.json"
        receipt.write_text(json.dumps(changed))
    (tmp_path / "sealed").write_bytes(sealed)
    nacre("model", "open", tmp_path / "sealed", "--key", key, "-o", tmp_path / "out", "--receipt", receipt, status=status)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("size", [1, 65535, 65536, 65537, 200000])
def test_dataset_format(tmp_path, size):
    """What `data encrypt --key` writes, opened with libsodium by another road."""
    from nacl import bindings as sodium
    plain = os.urandom(size)
    nacre("data", "encrypt", "-", "-o", tmp_path / "enc", "--key", tmp_path / "key", data=plain)
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    both = bytes.fromhex((tmp_path / "key").read_text().split()[1])
    data = (tmp_path / "enc").read_bytes()
    assert data[:8] == b"NACREDS1" and data[8:24] == both[:16] and struct.unpack("<I", data[24:28]) == (65536,)
    state = sodium.crypto_secretstream_xchacha20poly1305_state()
    sodium.crypto_secretstream_xchacha20poly1305_init_pull(state, data[28:52], both[16:])
    at, out, tag = 52, b"", 0
    while at < len(data):
        chunk = data[at:at + 65536 + 17]
        message, tag = sodium.crypto_secretstream_xchacha20poly1305_pull(state, chunk, data[:28])
        out, at = out + message, at + len(chunk)
    assert out == plain and tag == sodium.crypto_secretstream_xchacha20poly1305_TAG_FINAL
    nacre("data", "encrypt", "-", "-o", tmp_path / "enc2", "--key", tmp_path / "key", data=plain, status=2)  # never twice
    assert not (tmp_path / "enc2").exists()


def test_to_the_attested_key(world, tmp_path):
    nacre("data", "encrypt", IRIS, "-o", tmp_path / "enc", "--to", world.url, *world.policy)
    envelope = json.loads((tmp_path / "enc").read_text())
    assert set(envelope) == {"encrypted", "nonce", "ephemeralPublicKey"}
    blob = world.store.put((tmp_path / "enc").read_bytes())
    trained = answer(world, job(world, [], data_blob_ids=[blob]))
    assert trained["response"]["data"]["data"][0]["rows"] == 150


def test_the_enclave_must_fit_the_policy(world, tmp_path):
    wrong = ["--root", world.root_path, "--pcr", "0=" + "ab" * 48]
    nacre("data", "encrypt", IRIS, "-o", tmp_path / "enc", "--to", world.url, *wrong, status=1)
    nacre("data", "grant", world.work / "iris.key", "--to", world.url, *wrong, status=1)
    assert not (tmp_path / "enc").exists()


def refused(world, grants, status, text):
    path = world.work / "refused.json"
    path.write_text(json.dumps(job(world, grants)))
    said = nacre("call", world.url, "/train", "--async", *world.policy, "--plugin", world.plugin, "-d", f"@{path}", status=2)
    assert f"status {status}" in said and text in said, said


def test_grants_bind(world):
    command = ["data", "grant", world.work / "iris.key", "--to", world.url, *world.policy]
    refused(world, [], 422, "key")
    refused(world, [json.loads(nacre(*command, "--buyer", "11" * 32))], 403, "another key")
    refused(world, [json.loads(nacre(*command, "--not-after", "2020-01-01T00:00:00Z"))], 403, "was granted until")
    assert answer(world, job(world, [json.loads(nacre(*command))]))["response"]["data"]["model_sha256"] == \
        world.receipt["model_sha256"]
    nacre(*command, "--buyer", "no key", status=2)
    assert "all zeros" in nacre(*command, "--buyer", "00" * 32, status=2)
    nacre(*command, "--not-after", "tomorrow", status=2)


def test_plots(world, tmp_path):
    nacre("model", "open", "model.sealed", "--key", "buyer.key", "-o", tmp_path / "out", cwd=world.work)
    text = nacre("model", "plot", tmp_path / "out")
    assert text.startswith("loss\n") and "accuracy (%)" in text and "over 20 epochs" in text
    nacre("model", "plot", tmp_path / "out" / "card.json", "-o", tmp_path / "p.png")
    png, at, chunks = (tmp_path / "p.png").read_bytes(), 8, []
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at:at + 8])
        body = png[at + 8:at + 8 + length]
        assert struct.unpack(">I", png[at + 8 + length:at + 12 + length])[0] == zlib.crc32(kind + body)
        chunks.append((kind, body))
        at += 12 + length
    assert [k for k, _ in chunks] == [b"IHDR", b"PLTE", b"IDAT", b"IEND"]
    width, height, depth, color = struct.unpack(">IIBB", chunks[0][1][:10])
    rows = zlib.decompress(chunks[2][1])
    assert (depth, color) == (8, 3) and len(rows) == height * (width + 1) and set(rows[::width + 1]) == {0}
    colors = len(chunks[1][1]) // 3
    assert max(rows) < colors and all(rows.count(bytes([c])) > 100 for c in range(colors))  # both curves are there
    for bad in ("{}", "[]", "", '{"history":[]}', '{"history":[1]}', '{"history":[{"loss":1}'):
        (tmp_path / "bad.json").write_text(bad)
        nacre("model", "plot", tmp_path / "bad.json", status=2)


def test_keys_of_others(tmp_path):
    nacre("model", "keygen", tmp_path / "key")
    nacre("model", "keygen", tmp_path / "key", status=1)  # not replaced
    (tmp_path / "key").chmod(0o644)
    (tmp_path / "sealed").write_bytes(b"x" * 100)
    assert "mode 644" in nacre("model", "open", tmp_path / "sealed", "--key", tmp_path / "key", "-o", tmp_path / "o", status=2)
    (tmp_path / "text").write_text("nacre-model-key 00\n")
    (tmp_path / "text").chmod(0o600)
    assert "64 hex digits" in nacre("model", "open", tmp_path / "sealed", "--key", tmp_path / "text", "-o", tmp_path / "o",
                                    status=2)


def test_blob_store(world):
    data = nacl.utils.random(100_000)
    first = world.store.put(data)
    assert world.store.put(data) == first and world.store.get(first) == data
    for method, path, body, status in (
            ("GET", "/v1/blobs/AAAA", None, 404), ("GET", "/v1/blobs/../x", None, 404), ("GET", "/", None, 404),
            ("PUT", "/v1/blobs?epochs=0", b"x", 400), ("PUT", "/v1/blobs?epochs=x", b"x", 400),
            ("POST", "/v1/blobs", b"x", 404), ("PUT", "/v1/blobs", b"x" * (10 * 1024 * 1024 + 1), 413)):
        assert world.store.exchange(method, path, body)[0] == status, (method, path)
    assert world.store.get(world.store.put(b"")) == b""
    reply = json.loads(world.store.exchange("PUT", "/v1/blobs?epochs=3", os.urandom(20))[1])
    assert reply["newlyCreated"]["blobObject"]["storage"]["endEpoch"] == 37


def test_call_async_tells_what_failed(world):
    path = world.work / "bad.json"
    path.write_text(json.dumps(job(world, [], key_id="0x" + "12" * 32)))
    said = nacre("call", world.url, "/train", "--async", *world.policy, "--plugin", world.plugin, "-d", f"@{path}", status=2)
    assert "job http" in said and "status 422" in said and "Sui address" in said
    nacre("call", world.url, "/train", "--async", "--attest", *world.policy, "--plugin", world.plugin, "-d", "{}", status=2)


@pytest.mark.parametrize("name,rows,columns,classes", [("pima", 768, 8, 2), ("iris", 150, 4, 3),
                                                       ("breast_cancer", 569, 30, 2), ("digits", 1797, 64, 10)])
def test_public_data(name, rows, columns, classes):
    header, *lines = (training.DATA / f"{name}.csv").read_text().splitlines()
    assert len(lines) == rows and len(set(header.split(","))) == columns + 1
    values = [[float(v) for v in line.split(",")] for line in lines]
    assert all(len(v) == columns + 1 for v in values)
    assert {v[-1] for v in values} == set(range(classes))


def test_requests_that_make_run_prints(world, tmp_path):
    """Copied and pasted as they stand, with the addresses put in."""
    lines = [line for line in (harness.ROOT / "plugins" / "mltraining" / "requests.txt").read_text().splitlines()
             if line and not line.startswith("#")]
    script = "set -eu\n" + "\n".join(line.replace("curl ", "curl -sSf ", 1) for line in lines)
    for old, new in (("STORE", f"https://{world.store.address}"), ("URL", world.url), ("out/bin/nacre", NACRE),
                     ("plugins/mltraining/data", str(training.DATA))):
        assert old in script
        script = script.replace(old, new)
    done = subprocess.run(["sh", "-c", script], cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    answer = done.stdout[done.stdout.rindex(b'{"response"'):]
    data = json.loads(answer)["response"]["data"]
    nacre_check.verify_response(answer, world.key, nacre_check.APPS["mltraining"])
    assert float(data["accuracy"]) > 70 and data["num_samples"] == "614"
