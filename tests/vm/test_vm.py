"""The image that ships, booted by a hypervisor that measures it itself, beside a parent with CID 3."""
import hashlib
import re
import subprocess
import time

import pytest

import bridge
import enclave
import machine
import nacre_check
from conftest import SECRET

MEDIA = {"media_hash": hashlib.sha256(b"a picture").hexdigest(), "metadata": "taken on a Sunday"}


def extended(digest):
    """A PCR that was nothing and has been extended once."""
    return hashlib.sha384(bytes(48) + digest).digest()


def files(eif, number):
    """Name and content of everything in a ramdisk."""
    return dict(machine.cpio_entries(bridge.unpack(enclave.parts(eif)[machine.RAMDISK][number])))


# ---- The image that ships -----------------------------------------------------------------------------------------

def test_pcrs_of_the_document(shipped, image, measured):
    _raw, payload = shipped.document()
    assert {n: payload["pcrs"][n] for n in (0, 1, 2)} == {n: measured[n] for n in (0, 1, 2)}
    app = files(image, 1)
    plugin, config = app["app/plugin.so"], bridge.manifest_of(image)
    assert payload["pcrs"][16] == extended(hashlib.sha384(plugin).digest())
    assert payload["pcrs"][17] == extended(nacre_check.user_data(payload)["config"])
    assert config["digest"] == hashlib.sha384(plugin).digest()


def test_all_pcrs_are_locked(shipped):
    """This machine's documents hold the registers that are locked, and no other."""
    assert sorted(shipped.document()[1]["pcrs"]) == list(range(32))


def test_heartbeat(shipped):
    assert re.search("parent: heartbeat 0xb7", shipped.parent.text())


def test_nonce_and_key(shipped):
    _raw, payload = shipped.document(nonce="a1b2c3")
    assert payload["nonce"] == bytes.fromhex("a1b2c3")
    assert len(payload["public_key"]) == 32


def test_signed_answer(shipped, image):
    name = bridge.manifest_of(image)["descriptor"]["name"]
    if name != "media":
        pytest.skip(f"the image's app is {name}: the request here is one to media")
    status, body = shipped.post(MEDIA)
    assert status == 200, body
    key = shipped.document()[1]["public_key"]
    nacre_check.verify_response(body, key, nacre_check.APPS["media"])
    now = time.time() * 1000
    assert now - 60000 < nacre_check.parse_json(body)["response"]["timestamp_ms"] < now + 2000


@pytest.mark.parametrize("path", ["parent", "host"])
def test_long_answers(shipped, image, path):
    """Through the parent, and straight from the host, where a write of more than 32 KiB would hang the device."""
    if bridge.manifest_of(image)["descriptor"]["name"] != "media":
        pytest.skip("the request here is one to media")
    long = dict(MEDIA, metadata="x" * 400000)
    status, body = shipped.post(long, None if path == "parent" else shipped.connect(3000, at="enclave"))
    assert status == 200 and len(body) > 400000


def test_verifier_refuses_the_document(shipped, tmp_path):
    """This machine's NSM has no key, so nobody may believe it."""
    raw, payload = shipped.document()
    (tmp_path / "document").write_bytes(raw)
    done = subprocess.run([enclave.TOOL, "verify", "document", tmp_path / "document", "--pcr",
                           f"0={payload['pcrs'][0].hex()}"], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "REFUSED" in done.stdout and "{1: -1}, expected {1: -35} (ES384)" in done.stdout, done
    with pytest.raises(nacre_check.Refused):
        nacre_check.verify_document(raw, "aws", root_sha256=nacre_check.AWS_ROOT_SHA256)


def test_order_of_the_start(shipped):
    lines = [shipped.console.find(machine.event(name))[0]
             for name in ("enclave started", "enclave set up", "helper started", "ready")]
    assert lines == sorted(lines)


# ---- What an app finds inside -------------------------------------------------------------------------------------

def test_same_runtime_other_app(probe, measured):
    pcrs = probe.document()[1]["pcrs"]
    assert pcrs[1] == measured[1], "PCR1 is the runtime"
    assert pcrs[2] != measured[2] and pcrs[0] != measured[0]


def test_secret_reaches_the_plugin(probe):
    assert probe.ask("secret") == (0, SECRET)
    assert SECRET not in probe.console.text()


def test_user_of_the_plugin(probe):
    assert probe.ask("who") == (0, "1002 1002 1002 1002")


@pytest.mark.parametrize("size", [0, 1000, 300000])
def test_allowed_upstream(probe, upstream, size):
    """Also with a body of many writes."""
    status, _text = probe.ask("fetch", f"https://{upstream.host}/echo", size)
    assert status == 200


@pytest.mark.parametrize("url,words", [
    ("https://example.com/", "allow"), ("https://127.0.0.1/", "allow"), ("https://api.weatherapi.com:8443/", "allow"),
])
def test_upstream_that_is_not_allowed(probe, url, words):
    status, text = probe.ask("fetch", url)
    assert status >= 400 and words in text, text


def test_upstream_that_the_parent_does_not_serve(probe):
    status, text = probe.ask("fetch", "https://unreachable.example/")
    assert status in (502, 504), text


def test_no_socket_of_its_own(probe):
    """A plugin has no way out but the broker. EPERM, and for connect() what tells libcurl to go on; none is made."""
    assert probe.ask("reach") == (0, "inet 1 vsock 1 connect 115")


def test_crash_keeps_the_key(probe):
    key = probe.document()[1]["public_key"]
    status, _body = probe.post({"what": "crash", "url": "", "bytes": 0})
    assert status == 503
    probe.console.await_line(machine.event("helper ended") + '.*nacre-app.*signal"?[=:]"?ABRT', 30)
    end = time.monotonic() + 60
    while probe.post({"what": "who", "url": "", "bytes": 0})[0] != 200:
        assert time.monotonic() < end
        time.sleep(0.2)
    assert probe.document()[1]["public_key"] == key
    assert probe.ask("secret") == (0, SECRET)


# ---- Starts that must fail, and one that must not -----------------------------------------------------------------

def last_words(eif, **options):
    with enclave.Enclave(eif, **options) as running:
        running.console.await_end(120)
        return [line for _, line in running.console.lines if re.search('prog"?[=:]"?nacred', line)][-1]


def test_flipped_byte_in_the_plugin(image, tmp_path):
    plugin = files(image, 1)["app/plugin.so"]
    bad = enclave.damage(image, tmp_path / "bad.eif", plugin)
    line = last_words(bad)
    expected = hashlib.sha384(plugin).hexdigest()
    assert re.search(machine.event("cannot start") + rf'.*reason"?[=:]"plugin digest is [0-9a-f]{{96}}, manifest says {expected}"', line), line


def test_flipped_byte_in_the_image(image, tmp_path):
    """The hypervisor's own check, of the checksum that it reads."""
    bad = enclave.damage(image, tmp_path / "bad.eif", files(image, 1)["app/plugin.so"], crc=False)
    with pytest.raises(machine.BootError, match="(?i)crc"):
        with enclave.Enclave(bad) as running:
            running.console.await_line(machine.event("ready"), 60)


def test_no_parent(image):
    line = last_words(image, with_parent=False)
    assert re.search(machine.event("cannot start") + '.*"heartbeat: no answer from the parent within 20000 ms', line), line


@pytest.mark.parametrize("smp, said", [("1", "single"), ("2,sockets=1,cores=1,threads=2", "apart")])
def test_cores(image, smp, said):
    """On two threads of one core the app never runs beside the key; with one thread there is nothing to part. Both ways
    the helpers are in a PID namespace, which an enclave does not start without."""
    with enclave.Enclave(image, smp=smp) as running:
        line = running.console.await_line(machine.event("confined") + ".*", 180)[1].group()
        assert f'"cores":"{said}"' in line, line
        assert re.search(r'"namespaces":"net mnt ipc uts [a-z ]*pid"', line), line
        if bridge.manifest_of(image)["descriptor"]["secrets"]:
            running.console.await_line(machine.event("helper up"), 180)
            bridge.push_secrets(running, b'{"API_KEY":"x"}')
        running.ready()
        assert running.post(MEDIA)[0] == 200


# ---- Two readers of images ----------------------------------------------------------------------------------------

def sign_options(directory):
    key, certificate = directory / "key.pem", directory / "cert.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384", "-nodes", "-keyout",
                    key, "-out", certificate, "-subj", "/CN=test", "-days", "30"], check=True, capture_output=True)
    return "--sign-cert", certificate, "--sign-key", key


def variants(image, directory):
    """Images that differ from the one that ships, each in another way."""
    shipped = enclave.parts(image)
    kernel, cmdline = shipped[machine.KERNEL], shipped[machine.CMDLINE].decode()
    runtime, app = shipped[machine.RAMDISK]
    yield "as shipped, built anew", enclave.build(directory / "same.eif", kernel, cmdline, [runtime, app])
    yield "signed", enclave.build(directory / "signed.eif", kernel, cmdline, [runtime, app], *sign_options(directory))
    both = runtime + bytes(-len(runtime) % 4) + app
    yield "one ramdisk", enclave.build(directory / "one.eif", kernel, cmdline, [both])
    yield "three ramdisks", enclave.build(directory / "three.eif", kernel, cmdline, [runtime, app, app])
    yield "a longer command line", enclave.build(
        directory / "cmdline.eif", kernel, f"{cmdline} LD_PRELOAD=/nowhere.so NACRE_X=1 quiet", [runtime, app],
        "--name", "another", "--memory", "512")


def test_two_readers_agree(image, measured, tmp_path, figures):
    """What QEMU measures is what `nacre eif` says, for images of every kind. None of them minds what its command line
    puts into the environment. The time of each start is taken on the way."""
    compared = []
    for name, eif in variants(image, tmp_path):
        with enclave.Enclave(eif) as running:
            if bridge.manifest_of(image)["descriptor"]["secrets"]:
                running.console.await_line(machine.event("helper up"), 180)
                bridge.push_secrets(running, b'{"API_KEY":"x"}')
            running.ready()
            status, _body = running.post(MEDIA)
            if status == 200:
                figures.add(running, time.monotonic())
            attested, said = running.document()[1]["pcrs"], enclave.measure(eif)
        assert {n: attested[n] for n in said} == said, name
        assert (8 in said) == (name == "signed") and (said[2] == enclave.NOTHING) == (name == "one ramdisk")
        assert (said == measured) == (name == "as shipped, built anew"), name
        compared.append((name, said))
    assert len(compared) == 5
