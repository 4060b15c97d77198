"""The texts that `nacre plugin show|endpoints|move|ts` write, held against the descriptor as another reader has it."""
import os
import re

import pytest
from gen import HERE, OUT, PLUGINS, Descriptor, generate, nacre, refused

# Move 2024: keywords, contextual keywords and built-in types (The Move Book and Reference).
MOVE_RESERVED = set("""abort acquires as break const continue copy else enum false for friend fun has if invariant let
    loop match module move mut native public return spec struct true type use while macro entry phantom Self address
    bool u8 u16 u32 u64 u128 u256 vector signer""".split())
MOVE_TYPES = {"string": "String", "bytes": "vector<u8>"}


def golden(name, text):
    """NACRE_UPDATE_GOLDEN=1 writes the files anew: read the difference before committing it."""
    path = HERE / "golden" / name
    if os.environ.get("NACRE_UPDATE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text()


def move_type(kind, names):
    if isinstance(kind, list):
        return names[tuple(name for name, _ in kind)]
    if isinstance(kind, tuple):
        return f"{'vector' if kind[0] == 'vector' else 'Option'}<{move_type(kind[1], names)}>"
    return MOVE_TYPES.get(kind, kind)


class Module:
    """A Move module taken apart by its punctuation."""

    def __init__(self, text):
        self.text = text
        code = "\n".join(line.split("//")[0] for line in text.splitlines())
        self.code = code
        self.name = re.findall(r"^module (\S+);$", code, re.M)
        self.structs = {}
        for name, body in re.findall(r"public struct (\w+) has copy, drop \{\n(.*?)\n\}", code, re.S):
            assert name not in self.structs
            self.structs[name] = [tuple(line.strip().rstrip(",").split(": ", 1)) for line in body.splitlines()
                                  if line.strip()]
        self.functions = {}
        for name, generic, parameters, result in re.findall(
                r"public fun (\w+)(<T>)?\((.*?)\)(?:: (.*?))? \{\n", code, re.S):
            assert name not in self.functions
            parameters = [tuple(p.strip().split(": ", 1)) for p in parameters.split(",") if p.strip()]
            assert not generic or parameters[0] == ("enclave", "&Enclave<T>")
            self.functions[name] = (parameters, result)
        self.constants = dict(re.findall(r"^const (\w+): u8 = (\d+);$", code, re.M))


def balanced(text):
    depth = []
    pairs = {")": "(", "}": "{", "]": "["}
    for c in text:
        if c in pairs.values():
            depth.append(c)
        elif c in pairs:
            if not depth or depth.pop() != pairs[c]:
                return False
    return not depth


@pytest.mark.parametrize("plugin", ["alltypes", "words"])
def test_move_structs_are_the_descriptors(plugin, tmp_path):
    module = Module(generate("move", plugin))
    expected = Descriptor(plugin, tmp_path).response_structs()
    assert balanced(module.code)
    assert len(module.structs) == len(expected)
    names = {}
    for (name, fields), (move_name, move_fields) in zip(expected, module.structs.items()):
        # the order of structs and fields, and the types, are exact; names differ where Move wants them to
        names[tuple(f for f, _ in fields)] = move_name
        assert [t for _, t in move_fields] == [move_type(kind, names) for _, kind in fields], name
        for (field, _), (move_field, _) in zip(fields, move_fields):
            assert re.fullmatch(f"(f_?)?{field}_*", move_field)
            assert re.fullmatch(r"[a-z][A-Za-z0-9_]*", move_field) and move_field not in MOVE_RESERVED
        assert len({f for f, _ in move_fields}) == len(move_fields)
        assert re.fullmatch(r"[A-Z][A-Za-z0-9_]*", move_name) and move_name not in MOVE_RESERVED
        constructors = [p for f, (p, result) in module.functions.items() if f.startswith("new_") and result == move_name]
        assert constructors == [move_fields], f"the constructor takes the fields by value, in order: {move_name}"


@pytest.mark.parametrize("plugin", ["alltypes", "words"])
def test_move_verifies_each_intent_through_the_enclave_package(plugin, tmp_path):
    module = Module(generate("move", plugin))
    descriptor = Descriptor(plugin, tmp_path)
    assert sorted(map(int, module.constants.values())) == sorted(descriptor.intents)
    verify = {f: p for f, (p, _) in module.functions.items() if f.startswith("verify_") and "recent" not in f}
    assert len(verify) == len(descriptor.intents)
    for name, parameters in verify.items():
        assert [p for p, _ in parameters] == ["enclave", "timestamp_ms", "payload", "signature"]
        assert [t for _, t in parameters][:2] == ["&Enclave<T>", "u64"] and parameters[3][1] == "&vector<u8>"
        constant = name[len("verify_"):].upper() + "_INTENT"
        body = module.code.split(f"public fun {name}<T>(")[1].split("\n}")[0]
        assert f"enclave.verify_signature({constant}, timestamp_ms, payload, signature)" in body
        assert "assert!(valid, EInvalidSignature);" in body
        # the struct under this intent has as many fields as the declared one
        scope = int(module.constants[constant])
        assert len(module.structs[parameters[2][1]]) == len(descriptor.kind(descriptor.intents[scope][1]))
    for line in ("use enclave::enclave::Enclave;", "use sui::clock::Clock;"):
        assert line in module.code
    uses_strings = re.search(r"(?<!::)\bString\b", module.code) is not None
    assert ("use std::string::String;" in module.code) == uses_strings, "an unused import is a warning"


def test_move_text_of_alltypes():
    golden("alltypes.move", generate("move", "alltypes"))


def test_move_text_of_words():
    text = generate("move", "words")
    golden("words.move", text)
    assert text.isascii() and "\nmodule evil" not in text, "what the plugin's author wrote stays in the comment"


def test_move_module_name():
    assert "\nmodule 0xaB1::some_name;\n" in generate("move", "alltypes", "--module", "0xaB1::some_name")
    assert "\nmodule app::alltypes;\n" in generate("move", "alltypes")
    assert "\nmodule app::move_;\n" in generate("move", "words")
    for bad in ("name", "a::b::c", "0x::a", "a::", "::a", "a::B", "a::module", "A::a", "a::b;", "0x" + "1" * 65 + "::a"):
        assert f"--module is '{bad}', expected ADDRESS::NAME" in refused("move", "alltypes", "--module", bad)


def test_what_no_move_module_can_be_made_of():
    assert "two different structs of the responses are called Answer (types 1 and 3): rename one" in refused(
        "move", "clash-types")
    assert "struct answer_v2 would get the constructor new_answer_v2, which another one has: rename one" in refused(
        "move", "clash-words")
    assert "intent 2 would get the function verify_process_data" in refused("move", "clash-intents")
    assert "intent 2 would get the function verify_process_data" in refused("move", "clash-names")
    assert "struct Many has 33 fields, Sui takes at most 32" in refused("move", "clash-fields")


def test_what_no_typescript_can_be_made_of():
    assert "two different structs of the responses are called Answer (types 1 and 3): rename one" in refused(
        "ts", "clash-types")
    assert "intent 2: its name is another intent's too" in refused("ts", "clash-names")
    assert "struct Answer: JavaScript objects cannot have the field __proto__: rename it" in refused(
        "ts", "clash-proto")
    for fine in ("clash-words", "clash-intents", "clash-fields"):
        assert "export function verifyResponse(" in generate("ts", fine)


def test_typescript_keeps_what_the_author_wrote_in_its_place():
    text = generate("ts", "words")
    assert text.splitlines()[0] == ("// Made by `nacre plugin ts` from move 1.0?module evil;??? */. When the plugin's "
                                    "types change, make it again.")
    assert '  "9 lives\\n} evil": 0,\n' in text and '  "\\"quoted\\" \\\\ \u00e4": 3,\n' in text
    assert "//@" not in text


def test_typescript_has_no_helper_it_does_not_use():
    for plugin in ("alltypes", "words", "clash-fields"):
        text = generate("ts", plugin)
        for name in re.findall(r"^(?:function|const) (\w+)", text, re.M):
            assert len(re.findall(rf"\b{name}\b", text)) > 1, f"{plugin}: {name} is never used"


def test_show():
    text = generate("show", "alltypes")
    digest = re.search(r"^  SHA-384  ([0-9a-f]{96})$", text, re.M).group(1)
    golden("alltypes.show", text.replace(digest, "DIGEST"))
    assert "\033" not in generate("show", "words"), "nothing for a terminal to obey"


def test_show_has_the_files_digest(tmp_path):
    assert Descriptor("alltypes", tmp_path).digest.hex() in generate("show", "alltypes")


def test_endpoints_are_what_the_manifest_takes(tmp_path):
    golden("words.endpoints", generate("endpoints", "words"))
    descriptor = Descriptor("words", tmp_path)
    assert [e[:2] for e in descriptor.config["allow"]] == descriptor.raw["endpoints"]
    assert descriptor.raw["endpoints"] == [["api.example.com", 443], ["db.example.com", 8443], ["no", 443]]
    assert generate("endpoints", "alltypes").endswith("\nendpoints: []\n")
    assert "'Bad Host'" in refused("endpoints", "clash-host")


def test_output_goes_to_a_file(tmp_path):
    target = tmp_path / "answers.move"
    out, said = nacre("plugin", "move", PLUGINS / "alltypes.so", "-o", target)
    assert (out, said) == ("", "") and target.read_text() == generate("move", "alltypes")
    target.write_text("old")
    refused("move", "clash-types", "-o", target)
    assert target.read_text() == "old", "what cannot be made leaves the old file"
    missing = tmp_path / "nowhere" / "x"
    assert str(missing) in refused("show", "alltypes", "-o", missing)


@pytest.mark.parametrize("command", ["show", "endpoints", "move", "ts"])
def test_command_line(command, tmp_path):
    out, _ = nacre("plugin", command, "--help")
    assert out.startswith(f"usage: nacre plugin {command} APP.so")
    assert "APP.so) is missing; see --help" in nacre("plugin", command, status=2)[1]
    assert "but there is also b.so; see --help" in nacre("plugin", command, "a.so", "b.so", status=2)[1]
    nacre("plugin", command, "--nonsense", "a.so", status=2)
    assert "a.so" in nacre("plugin", command, tmp_path / "a.so", status=1)[1]
    text = tmp_path / "text.so"
    text.write_text("not a shared object")
    assert "text.so" in nacre("plugin", command, text, status=1)[1]


def test_a_plugin_the_boot_refuses_is_refused():
    faulty = OUT / "tests" / "nacre-plugins" / "wrong_major.so"
    if not faulty.exists():
        pytest.skip(f"{faulty} is not built")
    assert "ABI major" in nacre("plugin", "show", faulty, status=1)[1]
