#!/usr/bin/python3
"""Batches of attestation nonces as docs/VERIFYING.md defines them, by hashlib and the recursive definitions of RFC 9162.

  nacre_batch.py            prints the test vectors, one a line: SIZE INDEX NONCE ROOT PATH, bytes in hex, "-" for none
  nacre_batch.py ANSWER.json NONCE ROOT   checks an answer's path; ROOT is the nonce in the document
"""
import hashlib
import json
import pathlib
import sys

VECTORS = pathlib.Path(__file__).with_name("batch_vectors.txt")
CONTEXT = b"nacre-batch-v1"
MOST = 65536


def digest(kind, *parts):
    return hashlib.sha256(bytes([kind]) + CONTEXT + b"".join(parts)).digest()


def leaf(nonce):
    return digest(0, len(nonce).to_bytes(2, "big"), nonce)


def split(size):
    """The largest power of two below size."""
    return 1 << (size - 1).bit_length() - 1


def top(leaves):
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return digest(1, top(leaves[:k]), top(leaves[k:]))


def root(nonces):
    return digest(2, len(nonces).to_bytes(4, "big"), top([leaf(n) for n in nonces]))


def path(index, leaves):
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if index < k:
        return path(index, leaves[:k]) + [top(leaves[k:])]
    return path(index - k, leaves[k:]) + [top(leaves[:k])]


def climb(hash_, index, size, way):
    """The top above a leaf; takes what it needs from the end of `way`."""
    if size == 1:
        return hash_
    k = split(size)
    if not way:
        raise ValueError("the path is too short")
    beside = way.pop()
    if index < k:
        return digest(1, climb(hash_, index, k, way), beside)
    return digest(1, beside, climb(hash_, index - k, size - k, way))


def root_of(nonce, batch):
    """The root that {"size", "index", "path"} leads to from this nonce; ValueError when it cannot be one."""
    if sorted(batch) != ["index", "path", "size"]:
        raise ValueError(f"not a batch: {sorted(batch)}")
    size, index, way = batch["size"], batch["index"], [bytes.fromhex(h) for h in batch["path"]]
    if type(size) is not int or type(index) is not int or not 0 <= index < size <= MOST:
        raise ValueError(f"leaf {index} of {size}")
    if any(len(h) != 32 for h in way) or any(h != h.lower() for h in batch["path"]):
        raise ValueError("a hash of the path has not 32 bytes in lower-case hex")
    above = climb(leaf(nonce), index, size, way)
    if way:
        raise ValueError("the path is too long")
    return digest(2, size.to_bytes(4, "big"), above)


def vector_nonce(index, size):
    """Up to nine there are vectors of all leaves; beyond, whoever tests the whole tree makes the others by this rule."""
    if size > 9:
        return index.to_bytes(2, "big")
    return hashlib.shake_128(b"%d of %d" % (index, size)).digest(1 + (37 * index + size * 31) % 512)


def vectors():
    for size in [1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 33, 100, 255, 256, 257, 1000]:
        nonces = [vector_nonce(i, size) for i in range(size)]
        leaves, whole = [leaf(n) for n in nonces], root(nonces)
        for i in range(size) if size <= 9 else sorted({0, 1, 2, size // 3, size // 2, size - 3, size - 2, size - 1}):
            way = path(i, leaves)
            assert root_of(nonces[i], {"size": size, "index": i, "path": [h.hex() for h in way]}) == whole
            yield f"{size} {i} {nonces[i].hex()} {whole.hex()} {b''.join(way).hex() or '-'}"


def main(argv):
    if len(argv) == 1:
        print("\n".join(vectors()))
        return 0
    batch = json.loads(pathlib.Path(argv[1]).read_text())["batch"]
    found = root_of(bytes.fromhex(argv[2]), batch)
    print(f"root {found.hex()}")
    return 0 if found == bytes.fromhex(argv[3]) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv))
