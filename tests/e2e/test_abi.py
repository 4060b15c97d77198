"""A plugin that was compiled against the first ABI, and never since, still loads and answers."""
import platform
import shutil

import pytest

import harness
from harness import media_body

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="the kept plugin is a binary for x86-64")
FIXTURES = harness.ROOT / "tests" / "abi" / "fixtures"


def test_plugin_of_abi_1_0(start, tmp_path):
    plugin = tmp_path / "media.so"
    shutil.copy(FIXTURES / "media-1.0.so", plugin)
    runtime = start("media", plugin=plugin, direct=True)
    answer = runtime.verify(runtime.post("/process_data", media_body(1)))
    assert answer["response"]["data"]["metadata"] == "m 1"
    report = {"jobId": "7", "mediaHash": "00" * 32, "verdict": "real"}
    assert runtime.post("/sign_report", {"report": report}).status == 200
    refused = runtime.post("/process_data", {"payload": {"media_hash": "zz", "metadata": ""}})
    assert refused.status == 400 and "media_hash" in refused.error
