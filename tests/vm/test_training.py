"""The same training job inside the enclave and outside: the same model, to the last bit."""
import contextlib
import hashlib
import json
import re
import ssl
import subprocess

import nacl.public
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

import bridge
import enclave
import machine
import nacre_check
import training

HOSTS = ["aggregator.walrus-testnet.walrus.space", "publisher.walrus-testnet.walrus.space"]
CONFIG = {"input_size": 8, "output_size": 2, "seed": 7,
          "layers": [{"neurons": 16, "activation": "relu", "dropout": 0.1}]}


@contextlib.contextmanager
def blob_store(directory):
    """A Store in Walrus's place, its port, and the digest of its key."""
    ca = directory / "store-ca.pem"
    process = subprocess.Popen([enclave.OUT / "bin" / "nacre-blobstore", "--ca-out", ca], stdout=subprocess.PIPE)
    try:
        port = int(re.match(rb"ready (\d+)", process.stdout.readline()).group(1))
        leaf = x509.load_pem_x509_certificate(ssl.get_server_certificate(("127.0.0.1", port)).encode())
        key = leaf.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        yield training.Store(f"https://127.0.0.1:{port}", ca), port, hashlib.sha256(key).hexdigest()
    finally:
        process.terminate()
        process.wait()


@pytest.mark.skipif("avx2" not in open("/proc/cpuinfo").read(), reason="nacre repeat needs AVX2 and FMA here")
def test_the_same_model_inside_and_outside(image, tmp_path):
    plugin = enclave.OUT / "plugins" / "mltraining" / "mltraining.so"
    with blob_store(tmp_path) as (store, port, pin):
        data, config = (training.DATA / "pima.csv").read_bytes(), json.dumps(CONFIG).encode()
        names = [store.put(data), store.put(config)]
        job = {"payload": {"data_blob_ids": names[:1], "model_config_blob_id": names[1], "learning_rate": 0.001,
                           "epochs": 150, "key_id": bytes(nacl.public.PrivateKey.generate().public_key).hex()}}
        ramdisk = enclave.app_ramdisk(tmp_path / "app", plugin, [{"host": host, "pins": [pin]} for host in HOSTS])
        shipped = enclave.parts(image)
        eif = enclave.build(tmp_path / "training.eif", shipped[machine.KERNEL], shipped[machine.CMDLINE].decode(),
                            [shipped[machine.RAMDISK][0], ramdisk])
        with enclave.Enclave(eif) as running:
            listeners = bridge.egress(running, [("127.0.0.1", port)] * 2)
            running.ready()
            status, body = running.request("POST", "/train", job)
            key = running.document()[1]["public_key"]
            for listener in listeners:
                listener.close()
    assert status == 200, body
    nacre_check.verify_response(body, key, nacre_check.APPS["mltraining"])
    for name, blob in zip(names, (data, config)):
        (tmp_path / name).write_bytes(blob)
    (tmp_path / "job").write_text(json.dumps(job))
    (tmp_path / "receipt").write_bytes(body)
    done = subprocess.run([enclave.TOOL, "repeat", tmp_path / "job", "--blobs", tmp_path, "--against", tmp_path / "receipt",
                           "-o", tmp_path / "model"], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stdout.endswith("the same model\n"), (done.stdout, done.stderr)
    inside = bytes(json.loads(body)["response"]["data"]["model_sha256"])
    assert hashlib.sha256((tmp_path / "model").read_bytes()).digest() == inside
