"""A Sui node of a few objects, as far as reading one goes: gRPC by grpcio, GraphQL by graphql-core, and JSON-RPC."""
import base64
import dataclasses
import hashlib
import importlib
import itertools
import json
import pathlib
import subprocess
import sys
import tempfile

import graphql
import grpc

HERE = pathlib.Path(__file__).resolve().parent
NUMBERS = itertools.count()
GENERATED = 0x9E  # an id that begins with this byte is an Attack on agent "7", without anybody having made it

SCHEMA = """
schema { query: Query }
scalar SuiAddress
scalar UInt53
scalar Base64
type AddressOwner { address: SuiAddress }
type ConsensusAddressOwner { address: SuiAddress }
type ObjectOwner { address: SuiAddress }
type Shared { initialSharedVersion: UInt53 }
type Immutable { _: Boolean }
union Owner = AddressOwner | ConsensusAddressOwner | ObjectOwner | Shared | Immutable
type MoveType { repr: String! }
type MoveValue { type: MoveType! bcs: Base64! }
type MoveObject { contents: MoveValue }
type Object { address: SuiAddress! version: UInt53! owner: Owner asMoveObject: MoveObject }
type Query { object(address: SuiAddress!): Object }
"""
OWNERS = {"ADDRESS": "AddressOwner", "CONSENSUS_ADDRESS": "ConsensusAddressOwner", "OBJECT": "ObjectOwner",
          "SHARED": "Shared", "IMMUTABLE": "Immutable"}


def messages():
    """The Python classes of sui_rpc.proto, made by protoc."""
    if "sui_rpc_pb2" not in sys.modules:
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["protoc", f"--proto_path={HERE}", f"--python_out={folder}", "sui_rpc.proto"], check=True)
            sys.path.insert(0, folder)
            try:
                importlib.import_module("sui_rpc_pb2")
            finally:
                sys.path.remove(folder)
    return sys.modules["sui_rpc_pb2"]


def uleb128(n):
    out = bytearray()
    while n >= 0x80:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    return bytes(out) + bytes([n])


def attack_bcs(object_id, agent_id, attacker, nonce, paid=1_000_000_000):
    raw = agent_id.encode()
    return object_id + uleb128(len(raw)) + raw + attacker + paid.to_bytes(8, "little") + nonce.to_bytes(8, "little")


@dataclasses.dataclass
class Object:
    id: bytes
    type: str = ""            # "" for a package
    contents: bytes = b""
    owner: str = "ADDRESS"    # of sui.rpc.v2.Owner.OwnerKind
    gone: bool = False        # deleted, or wrapped into another object
    # ways to go wrong
    status: object = None     # grpc.StatusCode instead of the object; the HTTP side answers 500
    details: str = "as the test wants it"
    raw: bytes = None         # bytes instead of the message or body
    delay: float = 0.0
    version: int = 42

    @property
    def hex(self):
        return "0x" + self.id.hex()


def owner_address():
    return "0x" + "5e" * 32


class Node:
    """Objects of one network, and how they are told in three protocols."""

    def __init__(self, package):
        self.package, self.objects, self.reads = package, {}, 0
        self.schema = make_schema(self.lookup)

    def attack(self, object_id=None, agent_id="1", attacker=bytes(31) + b"\x01", nonce=1, **more):
        """Adds an Attack object."""
        object_id = object_id or hashlib.sha256(b"object %d" % next(NUMBERS)).digest()
        more.setdefault("type", f"0x{self.package.hex()}::sentinel::Attack<0x{'0' * 63}2::sui::SUI>")
        more.setdefault("contents", attack_bcs(object_id, agent_id, attacker, nonce))
        self.objects[object_id] = Object(object_id, **more)
        return self.objects[object_id]

    def find(self, text):
        object_id = bytes.fromhex(text.removeprefix("0x").rjust(64, "0"))
        self.reads += 1
        if object_id not in self.objects and object_id[0] == GENERATED:
            seed = hashlib.sha256(object_id).digest()
            return Object(object_id, f"0x{self.package.hex()}::sentinel::Attack<0x{'0' * 63}2::sui::SUI>",
                          attack_bcs(object_id, "7", seed, int.from_bytes(seed[:8], "little")))
        return self.objects.get(object_id)

    # ---- gRPC ----------------------------------------------------------------------------------------------------

    def grpc_object(self, found, paths):
        """Only what the mask asks for."""
        pb = messages()
        o = pb.Object()
        if "object_id" in paths:
            o.object_id = found.hex
        if "version" in paths:
            o.version = found.version
        if "object_type" in paths:
            o.object_type = found.type or "package"
        if "owner" in paths:
            o.owner.kind = getattr(pb.Owner, found.owner)
            o.owner.address = owner_address()
        if "contents" in paths and found.type:
            o.contents.name, o.contents.value = found.type, found.contents
        return pb.GetObjectResponse(object=o)

    # ---- GraphQL -------------------------------------------------------------------------------------------------

    def lookup(self, address):
        found = self.find(address)
        if found is None or found.gone:
            return None
        contents = {"type": {"repr": found.type}, "bcs": base64.b64encode(found.contents).decode()}
        return {"address": found.hex, "version": found.version,
                "owner": {"__typename": OWNERS[found.owner], "address": owner_address()},
                "asMoveObject": {"contents": contents} if found.type else None}

    def graphql(self, body):
        asked = json.loads(body)
        result = execute(self.schema, asked["query"], asked.get("variables"))
        answer = {"data": result.data}
        if result.errors:
            answer["errors"] = [{"message": str(e)} for e in result.errors]
        return answer

    # ---- JSON-RPC ------------------------------------------------------------------------------------------------

    def jsonrpc(self, body):
        asked = json.loads(body)
        frame = {"jsonrpc": "2.0", "id": asked["id"]}
        if asked["method"] != "sui_getObject":
            return frame | {"error": {"code": -32601, "message": "Method not found"}}
        object_id, options = asked["params"]
        found = self.find(object_id)
        if found is None:
            return frame | {"result": {"error": {"code": "notExists", "object_id": object_id}}}
        if found.gone:
            return frame | {"result": {"error": {"code": "deleted", "object_id": found.hex, "version": found.version,
                                                 "digest": "7gyGAp71YXQRoxmFBaHxofQXAipvgHyBKPyxmdSJxyvz"}}}
        data = {"objectId": found.hex, "version": str(found.version), "digest": "11111111111111111111111111111111"}
        if options.get("showType"):
            data["type"] = found.type or "package"
        if options.get("showOwner"):
            data["owner"] = {"ADDRESS": {"AddressOwner": owner_address()}, "OBJECT": {"ObjectOwner": owner_address()},
                             "SHARED": {"Shared": {"initial_shared_version": 1}}, "IMMUTABLE": "Immutable",
                             "CONSENSUS_ADDRESS": {"ConsensusAddressOwner": {"start_version": "1",
                                                                             "owner": owner_address()}}}[found.owner]
        if options.get("showBcs"):
            data["bcs"] = {"dataType": "moveObject", "type": found.type, "hasPublicTransfer": False,
                           "version": found.version, "bcsBytes": base64.b64encode(found.contents).decode()} \
                if found.type else {"dataType": "package", "id": found.hex, "version": 1, "moduleMap": {}}
        return frame | {"result": {"data": data}}


# ---- graphql-core 2 (Debian 12) and 3 (Debian 13) -----------------------------------------------------------------

def make_schema(lookup):
    def resolve(_root, _info, address):
        return lookup(address)

    if graphql.__version__.startswith("2"):
        from graphql.utils.build_ast_schema import build_ast_schema
        schema = build_ast_schema(graphql.parse(SCHEMA))
        schema.get_query_type().fields["object"].resolver = resolve
        owner = schema.get_type("Owner")
        owner.resolve_type = lambda value, _info: schema.get_type(value["__typename"])
        for name in ("SuiAddress", "UInt53", "Base64"):
            scalar = schema.get_type(name)
            scalar.serialize = scalar.parse_value = lambda value: value
            scalar.parse_literal = lambda node: node.value
        return schema
    schema = graphql.build_schema(SCHEMA)
    schema.query_type.fields["object"].resolve = resolve
    return schema


def execute(schema, query, variables):
    if graphql.__version__.startswith("2"):
        return graphql.graphql(schema, query, variable_values=variables)
    return graphql.graphql_sync(schema, query, variable_values=variables)


# ---- The gRPC server ----------------------------------------------------------------------------------------------

def ledger_service(nodes, pause):
    """The generic handler of sui.rpc.v2.LedgerService; nodes by the host that was asked."""
    async def get_object(request, context):
        host = dict(context.invocation_metadata()).get("host")  # some versions of grpcio show the authority there
        node = nodes.get(host) or nodes.get(None)
        found = node.find(request.object_id)
        await pause(found.delay if found else 0)
        if found is None or found.gone:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"Object {request.object_id} not found")
        if found.status is not None:
            await context.abort(found.status, found.details)
        if found.raw is not None:
            return found.raw
        return node.grpc_object(found, list(request.read_mask.paths)).SerializeToString()

    handler = grpc.unary_unary_rpc_method_handler(get_object, messages().GetObjectRequest.FromString, None)
    return grpc.method_handlers_generic_handler("sui.rpc.v2.LedgerService", {"GetObject": handler})
