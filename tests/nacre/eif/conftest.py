"""Parts that every test can have, made once."""

import pytest
from eif_parts import PLUGIN, arm64, bzimage, good, make_config, make_root


@pytest.fixture(scope="session")
def parts(tmp_path_factory):
    """Kernels, both ramdisks and the app's configuration, as files in one directory."""
    at = tmp_path_factory.mktemp("parts")
    (at / "kernel").write_bytes(bzimage())
    (at / "kernel.arm64").write_bytes(arm64())
    make_root(at / "root")
    make_config(at / "config")
    good("ramdisk", "--root", at / "root", "--node", "dev/console=c:5:1", "-o", at / "runtime.cpio.gz")
    good("ramdisk", "--app", PLUGIN, "--config", at / "config", "-o", at / "app.cpio.gz")
    return at


@pytest.fixture(scope="session")
def image(parts):
    """An image of the runtime's and the app's ramdisk."""
    good("build", "--kernel", parts / "kernel", "--cmdline", "reboot=k panic=30", "--ramdisk", parts / "runtime.cpio.gz",
         "--app-ramdisk", parts / "app.cpio.gz", "-o", parts / "image.eif", "--pcrs", parts / "image.pcrs")
    return parts / "image.eif"
