"""Reads the memory of the programs from outside, as root, and finds in it what only nacred may hold."""
import hashlib
import os
import pathlib
import re

import nacl.bindings

CHUNK = 1 << 20


def regions(pid):
    for line in pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines():
        found = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+\s*(.*)", line)
        if found and found.group(4) not in ("[vvar]", "[vsyscall]", "[vvar_vclock]"):
            yield int(found.group(1), 16), int(found.group(2), 16)


def memory(pid):
    """(address, bytes) of all that can be read, in chunks that overlap by 128 bytes."""
    fd = os.open(f"/proc/{pid}/mem", os.O_RDONLY)
    try:
        for begin, end in regions(pid):
            for at in range(begin, end, CHUNK):
                try:
                    yield at, os.pread(fd, min(CHUNK + 128, end - at), at)
                except OSError:
                    pass  # guard pages
    finally:
        os.close(fd)


def occurrences(data, needle):
    at = data.find(needle)
    while at >= 0:
        yield at
        at = data.find(needle, at + 1)


def find_seed(pid, public_key):
    """libsodium keeps seed and public key side by side: the 32 bytes before a copy of the key that make that key."""
    for _, data in memory(pid):
        for at in occurrences(data, public_key):
            seed = data[at - 32:at]
            if len(seed) == 32 and nacl.bindings.crypto_sign_seed_keypair(seed)[0] == public_key:
                return seed
    return None


def find_x25519(pid, public_key):
    """Any 32 bytes in nacred's small anonymous mappings that are the secret of this X25519 key."""
    seen = set()
    for _, data in memory(pid):
        for at in occurrences(data, public_key):
            for start in range(max(0, at - 256), min(len(data) - 32, at + 256)):
                candidate = data[start:start + 32]
                if candidate not in seen and any(candidate):
                    seen.add(candidate)
                    if nacl.bindings.crypto_scalarmult_base(candidate) == public_key:
                        return candidate
    return None


def needles(seed, boxes):
    expanded = bytearray(hashlib.sha512(seed).digest())
    raw_scalar = bytes(expanded[:32])
    expanded[0] &= 248
    expanded[31] = expanded[31] & 63 | 64
    found = {"seed": seed, "scalar": bytes(expanded[:32]), "scalar before clamping": raw_scalar,
             "prefix": bytes(expanded[32:])}
    for name, secret in boxes.items():
        found[name] = secret
    # Half of a secret is a leak as well.
    halves = {f"half of {name}": value[:16] for name, value in found.items()}
    return {**found, **halves}
