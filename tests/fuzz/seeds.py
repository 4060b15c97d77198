#!/usr/bin/python3
"""Writes the first inputs of the corpora: seeds.py DIR. Fuzzers grow them from there; `make fuzz` keeps what they found.

Written with cbor2 and struct, not with the code under test."""
import base64
import gzip
import json as jsonlib
import pathlib
import struct
import sys
import zlib

import cbor2

OUT = pathlib.Path(sys.argv[1])
KINDS = (b'{"flag":true,"a8":255,"a16":65535,"a32":4294967295,"a64":18446744073709551615,'
         b'"a128":"340282366920938463463374607431768211455","a256":"1","text":"gr\\u00fc\\ud83d\\ude00","blob":[0,1,255],'
         b'"owner":"0x101ce8865558e08408b83f60ee9e78843d03d547c850cbe12cb599e17833dd3e","point":{"x":7,"label":"seven"},'
         b'"points":[{"x":1,"label":""}],"rows":[[],[1],[1,2,3]],"octets":[9,8],"maybe":null,'
         b'"corner":{"x":0,"label":"c"},"names":[null,"n"]}')


def put(target, name, data):
    path = OUT / target / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def text(value):
    return bytes([len(value)]) + value


def everything():
    point = struct.pack("<HB", 5, 1)
    numbers = b"\x02" + struct.pack("<QQ", 1, 2)
    return (b"\x01" + b"\x02" + struct.pack("<HIQ", 3, 4, 5) + bytes(16) + bytes(32) + text(b"text") + text(b"\x00\xff")
            + bytes(32) + point + numbers + b"\x01" + point + text(b"\x01\x02") + b"\x01" + text(b"t") + b"\x01" + numbers
            + b"\x01" + text(b"maybe") + b"\x01" + point + b"\x02\x00\x01" + point)


def bcs():
    weather = text(b"San Francisco") + struct.pack("<Q", 13)
    put("bcs", "weather", weather)
    put("bcs", "everything", everything())
    put("frame", "weather", b"\x01\x00" + weather)
    put("frame", "everything", b"\x01\x01" + everything())
    put("frame", "raw-result", b"\x00" + struct.pack("<IIQ", 4, 0, 1) + bytes(48) + b"\x00")
    put("frame", "raw-lying-length", b"\x00" + struct.pack("<IIQ", 4, 0, 2**63) + bytes(48))
    put("frame", "raw-in-fd", b"\x00" + struct.pack("<IIQ", 4, 1, 1) + bytes(48))


def json():
    put("decode", "kinds", KINDS)
    put("decode", "request", b'{"rate":1e-3,"report":{"b":[1.5,-0.0,1e21],"a":"\\u20ac"},"limit":null}')
    put("decode", "deep", b"[" * 80 + b"]" * 80)
    put("decode", "numbers", b"[0,-0,1e400,123456789012345678901234567890,0.1,5e-324,1E+2,-1]")
    put("decode", "surrogate", b'["\\ud800","\\udc00\\ud800"]')
    put("decode", "utf8", b'["\xc3\xa9\xf0\x9f\x98\x80","\xed\xa0\x80"]')


def router():
    for name, method, target in (("process", 2, b"/process_data"), ("agent", 2, b"/mainnet/register-agent"),
                                 ("item", 0, b"/item/12/na%20me"), ("delete", 5, b"/item/1/%c3%a9"),
                                 ("absolute", 0, b"http://host:3000/health_check"), ("slash", 0, b"/item/1/a%2fb"),
                                 ("dots", 0, b"/item/%2e%2e/x"), ("nul", 0, b"/item/1/a%00"), ("broken", 0, b"/item/1/%c3%"),
                                 ("builtin", 6, b"/get_attestation"), ("list", 2, b"/item/18446744073709551615/list")):
        put("router", name, bytes([method]) + target)


def sentinel():
    object_id, kind = bytes([0xAB]) + bytes(31), b"0x5e::sentinel::Attack<0x2::sui::SUI>"
    contents = object_id + text(b"38") + bytes(32) + struct.pack("<QQ", 10**9, 6211533809644153000)
    coded = base64.b64encode(contents)
    told = (b"\x12" + text(b"0x" + object_id.hex().encode()) + b"\x2a\x02\x08\x01" + b"\x32" + text(kind)
            + b"\x42" + text(b"\x12" + text(contents)))
    message = b"\x0a" + bytes([len(told) % 128 + 128, len(told) // 128]) + told
    put("sentinel", "grpc", b"\x00" + b"\x00" + struct.pack(">I", len(message)) + message)
    put("sentinel", "graphql", b'\x01{"data":{"object":{"version":1,"owner":{"__typename":"Shared"},"asMoveObject":{"contents":'
        b'{"type":{"repr":"' + kind + b'"},"bcs":"' + coded + b'"}}}}}')
    put("sentinel", "graphql-none", b'\x01{"data":{"object":null}}')
    put("sentinel", "jsonrpc", b'\x02{"jsonrpc":"2.0","id":1,"result":{"data":{"objectId":"0x' + object_id.hex().encode()
        + b'","type":"' + kind + b'","owner":{"AddressOwner":"0x1"},"bcs":{"dataType":"moveObject","bcsBytes":"' + coded
        + b'"}}}}')
    put("sentinel", "jsonrpc-deleted", b'\x02{"result":{"error":{"code":"deleted"}}}')
    put("sentinel", "attack", b"\x03" + contents)
    put("sentinel", "type", b"\x04" + kind)
    put("sentinel", "type-nested", b"\x040x5e::sentinel::Attack<0x2::a::B<vector<u8>, address>>")
    put("sentinel", "base64", b"\x05AAEC/w==")
    put("sentinel", "verdict", b'\x06{"success":true,"score":100,"agent_response":"a","jury_response":"\\u00e4","fun_response":""}')
    put("sentinel", "signature", b"\x07" + base64.b64encode(bytes(97)))


def nsm():
    pcr = bytes(48)
    for name, kind, answer in (("describe", 0, {"DescribePCR": {"lock": True, "data": pcr}}),
                               ("extend", 1, {"ExtendPCR": {"data": pcr}}), ("lock", 2, "LockPCRs"),
                               ("document", 3, {"Attestation": {"document": document()}}),
                               ("error", 3, {"Error": "InvalidArgument"})):
        put("nsm", name, bytes([kind]) + cbor2.dumps(answer))
    put("nsm", "own-document", b"\x03" + document())


def document():
    payload = {"module_id": "i-0-enc0", "digest": "SHA384", "timestamp": 1744038900000, "pcrs": {0: bytes(48)},
               "certificate": b"c", "cabundle": [b"r"], "public_key": bytes([1, 2, 3]) + bytes(29), "user_data": None,
               "nonce": None}
    return cbor2.dumps([cbor2.dumps({1: -35}), {}, cbor2.dumps(payload), bytes(96)])


def yaml():
    put("yaml", "config", b"listen:\n  api: tcp:127.0.0.1:3000\nhttp:\n  threads: 2\nplugin:\n  a:\n    b: 'c'\n")
    put("yaml", "allow", b"endpoints:\n  - api.example.com\n  - host: b.example.org\n    port: 8443\n    pins:\n      - "
        + b"ab" * 32 + b"\n")
    put("yaml", "anchor", b"a: &x {b: 1}\nc: *x\n")
    put("yaml", "twice", b"log:\n  level: info\n  level: warn\n")


def newc(name, mode, data=b"", nlink=1):
    fields = (1, mode, 0, 0, nlink, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
    head = b"070701" + b"".join(b"%08x" % f for f in fields) + name.encode() + b"\0"
    return head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)


def archive(*extra):
    files = ("app/allowed_endpoints.yaml", "app/manifest.cbor", "app/nacre.yaml", "app/plugin.so")
    parts = [newc("app", 0o040755, nlink=2)] + [newc(f, 0o100644, b"x") for f in files] + list(extra)
    return b"".join(parts) + newc("TRAILER!!!", 0)


def image(*sections):
    """An image of version 4; sections are (type, data)."""
    body, offsets, sizes = b"", [], []
    for kind, data in sections:
        offsets.append(548 + len(body))
        sizes.append(len(data))
        body += struct.pack(">HHQ", kind, 0, len(data)) + data
    pad = [0] * (32 - len(sections))
    head = struct.pack(">4sHHQQHH32Q32QI", b".eif", 4, 0, 1 << 28, 2, 0, len(sections), *(offsets + pad),
                       *(sizes + pad), 0)
    return head + struct.pack(">I", zlib.crc32(body, zlib.crc32(head))) + body


def eif():
    kernel = bytearray(1024)
    kernel[0x1fe:0x200], kernel[0x202:0x206] = b"\x55\xaa", b"HdrS"
    metadata = jsonlib.dumps({"ImageName": "a", "ImageVersion": "1", "BuildMetadata": {
        "BuildTime": "t", "BuildTool": "n", "BuildToolVersion": "1", "OperatingSystem": "d", "KernelVersion": "6"},
        "DockerInfo": {}, "CustomMetadata": None}).encode()
    member = gzip.compress(archive(), 9, mtime=0)
    put("eif", "image", b"\0" + image((1, bytes(kernel)), (2, b"console=ttyS0"), (5, metadata), (3, member), (3, member)))
    put("eif", "ramdisk", b"\1" + member)
    put("eif", "ramdisk-link", b"\1" + gzip.compress(archive(newc("app/x", 0o120777, b"/")), mtime=0))
    put("eif", "archive", b"\2" + archive())
    put("eif", "gzip", b"\3" + member)
    put("eif", "metadata", b"\4" + metadata)
    put("eif", "signature", b"\5" + cbor2.dumps([{"signing_certificate": b"-----BEGIN CERTIFICATE-----\n",
                                                  "signature": cbor2.dumps([cbor2.dumps({1: -35}), {}, cbor2.dumps(
                                                      {"register_index": 0, "register_value": bytes(48)}), bytes(96)])}]))


def host():
    put("host", "config", b"\0ingress:\n  - listen: 0.0.0.0:3000\nenclaves:\n  - cid: 16\n")
    put("host", "hello", b"\1OK 1073741824\n")
    put("host", "answer", b'\2HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}')
    put("host", "chunked", b"\2HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")
    put("host", "nitro", b"\3" + jsonlib.dumps([{"EnclaveName": "a", "EnclaveID": "i-0-enc0", "ProcessID": 1, "EnclaveCID": 16,
                                                 "NumberOfCPUs": 2, "CPUIDs": [1, 3], "MemoryMiB": 512,
                                                 "State": "RUNNING", "Flags": "DEBUG_MODE"}]).encode())


def learn():
    put("learn", "pairs", b"\0[[[1,2.5,-3e2,4,5,6],1],[[0,0,0,0,0,0],0]]")
    put("learn", "csv", b'\0a,b,"c ""d""",label\n1,2,3,0\r\n4,5,6,1\n')
    put("learn", "envelope", b"\0" + jsonlib.dumps({
        "encrypted": base64.b64encode(b"[[[1,2,3],1]]").decode(), "nonce": base64.b64encode(bytes(24)).decode(),
        "ephemeralPublicKey": base64.b64encode(bytes(32)).decode()}).encode())
    put("learn", "dataset", b"\0NACREDS1" + bytes(16) + struct.pack("<I", 65536) + bytes(24) + bytes(40))
    header = jsonlib.dumps({"w": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]},
                            "__metadata__": {"algorithm": "mlp"}}).encode()
    put("learn", "safetensors", b"\1" + struct.pack("<Q", len(header)) + header + bytes(16))
    put("learn", "bundle", b"\2NACREML1" + struct.pack("<Q", 2) + b"{}" + struct.pack("<Q", 2) + b"{}")
    put("learn", "key", b"\3" + b"0f" * 32)


def sealed():
    magic = b"\x89nacre sealed\r\n\x1a"
    put("sealed", "magic", magic + bytes(200))
    put("sealed", "json", b'{"API_KEY":"x"}')


def sealed_call():
    magic = b"\x89NSEAL\r\n"
    put("sealed_call", "request", magic + b"\1\1" + bytes(6) + struct.pack("<Q", 1764370000123) + bytes(32 + 24 + 16 + 256))
    put("sealed_call", "content", bytes(32) + struct.pack("<I", 2) + b"{}" + bytes(20))
    put("sealed_call", "lying", bytes(32) + struct.pack("<I", 0xffffffff) + b"{}")
    put("sealed_call", "answer", struct.pack("<HHI", 200, 0, 2) + b"{}" + bytes(20))
    put("sealed_call", "padding", struct.pack("<HHI", 200, 0, 2) + b"{}" + bytes(20) + b"\1")


def main():
    for make in (bcs, json, router, sentinel, nsm, yaml, eif, host, learn, sealed, sealed_call):
        make()


if __name__ == "__main__":
    main()
