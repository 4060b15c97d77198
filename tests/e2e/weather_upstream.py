"""The weather app against a local TLS server in the service's place."""
import contextlib
import pathlib
import subprocess

import harness

HOST = "api.weatherapi.com"
API_KEY = "a-key-that-nobody-must-see"


class Upstream:
    """tests/support/upstream.py as a process, with its CA."""

    def __init__(self, directory, *options, host=HOST):
        self.ca = pathlib.Path(directory) / "upstream-ca.pem"
        self.host = host
        self.process = subprocess.Popen(
            ["/usr/bin/python3", str(harness.ROOT / "tests" / "support" / "upstream.py"), "--host", host, "--ca-out",
             str(self.ca), "--stdin", *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        said = {}
        for line in self.process.stdout:
            name, _, value = line.decode().strip().partition(" ")
            said[name] = value
            if name == "ready":
                break
        assert "ready" in said, f"upstream.py ended with {self.process.wait()}"
        self.port, self.pin = int(said["port"]), said["pin"]

    @property
    def mapping(self):
        return f"{self.host}=127.0.0.1:{self.port}"

    def stop(self):
        self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


@contextlib.contextmanager
def weather(*upstream_options, secrets=None, **options):
    """A runtime with the weather app and its upstream."""
    runtime = harness.Runtime("weather", secrets=secrets or {"API_KEY": API_KEY}, start=False, **options)
    upstream = Upstream(runtime.dir, *upstream_options)
    runtime.upstream, runtime.ca, runtime.server = [upstream.mapping], upstream.ca, upstream
    try:
        runtime.start()
        yield runtime
    except BaseException:
        runtime.stop(check=False)
        raise
    else:
        runtime.stop()
    finally:
        upstream.stop()
