"""Reads enclave images and ramdisks for the tests, from the formats' descriptions. Uses nothing of nacre's own code."""

import hashlib
import struct
import zlib
from dataclasses import dataclass

KERNEL, CMDLINE, RAMDISK, SIGNATURE, METADATA = range(1, 6)
HEADER = ">4sHHQQHH32Q32QII"
HEADER_SIZE = 548
SECTION = ">HHQ"


@dataclass
class Image:
    version: int
    flags: int
    memory: int
    cpus: int
    crc: int
    good_crc: bool
    sections: list  # (type, offset of its header, data)

    def data(self, kind):
        return [data for type_, _, data in self.sections if type_ == kind]

    def pcrs(self):
        kernel, cmdline, ramdisks = self.data(KERNEL), self.data(CMDLINE), self.data(RAMDISK)
        return {0: measured(b"".join(kernel + cmdline + ramdisks)), 1: measured(b"".join(kernel + cmdline + ramdisks[:1])),
                2: measured(b"".join(ramdisks[1:]))}


def measured(data):
    return hashlib.sha384(bytes(48) + hashlib.sha384(data).digest()).hexdigest()


def read(raw):
    fields = struct.unpack(HEADER, raw[:HEADER_SIZE])
    magic, version, flags, memory, cpus, reserved, count = fields[:7]
    offsets, sizes, (unused, crc) = fields[7:39], fields[39:71], fields[71:]
    assert magic == b".eif" and reserved == unused == 0
    assert not any(offsets[count:]) and not any(sizes[count:])
    sections, at = [], HEADER_SIZE
    for offset, size in zip(offsets[:count], sizes[:count]):
        kind, zero, again = struct.unpack(SECTION, raw[at:at + 12])
        assert (at, size, zero) == (offset, again, 0)
        sections.append((kind, at, raw[at + 12:at + 12 + size]))
        assert len(sections[-1][2]) == size
        at += 12 + size
    assert at == len(raw)
    good = zlib.crc32(raw[HEADER_SIZE:], zlib.crc32(raw[:HEADER_SIZE - 4])) == crc
    return Image(version, flags, memory, cpus, crc, good, sections)


def write(sections, flags=0, version=4, memory=1 << 30, cpus=2):
    """An image of (type, data) pairs, as any builder could write it."""
    at, offsets, body = HEADER_SIZE, [], b""
    for kind, data in sections:
        offsets.append(at)
        body += struct.pack(SECTION, kind, 0, len(data)) + data
        at += 12 + len(data)
    sizes = [len(data) for _, data in sections]
    rest = [0] * (32 - len(sections))
    head = struct.pack(HEADER[:-1], b".eif", version, flags, memory, cpus, 0, len(sections), *offsets, *rest, *sizes, *rest, 0)
    return head + struct.pack(">I", zlib.crc32(body, zlib.crc32(head))) + body


def with_crc(raw):
    """The same bytes with the CRC that fits them."""
    return raw[:544] + struct.pack(">I", zlib.crc32(raw[548:], zlib.crc32(raw[:544]))) + raw[548:]


@dataclass
class Entry:
    name: str
    mode: int
    ino: int
    nlink: int
    rdev: tuple
    data: bytes
    rest: tuple  # what must be 0: owner, group, time, device


def cpio(raw):
    entries, at = [], 0
    while True:
        assert raw[at:at + 6] == b"070701"
        ino, mode, uid, gid, nlink, mtime, size, major, minor, rmajor, rminor, namesize, check = (
            int(raw[at + 6 + 8 * i:at + 14 + 8 * i], 16) for i in range(13))
        name = raw[at + 110:at + 110 + namesize - 1].decode()
        at = (at + 110 + namesize + 3) // 4 * 4
        data = raw[at:at + size]
        at = (at + size + 3) // 4 * 4
        if name == "TRAILER!!!":
            assert at == len(raw)
            return entries
        entries.append(Entry(name, mode, ino, nlink, (rmajor, rminor), data, (uid, gid, mtime, major, minor, check)))


def newc(name, data=b"", mode=0o100644, ino=1, nlink=None, **fields):
    """One cpio entry with whatever fields the test wants."""
    nlink = nlink if nlink is not None else 2 if mode >> 12 == 4 else 1
    values = {"ino": ino, "mode": mode, "uid": 0, "gid": 0, "nlink": nlink, "mtime": 0, "size": len(data), "major": 0,
              "minor": 0, "rmajor": 0, "rminor": 0, "namesize": len(name.encode()) + 1, "check": 0}
    values.update(fields)
    raw = b"070701" + b"".join(b"%08X" % v for v in values.values()) + name.encode() + b"\0"
    raw += bytes(-len(raw) % 4) + data
    return raw + bytes(-len(raw) % 4)


TRAILER = newc("TRAILER!!!", mode=0, ino=0, nlink=1)


def gz(data, header=b"\x1f\x8b\x08\0\0\0\0\0\0\xff"):
    """A gzip member by Python's zlib."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    return header + deflate.compress(data) + deflate.flush() + struct.pack("<II", zlib.crc32(data), len(data) & 0xffffffff)
