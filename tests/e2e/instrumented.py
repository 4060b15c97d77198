"""Copies of the programs with tests/support/fault_shim.c in some of them, and the word they share with it."""
import mmap
import os
import shutil
import struct
import subprocess

import harness

SHIM = harness.OUT / "tests" / "libfault.so"
COUNT, FAIL_AT, FAIL_N, FAILED, OFF_NS, ASKED = range(6)


class Control:
    """What one program's shim looks at, and tells."""

    def __init__(self, path):
        path.write_bytes(bytes(4096))
        with open(path, "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), 4096)

    def get(self, field):
        return struct.unpack_from("<q", self.memory, field * 8)[0]

    def set(self, field, value):
        struct.pack_into("<q", self.memory, field * 8, value)

    def fail(self, nth, row=1):
        """The nth allocation from now on fails, and row - 1 more after it; 0: none."""
        self.set(FAIL_AT, 0)
        self.set(FAILED, 0)
        self.set(COUNT, 0)
        self.set(FAIL_N, row)
        self.set(FAIL_AT, nth)


class Instrumented(harness.Runtime):
    """A runtime of such copies; `controls` has one for each program that was named."""

    def __init__(self, *args, programs=("nacred", "nacre-http", "nacre-app"), start=True, direct=True, **kw):
        super().__init__(*args, direct=direct, start=False, **kw)
        self.bin = self.dir / "bin"
        self.bin.mkdir()
        self.controls = {}
        for name in ("nacre", "nacre-nsm-sim", "nacred", "nacre-http", "nacre-app"):
            shutil.copy2(harness.BIN / name, self.bin / name)
            if name in programs:
                subprocess.run(["patchelf", "--add-needed", str(SHIM), str(self.bin / name)], check=True)
                self.controls[name] = Control(self.bin / f"{name}.fault")
        # programs find plugins, and nacre-app its module for TLS, from where they lie themselves
        for where, name in ((harness.OUT, "lib"), (harness.OUT, "plugins"), (harness.ROOT, "config")):
            os.symlink(where / name, self.dir / name)
        if start:
            self.start()

    def direct_command(self):
        command = super().direct_command()
        return [str(self.bin / "nacred"), *command[1:]]

    def dev_command(self):
        command = super().dev_command()
        return [str(self.bin / "nacre"), *command[1:]]

    def close(self):
        self.stop(check=False)
        shutil.rmtree(self.dir, ignore_errors=True)
