"""Reads ramdisks with none of nacre's code, and says where two of them part."""
import gzip
import stat
from dataclasses import dataclass

MAGIC = b"070701"
HEADER = 110


@dataclass
class Entry:
    name: str
    mode: int
    links: int
    mtime: int
    data: bytes

    def describe(self):
        return f"mode {self.mode:o}, {len(self.data)} bytes, links {self.links}, time {self.mtime}"


def read(path):
    """The entries of a compressed cpio archive of the new format, in their order."""
    raw = gzip.decompress(path.read_bytes())
    entries, at = [], 0
    while True:
        assert raw[at:at + 6] == MAGIC, f"{path}: no entry at offset {at}"
        field = [int(raw[at + 6 + 8 * i:at + 14 + 8 * i], 16) for i in range(13)]
        size, name_size = field[6], field[11]
        name = raw[at + HEADER:at + HEADER + name_size - 1].decode()
        start = (at + HEADER + name_size + 3) & ~3
        if name == "TRAILER!!!":
            assert not raw[start:].strip(b"\0"), f"{path}: something after the trailer"
            return entries
        entries.append(Entry(name, field[1], field[4], field[5], raw[start:start + size]))
        at = (start + size + 3) & ~3


def first_byte(a, b):
    for i, (x, y) in enumerate(zip(a, b)):
        if x != y:
            return i
    return min(len(a), len(b))


def difference(first, second):
    """None when two ramdisks hold the same; else where they part, for people."""
    a, b = ({e.name: e for e in read(p)} for p in (first, second))
    for name in sorted(a.keys() | b.keys()):
        if name not in a or name not in b:
            return f"/{name} is only in {first if name in a else second}"
        x, y = a[name], b[name]
        if x == y:
            continue
        if x.data == y.data:
            return f"/{name}: {x.describe()} in {first}, {y.describe()} in {second}"
        at = first_byte(x.data, y.data)
        return (f"/{name} differs from offset {at} on: {x.data[at:at + 16].hex()} ({len(x.data)} bytes) in {first}, "
                f"{y.data[at:at + 16].hex()} ({len(y.data)} bytes) in {second}")
    if [e.name for e in read(first)] != [e.name for e in read(second)]:
        return f"the same files in another order in {first} and {second}"
    if first.read_bytes() != second.read_bytes():
        at = first_byte(first.read_bytes(), second.read_bytes())
        return f"the same files, compressed differently from offset {at} on, in {first} and {second}"
    return None


def unpack(path, root):
    """The files and folders of a ramdisk below root."""
    for e in read(path):
        target = root / e.name
        if stat.S_ISDIR(e.mode):
            target.mkdir(parents=True, exist_ok=True)
        else:
            assert stat.S_ISREG(e.mode), f"{e.name} is neither a file nor a folder"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(e.data)
            target.chmod(stat.S_IMODE(e.mode))
