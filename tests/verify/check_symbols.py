"""The shared library shows what its header declares, under a version, and nothing else. usage: LIBRARY HEADER"""
import pathlib
import re
import subprocess
import sys

library, header = sys.argv[1], pathlib.Path(sys.argv[2]).read_text()
declared = set(re.findall(r"^NACRE_VERIFY_API .*?(nacre_verify_\w+)\(", header, re.M))
lines = subprocess.run(["nm", "-D", "--defined-only", library], check=True, capture_output=True, text=True).stdout
shown = {line.split()[-1] for line in lines.splitlines() if line.split()[1] != "A"}
soname = subprocess.run(["readelf", "-d", library], check=True, capture_output=True, text=True).stdout
assert len(declared) > 30, declared
assert shown == {name + "@@NACRE_VERIFY_0.1" for name in declared}, shown ^ {name + "@@NACRE_VERIFY_0.1" for name in declared}
assert "[libnacre-verify.so.0]" in soname, soname
