"""A plugin that was compiled against the first ABI, and never since, still loads and answers."""
import hashlib
import platform
import shutil
import subprocess

import pytest

import harness
from harness import media_body

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="the kept plugin is a binary for x86-64")
KEPT = harness.ROOT / "tests" / "abi" / "fixtures" / "media-1.0.so"
# SHA-384 of the file: whoever builds it anew has another plugin, not the one that was kept.
DIGEST = "992ee684f8e86195c81b8ad8b848505139c014d2a0501618e0c0f471d70e50ea0990ffcaeacd6332ec8a82c18b3cc44a"


def test_the_kept_file_is_that_of_1_0():
    assert hashlib.sha384(KEPT.read_bytes()).hexdigest() == DIGEST
    shown = subprocess.run([harness.BIN / "nacre", "plugin", "show", KEPT], stdout=subprocess.PIPE, timeout=60, check=True)
    assert "ABI      1.0, a descriptor of 128 bytes" in shown.stdout.decode()
    assert DIGEST in shown.stdout.decode()


def test_plugin_of_abi_1_0(start, tmp_path):
    plugin = tmp_path / "media.so"
    shutil.copy(KEPT, plugin)
    runtime = start("media", plugin=plugin, direct=True)
    answer = runtime.verify(runtime.post("/process_data", media_body(1)))
    assert answer["response"]["data"]["metadata"] == "m 1"
    report = {"jobId": "7", "mediaHash": "00" * 32, "verdict": "real"}
    signed = runtime.verify(runtime.post("/sign_report", {"report": report}))
    assert signed["response"]["data"]["job_id"] == "7" and signed["response"]["data"]["verdict"] == "real"
    refused = runtime.post("/process_data", {"payload": {"media_hash": "zz", "metadata": ""}})
    assert refused.status == 400 and "media_hash" in refused.error
    # it is this file that answered: the core measured it, and it is mapped where the plugin runs
    payload = runtime.document(runtime.get("/get_attestation"))
    assert harness.nacre_check.user_data(payload)["plugin"].hex() == DIGEST
    if harness.can_read_memory():
        with open(f"/proc/{runtime.pid('nacre-app')}/maps", encoding="utf-8") as maps:
            assert [line for line in maps if " r-xp " in line and "memfd:nacre-measured" in line]
