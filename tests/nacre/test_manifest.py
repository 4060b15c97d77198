"""`nacre plugin manifest`, its result read by an implementation that is not ours."""

import hashlib
import os

import cbor2
import pytest
from tool import FIXTURES, nacre

PIN = bytes(range(32))


@pytest.fixture
def inputs(tmp_path):
    (tmp_path / "nacre.yaml").write_text("http:\n  body_bytes: 4096\nplugin:\n  model: {depth: 3}\n  name: x\n")
    (tmp_path / "allow.yaml").write_text(
        f"endpoints:\n  - api.example.com\n  - {{host: other.example.com, port: 8443, pins: ['{PIN.hex()}']}}\n")
    return tmp_path


def manifest(inputs, plugin, *more):
    return nacre("plugin", "manifest", FIXTURES / f"{plugin}.so", "--config", inputs / "nacre.yaml", "--allow",
                 inputs / "allow.yaml", *more)


def test_manifest_says_what_went_in(inputs):
    target = inputs / "manifest.cbor"
    assert manifest(inputs, "needs_host", "-o", target) == (0, b"", "")
    root = cbor2.loads(target.read_bytes())
    assert sorted(root) == ["config", "descriptor", "digest", "v"] and root["v"] == 1
    assert root["digest"] == hashlib.sha384((FIXTURES / "needs_host.so").read_bytes()).digest()
    descriptor, config = cbor2.loads(root["descriptor"]), cbor2.loads(root["config"])
    assert descriptor["name"] == "fixture" and descriptor["version"] == "1.2.3"
    assert descriptor["endpoints"] == [["api.example.com", 443], ["other.example.com", 8443]]
    assert config["runtime"]["http.body_bytes"] == 4096
    assert config["runtime"]["nsm.transport"] == "device"
    assert config["allow"] == [["api.example.com", 443, "", []], ["other.example.com", 8443, "", [PIN]]]
    assert config["plugin"] == [["model.depth", "3"], ["name", "x"]]
    assert sorted(p.name for p in inputs.iterdir()) == ["allow.yaml", "manifest.cbor", "nacre.yaml"]


def test_standard_output_is_the_same(inputs):
    code, out, err = manifest(inputs, "needs_host")
    assert code == 0 and err == ""
    assert manifest(inputs, "needs_host", "-o", inputs / "m")[0] == 0
    assert (inputs / "m").read_bytes() == out


def test_what_a_constructor_prints_is_not_in_the_manifest(inputs):
    code, out, err = manifest(inputs, "noisy")
    assert code == 0 and "printed by a constructor" in err
    assert cbor2.loads(out)["v"] == 1 and b"printed" not in out


@pytest.mark.parametrize("plugin, words", [
    ("wrong_magic", ("4e41435245585858", "4e41435245504c47")),
    ("wrong_major", ("ABI major 7", "has 1")),
    ("wrong_size", ("40 bytes",)),
    ("older_major", ("ABI major 0", "has 1")),
    ("size_below_prefix", ("8 bytes", "128")),
    ("longer_routes", ("88 bytes", "expected 80")),
    ("shorter_type", ("48 bytes", "56")),
    ("too_long", ("4096",)),
    ("two_types", ("intent 0", "Answer", "Question")),
    ("no_symbol", ("nacre_plugin",)),
    ("crash", ("signal 6",)),
    ("exits", ("exit code 0",)),
    ("missing", ("missing.so", "No such file")),
])
def test_refusals_name_both_values_and_write_nothing(inputs, plugin, words):
    target = inputs / "manifest.cbor"
    target.write_bytes(b"the one before")
    code, out, err = manifest(inputs, plugin, "-o", target)
    assert code == 1 and out == b""
    assert err.startswith("nacre plugin manifest: ") and err.count("\n") == 1 + (plugin == "noisy"), err
    for word in words:
        assert word in err, err
    assert target.read_bytes() == b"the one before"
    assert len(list(inputs.iterdir())) == 3


def test_a_newer_minor_is_taken_and_written_down(inputs):
    target = inputs / "manifest.cbor"
    assert manifest(inputs, "newer_minor", "-o", target) == (0, b"", "")
    descriptor = cbor2.loads(cbor2.loads(target.read_bytes())["descriptor"])
    assert manifest(inputs, "runs", "-o", target) == (0, b"", "")
    ours = cbor2.loads(cbor2.loads(target.read_bytes())["descriptor"])
    major, minor, size = ours["abi"]
    assert descriptor["abi"] == [major, minor + 1, size + 8]
    assert descriptor["routes"] == ours["routes"] and descriptor["types"] == ours["types"]


def test_endpoint_that_is_not_allowed_stops_the_build(inputs):
    (inputs / "allow.yaml").write_text("endpoints: [api.example.com]\n")
    code, out, err = manifest(inputs, "needs_host")
    assert code == 1 and out == b""
    assert "other.example.com port 8443" in err and "api.example.com" in err


@pytest.mark.parametrize("name, text, place", [
    ("nacre.yaml", "http:\n  bdy_bytes: 1\n", "nacre.yaml:2: http.bdy_bytes: unknown key"),
    ("nacre.yaml", "http:\n  body_bytes: many\n", "nacre.yaml:2: http.body_bytes: expected a whole number"),
    ("allow.yaml", "endpoints:\n  - '*.example.com'\n", "allow.yaml:2: endpoints[0]: '*.example.com' has a wildcard"),
])
def test_yaml_mistakes_name_file_line_and_key(inputs, name, text, place):
    (inputs / name).write_text(text)
    code, out, err = manifest(inputs, "runs")
    assert code == 1 and out == b""
    assert err.startswith(f"nacre plugin manifest: {inputs}/{place}"), err


def test_unwritable_places_are_reported(inputs):
    code, _, err = manifest(inputs, "runs", "-o", inputs / "no" / "where")
    assert code == 1 and str(inputs / "no" / "where") in err
    if os.path.exists("/dev/full"):
        import subprocess
        from tool import BIN
        with open("/dev/full", "wb") as full:
            done = subprocess.run([BIN / "nacre", "plugin", "manifest", FIXTURES / "runs.so", "--config",
                                   inputs / "nacre.yaml", "--allow", inputs / "allow.yaml"], stdout=full,
                                  stderr=subprocess.PIPE, timeout=60, check=False)
        assert done.returncode == 1 and b"standard output" in done.stderr
