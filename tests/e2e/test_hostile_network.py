"""A plugin that wants to reach a host which is not on its allow list (plugins/hostile/network.c), by every way there is."""
import socket
import threading

import pytest

from harness import SANITIZED, TEST_PLUGINS, Runtime
from hostile import SETS, Watch, came_through, honest, strike
from weather_upstream import Upstream

ALLOWED, FORBIDDEN = "allowed.test", "forbidden.test"
# {port} is one where somebody listens who must never hear of it.
URLS = """
https://forbidden.test/
https://forbidden.test:{port}/
https://127.0.0.1/
https://127.0.0.1:{port}/
https://127.1:{port}/
https://0177.0.0.1:{port}/
https://0x7f000001:{port}/
https://2130706433:{port}/
https://0:{port}/
https://[::1]:{port}/
https://[::ffff:127.0.0.1]:{port}/
https://[::ffff:7f00:1]:{port}/
https://[0:0:0:0:0:ffff:127.0.0.1]:{port}/
https://[::127.0.0.1]:{port}/
https://[64:ff9b::7f00:1]:{port}/
https://[fe80::1%25lo]:{port}/
https://[fe80::1%lo]:{port}/
https://::1:{port}/
https://[v1.x]:{port}/
https://localhost:{port}/
https://localhost.localdomain:{port}/
https://127.0.0.1.nip.io:{port}/
https://localtest.me:{port}/
https://allowed.test:{port}/
https://allowed.test:0/
https://allowed.test:65979/
https://allowed.test:4294967739/
https://allowed.test:443:{port}/
https://allowed.test:+443/
https://allowed.test.:{port}/
https://allowed.test./
https://.allowed.test/
https://allowed.test..test/
https://ALLOWED.TEST:{port}/
https://allowed.test.forbidden.test/
https://forbidden.test.allowed.test/
https://xallowed.test/
https://allowed.test@forbidden.test/
https://allowed.test@127.0.0.1:{port}/
https://allowed.test:443@127.0.0.1:{port}/
https://allowed.test%40127.0.0.1:{port}/
https://user:allowed.test@127.0.0.1:{port}/
https://127.0.0.1:{port}@allowed.test@127.0.0.1:{port}/
https://127.0.0.1:{port}#@allowed.test/
https://127.0.0.1:{port}?@allowed.test/
https://127.0.0.1:{port}\\@allowed.test/
https://allowed.test\\@127.0.0.1:{port}/
https://allowed.test\\.127.0.0.1:{port}/
https://127.0.0.1:{port}/@allowed.test/
https://allowed.test,127.0.0.1:{port}/
https://allowed.test 127.0.0.1:{port}/
https://allowed.test\t127.0.0.1:{port}/
https://allowed.test\r127.0.0.1:{port}/
https:///127.0.0.1:{port}/
https:/127.0.0.1:{port}/
https:127.0.0.1:{port}/
//127.0.0.1:{port}/
127.0.0.1:{port}
http://allowed.test/
http://127.0.0.1:{port}/
HTTPS://127.0.0.1:{port}/
ftp://127.0.0.1:{port}/
file:///etc/passwd
gopher://127.0.0.1:{port}/x
dict://127.0.0.1:{port}/x
unix:///run/x
https://%61llowed.test/
https://allowed%2etest/
https://allowed。test/
https://аllowed.test/
https://ⓐllowed.test/
https://xn--llowed-4ve.test/
https://allowed.te\u00adst/
https://１２７.０.０.１:{port}/
https://127。0。0。1:{port}/
https://allowed.test:４４３/
"""


class Trap:
    """Listens where nobody may come, and counts who does: TCP on one port, IPv4 and IPv6."""

    def __init__(self):
        self.socket = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
        self.port, self.came = self.socket.getsockname()[1], 0
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                self.socket.accept()[0].close()
            except OSError:
                return
            self.came += 1

    def works(self):
        """Somebody who may come does: the count is one that counts."""
        socket.create_connection(("127.0.0.1", self.port)).close()
        deadline = threading.Event()
        for _ in range(200):
            if self.came:
                break
            deadline.wait(0.01)
        assert self.came == 1
        self.came = 0


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    pytest.importorskip("h2")
    trap = Trap()
    trap.works()
    upstream = Upstream(tmp_path_factory.mktemp("up"), "--http2", "--host", FORBIDDEN, host=ALLOWED)
    allow = tmp_path_factory.mktemp("allow") / "allowed_endpoints.yaml"
    allow.write_text(f"endpoints: [{ALLOWED}]\n")
    with Runtime(plugin=TEST_PLUGINS / "hostile-network.so", admin=True, allow=allow, upstream=[upstream.mapping],
                 ca=upstream.ca, sets=SETS) as runtime:
        yield runtime, trap
    trap.socket.close()
    upstream.stop()


def test_urls(world):
    """IP literals, IPv6 in every form, names that resolve to somewhere else, userinfo, ports, IDNA: none of them goes."""
    runtime, trap = world
    urls = [line.replace("{port}", str(trap.port)) for line in URLS.strip("\n").split("\n")]
    watch = Watch(runtime)
    honest(runtime)
    report = strike(runtime, "urls", "\n".join(urls))
    assert report.status == 200 and report.reached == "" and report.tried == len(urls), report
    assert trap.came == 0
    came_through(runtime, watch, "network")


def test_the_allowed_host_is_reached(world):
    """The control: by the very same code, and in capitals too."""
    runtime, _ = world
    report = strike(runtime, "urls", f"https://{ALLOWED}/echo\nhttps://Allowed.TEST:443/echo")
    assert report.reached == f"https://{ALLOWED}/echo;https://Allowed.TEST:443/echo;", report


@pytest.mark.parametrize("to", ["https://forbidden.test/", "https://127.0.0.1:{port}/", "//127.0.0.1:{port}/",
                                "http://127.0.0.1:{port}/", "https://user@127.0.0.1:{port}/"])
def test_redirect(world, to):
    """The plugin is shown the way, and nobody goes it."""
    runtime, trap = world
    watch = Watch(runtime)
    report = strike(runtime, "redirect", f"https://{ALLOWED}/redirect?to=" + to.replace("{port}", str(trap.port)))
    assert report.status == 200 and report.said.startswith("0 3"), report
    assert trap.came == 0
    came_through(runtime, watch, "network")


def test_coalescing(world):
    """The kept HTTP/2 connection is to a server whose certificate has the forbidden name as well."""
    runtime, trap = world
    watch = Watch(runtime)
    report = strike(runtime, "coalesce")
    assert report.status == 200 and report.said.startswith("0 ") and report.reached == "", report
    assert '"HTTP/2"' in report.said or '"version":"2' in report.said or "HTTP/2" in report.said, report.said
    assert FORBIDDEN not in report.said and trap.came == 0
    came_through(runtime, watch, "network")


def test_indices(world):
    """The broker takes a number of the list: there is no other, whatever is asked for."""
    runtime, trap = world
    watch = Watch(runtime)
    report = strike(runtime, "indices")
    assert report.status == 200 and report.sent == report.tried == 12, report
    assert trap.came == 0
    came_through(runtime, watch, "network")


@pytest.mark.skipif(SANITIZED, reason="too slow to look at a message on its way")
def test_connected_descriptor(world):
    """What is connected to the allowed host stays there: no second connect, no TCP Fast Open, no listening."""
    runtime, trap = world
    watch = Watch(runtime)
    for _ in range(4):  # it looks at a message that another thread takes: not every time
        report = strike(runtime, "turn", str(trap.port))
        if report.said:
            break
    assert report.status == 200 and report.reached == "" and report.said == "connected", report
    assert trap.came == 0
    came_through(runtime, watch, "network")
