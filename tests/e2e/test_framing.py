"""What docs/HTTP.md says of ambiguous requests is what happens, with the libmicrohttpd and the HAProxy that are here.

`test_framing.py --print` prints the two columns for this machine.
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import framing  # noqa: E402
import harness  # noqa: E402

DOC = harness.ROOT / "docs" / "HTTP.md"
# More than one answer where one request was sent means that its rest was read as another.
TWO_REQUESTS = {"two requests in one packet"}


def documented():
    """{column: {case: outcome}} of the table; a column is named by program and version."""
    rows = [[cell.strip().strip("`") for cell in line.strip("|\n ").split("|")]
            for line in DOC.read_text().splitlines() if line.startswith("|")]
    head = next(r for r in rows if r[0] == "request")
    table = [r for r in rows if len(r) == len(head) and r is not head and not set(r[0]) <= set("- ")]
    return {column: {r[0]: r[i] for r in table} for i, column in enumerate(head) if i >= 2}


def version_of_libmicrohttpd():
    http = (harness.BIN / "nacre-http")
    linked = subprocess.run(["ldd", str(http)], capture_output=True, text=True, check=True).stdout
    library = re.search(r"libmicrohttpd\S* => (\S+)", linked).group(1)
    owner = subprocess.run(["dpkg", "-S", str(pathlib.Path(library).resolve())], capture_output=True, text=True,
                           check=False).stdout.split(":")[0]
    if not owner:
        return "unknown"
    shown = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", owner], capture_output=True, text=True, check=True)
    return "libmicrohttpd " + re.match(r"(\d+\.\d+)", shown.stdout).group(1)


def version_of_haproxy():
    said = subprocess.run(["haproxy", "-v"], capture_output=True, text=True, check=True).stdout
    return "HAProxy " + re.search(r"version (\d+\.\d+)", said).group(1)


class Haproxy:
    def __init__(self, runtime):
        self.address = ("127.0.0.1", harness.free_port())
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="nacre-haproxy-"))
        (self.dir / "cfg").write_text(framing.HAPROXY % (self.address[1], runtime.address[1]))

    def __enter__(self):
        self.process = subprocess.Popen(["haproxy", "-db", "-f", str(self.dir / "cfg")], stderr=subprocess.DEVNULL)
        harness.wait_for("HAProxy", self.answers)
        return self

    def answers(self):
        try:
            return harness.request(self.address, "GET", "/health_check").status == 200
        except OSError:
            return False

    def __exit__(self, *_):
        harness.end_process(self.process)


def compare(column, seen):
    table = documented()
    if column not in table:
        pytest.skip(f"docs/HTTP.md has no column for {column}")
    assert seen == table[column]


def test_every_case_is_documented():
    names = [name for name, _, _ in framing.CASES]
    assert len(set(names)) == len(names)
    for column, rows in documented().items():
        assert sorted(rows) == sorted(names), column


@pytest.mark.sanitizer
def test_alone(media):
    seen = framing.observe(media.address)
    twice = {name for name, what in seen.items() if "+" in what}
    assert twice == TWO_REQUESTS
    compare(version_of_libmicrohttpd(), seen)
    media.verify(media.post("/process_data", harness.media_body(1)))


def test_behind_haproxy(media):
    if not shutil.which("haproxy"):
        pytest.skip("HAProxy is not installed")
    with Haproxy(media) as proxy:
        compare(version_of_haproxy(), framing.observe(proxy.address))
    media.verify(media.post("/process_data", harness.media_body(1)))


def main():
    with harness.Runtime("media", direct=True) as runtime, Haproxy(runtime) as proxy:
        alone, behind = framing.observe(runtime.address), framing.observe(proxy.address)
    print(f"{version_of_libmicrohttpd()}|{version_of_haproxy()}")
    for name, section, _ in framing.CASES:
        print(f"{name}|{section}|{alone[name]}|{behind[name]}")


if __name__ == "__main__":
    main()
