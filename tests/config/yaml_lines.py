"""`key: value` lines, which is all that allocator.yaml is."""

import re


def read(path):
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#") and line != "---"]
    found = [re.fullmatch(r"(\w+): (\S+)", line) for line in lines]
    assert all(found), lines
    return {match.group(1): match.group(2) for match in found}
