"""What goes into an image: pinned packages, the kernel, the app's folder, and what is refused of each."""
import hashlib
import os
import re
import shutil
import subprocess

import images
import pytest

TOOLS = images.ROOT / "tools/image"
ARCH = subprocess.getoutput("dpkg --print-architecture")


def run(*command, env=None):
    return subprocess.run([str(c) for c in command], check=False, text=True, capture_output=True,
                          env={**os.environ, **(env or {})})


def refused(done, *texts):
    assert done.returncode != 0, done.stdout
    for text in texts:
        assert re.search(text, done.stderr), done.stderr


@pytest.fixture
def shop(tmp_path):
    """A copy of the scripts with a lock of one package, and mirrors that are folders."""
    shutil.copytree(TOOLS, tmp_path / "tools/image")
    (tmp_path / "tools/packages.txt").write_text("build small\n")
    (tmp_path / "tools/image/packages.txt").write_text("# nothing more\n")
    deb = b"not really a package\n"
    row = f"small 1.0 {hashlib.sha256(deb).hexdigest()} {len(deb)} debian pool/main/s/small_1.0_all.deb\n"
    lock = tmp_path / f"tools/image/packages.{ARCH}.lock"
    lock.write_text(f"# suite trixie\n# date 20200101T000000Z\n{row}")
    (tmp_path / "empty").mkdir()
    env = {"NACRE_CACHE": str(tmp_path / "cache"), "NACRE_MIRROR": f"copy:{tmp_path}/empty",
           "NACRE_SECURITY_MIRROR": f"copy:{tmp_path}/empty", "NACRE_SNAPSHOT": f"copy:{tmp_path}/snapshot"}

    class Shop:
        folder, package = tmp_path, deb

        @staticmethod
        def put(where, content=deb):
            path = tmp_path / where / "pool/main/s/small_1.0_all.deb"
            path.parent.mkdir(parents=True)
            path.write_bytes(content)

        @staticmethod
        def fetch(**more):
            return run(tmp_path / "tools/image/fetch.sh", env={**env, **more})

        @staticmethod
        def tree():
            return run(tmp_path / "tools/image/tree.sh", env=env)

        @staticmethod
        def cached():
            return [p.read_bytes() for p in (tmp_path / "cache/debs").iterdir()]

    return Shop


def test_package_from_the_mirror(shop):
    shop.put("mirror")
    done = shop.fetch(NACRE_MIRROR=f"copy:{shop.folder}/mirror")
    assert done.returncode == 0, done.stderr
    assert shop.cached() == [shop.package]


def test_package_from_the_snapshot_of_that_day(shop):
    shop.put("snapshot/debian/20200101T000000Z")
    assert shop.fetch().returncode == 0
    assert shop.cached() == [shop.package]


def test_replaced_package_is_refused_with_both_digests(shop):
    other = b"not really a package?\n"
    shop.put("mirror", other)
    refused(shop.fetch(NACRE_MIRROR=f"copy:{shop.folder}/mirror"), hashlib.sha256(other).hexdigest(),
            hashlib.sha256(shop.package).hexdigest())
    assert shop.cached() == []


def test_mirror_that_has_moved_on(shop):
    refused(shop.fetch(), r"small 1\.0", "make image-lock", "NACRE_SNAPSHOT")


def test_package_that_nobody_locked(shop):
    (shop.folder / "tools/packages.txt").write_text("build small\nbuild large\ntest other\n")
    refused(shop.tree(), "not in .*lock", "large", "make image-lock")


def test_lock_has_every_package_with_version_and_digest():
    rows = [line for line in (TOOLS / f"packages.{ARCH}.lock").read_text().splitlines() if not line.startswith("#")]
    assert len(rows) > 100
    for row in rows:
        assert re.fullmatch(r"\S+ \S+ [0-9a-f]{64} \d+ debian(-security)? pool/\S+\.deb", row), row
    names = [row.split()[0] for row in rows]
    assert len(set(names)) == len(names)


@pytest.fixture
def config(tmp_path):
    folder = tmp_path / "config"
    folder.mkdir()
    shutil.copy(images.ROOT / "config/image.yaml", folder / "nacre.yaml")
    shutil.copy(images.ROOT / "plugins/media/allowed_endpoints.yaml", folder)
    return folder


def spoil(config, how):
    if how == "link":
        (config / "x").symlink_to("/")
    elif how == "link to a file":
        (config / "x").symlink_to("nacre.yaml")
    elif how == "fifo":
        os.mkfifo(config / "x")
    elif how == "device":
        if os.geteuid() != 0:
            pytest.skip("needs root: makes a device")
        os.mknod(config / "x", 0o20600, os.makedev(1, 3))
    elif how == "inside":
        (config / "deep").mkdir()
        (config / "deep/x").symlink_to("../..")
    elif how == "manifest":
        (config / "manifest.cbor").write_bytes(b"\xa0")
    elif how == "plugin":
        (config / "plugin.so").write_bytes(b"\x7fELF")
    elif how == "no list":
        (config / "allowed_endpoints.yaml").unlink()
    elif how == "no configuration":
        (config / "nacre.yaml").unlink()


@pytest.mark.parametrize("how, text", [
    ("link", "/x$"), ("link to a file", "/x$"), ("fifo", "/x$"), ("device", "/x$"), ("inside", "deep/x$"),
    ("manifest", "manifest.cbor is written by the builder"), ("plugin", "plugin.so is written by the builder"),
    ("no list", "allowed_endpoints.yaml is missing"), ("no configuration", "nacre.yaml is missing")])
def test_app_folder_is_refused(config, tmp_path, how, text):
    """Before anything is built, and by the tool that makes the ramdisk, which everybody else uses too."""
    spoil(config, how)
    plugin = images.OUT / "plugins/media/media.so"
    refused(run(TOOLS / "image.sh", tmp_path / "out", "--plugin", plugin, env={"CONFIG": str(config)}),
            "(?m)" + text)
    refused(run(images.OUT / "bin/nacre", "eif", "ramdisk", "--app", plugin, "--config", config, "-o", tmp_path / "r"))
    assert not (tmp_path / "r").exists() and not (tmp_path / "out").exists()


def test_unknown_app_and_missing_plugin(tmp_path):
    refused(run(TOOLS / "image.sh", tmp_path / "out", "nothing"), "no app 'nothing'; there are: .*media")
    refused(run(TOOLS / "image.sh", tmp_path / "out", "--plugin", "/nowhere.so"), "PLUGIN=/nowhere.so: no such file")
    refused(run(TOOLS / "image.sh", tmp_path / "out", "--plugin", images.OUT / "plugins/media/media.so",
                env={"CONFIG": ""}), "needs CONFIG=DIR")


@pytest.fixture
def layout(tmp_path):
    """layout.sh's comparison, over a list found and a list expected."""
    def compare(found, expected):
        (tmp_path / "runtime.list").write_text(found)
        (tmp_path / "runtime.test.list").write_text(expected)
        return run("sh", "-euc", f'work={tmp_path} here={tmp_path} machine=test; . {TOOLS}/layout.sh; check_list')
    return compare


def test_list_of_the_runtime(layout):
    found = "d0755 0 - /app\n-0755 12345 abcdef /init\n"
    assert layout(found, "# a list\nd0755 /app\n-0755 /init\n").returncode == 0
    refused(layout(found + "-0755 1 ab /usr/bin/sh\n", "d0755 /app\n-0755 /init\n"), r"(?m)^\+-0755 /usr/bin/sh$")
    refused(layout(found, "d0755 /app\n-0755 /init\n-0644 /lib/x\n"), r"(?m)^--0644 /lib/x$")
    refused(layout(found, "d0755 /app\n-0644 /init\n"), r"(?m)^\+-0755 /init$")


def test_other_kernel_is_refused(tmp_path):
    """Whatever is in the cache: only the recorded kernel gets into an image."""
    shutil.copytree(images.ROOT / "config/kernel", tmp_path / "config/kernel")
    shutil.copytree(TOOLS, tmp_path / "tools/image")
    kernel = tmp_path / "tools/image/kernel.sh"
    cache = {"NACRE_CACHE": str(tmp_path / "cache")}
    place = run(kernel, "--where", env=cache).stdout.strip()
    os.makedirs(place)
    with open(place + "/bzImage", "wb") as f:
        f.write(b"not the kernel")
    recorded = (tmp_path / f"config/kernel/{images.MACHINE}.sha384").read_text().strip()
    refused(run(kernel, "/nowhere", env=cache), hashlib.sha384(b"not the kernel").hexdigest(), recorded,
            "make image-kernel-record")
    # Another configuration is another kernel, with another place in the cache.
    with open(tmp_path / f"config/kernel/{images.MACHINE}.config", "a", encoding="ascii") as f:
        f.write("CONFIG_IPV6=y\n")
    assert run(kernel, "--where", env=cache).stdout.strip() != place
