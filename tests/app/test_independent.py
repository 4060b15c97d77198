"""JSON, numbers and BCS of nacre-app against implementations of their own, over random values."""
import json
import math
import os
import random
import struct
import subprocess

PROBE = os.path.join(os.environ["NACRE_OUT"], "tests", "app_probe")


def probe(mode, lines):
    data = "".join(line + "\n" for line in lines).encode()
    done = subprocess.run([PROBE, mode], input=data, stdout=subprocess.PIPE, check=True, timeout=60)
    out = done.stdout.decode().split("\n")
    assert out.pop() == "" and len(out) == len(lines)
    return out


def ecmascript(value):
    """Number::toString of ECMA-262, from the shortest digits that Python's repr() gives."""
    if value == 0:
        return "0"
    sign, digits, exponent = "-" if value < 0 else "", *_digits(abs(value))
    k, n = len(digits), exponent
    if k <= n <= 21:
        return sign + digits + "0" * (n - k)
    if 0 < n <= 21:
        return sign + digits[:n] + "." + digits[n:]
    if -6 < n <= 0:
        return sign + "0." + "0" * -n + digits
    mantissa = digits[0] + ("." + digits[1:] if k > 1 else "")
    return "%s%se%+d" % (sign, mantissa, n - 1)


def _digits(value):
    """value = 0.DIGITS * 10^n, as (DIGITS, n)."""
    mantissa, _, exponent = repr(value).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    n = len(whole) + int(exponent or 0)
    if whole.strip("0") == "":
        n -= len(whole) + len(fraction) - len(fraction.lstrip("0"))
    return digits.rstrip("0"), n


def doubles():
    rng = random.Random(20250301)
    values = [math.ldexp(1.0, e) for e in range(-1074, 1024)]  # every power of two
    values += [math.nextafter(v, d) for v in values[:] for d in (0.0, math.inf)]
    values += [10.0**e for e in range(-323, 309)]
    for _ in range(60000):
        v = struct.unpack("<d", struct.pack("<Q", rng.getrandbits(64)))[0]
        if math.isfinite(v):
            values.append(v)
    values += [rng.uniform(-1e6, 1e6) for _ in range(10000)]
    values += [round(rng.uniform(-1e6, 1e6), rng.randrange(6)) for _ in range(10000)]
    values += [float(rng.getrandbits(rng.randrange(1, 80))) for _ in range(10000)]
    values += [float.fromhex("0x0.%013xp-1022" % rng.getrandbits(rng.randrange(1, 52))) for _ in range(5000)]
    return [v for v in values if math.isfinite(v)]


def test_shortest_digits():
    values = doubles()
    expected = [ecmascript(v) for v in values]
    assert probe("number", [repr(v) for v in values]) == expected
    # the same from literals with more digits than a double has
    assert probe("number", ["%.17e" % v for v in values]) == expected
    assert probe("number", ["%.30e" % v for v in values]) == expected
    # and from what was written
    assert probe("number", expected) == expected


def test_literals_are_rounded_correctly():
    rng = random.Random(7)
    texts = []
    for _ in range(20000):
        digits = "".join(rng.choice("0123456789") for _ in range(rng.randrange(1, 40))).lstrip("0") or "0"
        texts.append("%s%s.%se%d" % (rng.choice(["", "-"]), digits, rng.randrange(10**6), rng.randrange(-330, 300)))
    for i in range(5000):  # half way between neighbours, and a trace to either side
        v = float(rng.getrandbits(53) | 1 << 52)
        texts += ["%d.5" % v, "%d.5000000000000000000000000001" % v, "%d.4999999999999999999999999999" % v]
    expected = [ecmascript(float(t)) if math.isfinite(float(t)) else "! out of range" for t in texts]
    assert probe("number", texts) == expected


TEXTS = ["", "a", "A", "\u00e9", "e\u0301", "\ufb33", "\U0001f600", "\U00010000", "\uffff", "\ue000", "\ud7ff",
         '"', "\\", "/", "\x00", "\x1f", "\x7f", "\u0080", "\n", "\r\t\b\f", "\u2028", "abc\U0001f600d"]


def value(rng, depth):
    kind = rng.randrange(9 if depth < 5 else 6)
    if kind == 0:
        return rng.choice([None, True, False])
    if kind <= 2:
        return "".join(rng.choice(TEXTS) for _ in range(rng.randrange(4)))
    if kind == 3:
        return rng.choice([0.1, 1e21, -0.0, 5e-324, 1.5e300, 123456.75])
    if kind <= 5:
        return rng.randrange(-(2**53), 2**53)
    if kind == 6:
        return [value(rng, depth + 1) for _ in range(rng.randrange(5))]
    return {"".join(rng.choice(TEXTS) for _ in range(rng.randrange(1, 4))): value(rng, depth + 1)
            for _ in range(rng.randrange(8))}


def canonical(v):
    if isinstance(v, bool) or v is None:
        return json.dumps(v)
    if isinstance(v, (int, float)):
        return ecmascript(float(v))
    if isinstance(v, str):
        return json.dumps(v, ensure_ascii=False)
    if isinstance(v, list):
        return "[" + ",".join(map(canonical, v)) + "]"
    keys = sorted(v, key=lambda k: k.encode("utf-16-be"))
    return "{" + ",".join(canonical(k) + ":" + canonical(v[k]) for k in keys) + "}"


def test_canonical_json():
    rng = random.Random(42)
    values = [value(rng, 0) for _ in range(5000)]
    expected = [canonical(v) for v in values]
    assert probe("canonical", [json.dumps(v, ensure_ascii=True) for v in values]) == expected
    assert probe("canonical", [json.dumps(v, ensure_ascii=False) for v in values]) == expected
    assert probe("canonical", expected) == expected


def uleb(n):
    out = b""
    while n >= 0x80:
        out += bytes([n & 0x7F | 0x80])
        n >>= 7
    return out + bytes([n])


def integer(width):
    return lambda v: v.to_bytes(width, "little")


def text(v):
    return uleb(len(v.encode())) + v.encode()


def vector(item):
    return lambda v: uleb(len(v)) + b"".join(map(item, v))


def option(item):
    return lambda v: b"\0" if v is None else b"\1" + item(v)


def struct_of(fields):
    return lambda v: b"".join(item(v[name]) for name, item in fields)


POINT = struct_of([("x", integer(4)), ("label", text)])
KINDS = struct_of([
    ("flag", lambda v: b"\1" if v else b"\0"), ("a8", integer(1)), ("a16", integer(2)), ("a32", integer(4)),
    ("a64", integer(8)), ("a128", integer(16)), ("a256", integer(32)), ("text", text),
    ("blob", lambda v: uleb(len(v)) + bytes(v)), ("owner", bytes), ("point", POINT), ("points", vector(POINT)),
    ("rows", vector(vector(integer(2)))), ("octets", vector(integer(1))), ("maybe", option(integer(8))),
    ("corner", option(POINT)), ("names", vector(option(text))),
])


def kinds(rng):
    def bits(n):
        return rng.choice([0, 1, 2**n - 1, rng.getrandbits(n)])

    def string():
        return "".join(rng.choice(TEXTS) for _ in range(rng.randrange(rng.choice([3, 200]))))

    def point():
        return {"x": bits(32), "label": string()}

    def octets():
        return [bits(8) for _ in range(rng.randrange(rng.choice([3, 300])))]

    return {
        "flag": rng.random() < 0.5, "a8": bits(8), "a16": bits(16), "a32": bits(32), "a64": bits(64),
        "a128": bits(128), "a256": bits(256), "text": string(), "blob": octets(),
        "owner": [rng.getrandbits(8) for _ in range(32)], "point": point(),
        "points": [point() for _ in range(rng.randrange(4))],
        "rows": [[bits(16) for _ in range(rng.randrange(200))] for _ in range(rng.randrange(4))],
        "octets": octets(), "maybe": rng.choice([None, bits(64)]), "corner": rng.choice([None, point()]),
        "names": [rng.choice([None, string()]) for _ in range(rng.randrange(4))],
    }


def as_request(rng, v):
    """As a client may write it: wide integers as strings, an address in either form, keys in any order."""
    v = dict(v, a128=str(v["a128"]), a256=str(v["a256"]))
    if rng.random() < 0.5:
        v["owner"] = "0x" + bytes(v["owner"]).hex()
    for name in ("maybe", "corner"):
        if v[name] is None and rng.random() < 0.5:
            del v[name]
    items = list(v.items()) + [("unknown", value(rng, 3))]
    rng.shuffle(items)
    return json.dumps(dict(items), ensure_ascii=rng.random() < 0.5)


def test_bcs():
    rng = random.Random(99)
    values = [kinds(rng) for _ in range(1500)]
    assert probe("encode", [as_request(rng, v) for v in values]) == [KINDS(v).hex() for v in values]
