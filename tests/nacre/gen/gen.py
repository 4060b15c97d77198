"""What the tests of `nacre plugin show|endpoints|move|ts|openapi|new` share."""
import os
import pathlib
import subprocess

import cbor2

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parents[2]
OUT = pathlib.Path(os.environ.get("NACRE_OUT", SOURCE / "out"))
NACRE = OUT / "bin" / "nacre"
PLUGINS = OUT / "tests" / "gen"
KINDS = {1: "bool", 2: "u8", 3: "u16", 4: "u32", 5: "u64", 6: "u128", 7: "u256", 8: "string", 9: "bytes",
         10: "address", 14: "f64", 15: "json"}
STRUCT, VECTOR, OPTION = 11, 12, 13


def nacre(*args, status=0):
    """Runs the tool. Returns (stdout, stderr), after checking the exit code."""
    done = subprocess.run([str(NACRE), *map(str, args)], capture_output=True, timeout=30, check=False)
    assert done.returncode == status, f"{args}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout.decode(), done.stderr.decode()


def generate(command, plugin, *more):
    return nacre("plugin", command, PLUGINS / f"{plugin}.so", *more)[0]


def refused(command, plugin, *more):
    """What the tool says when it cannot: exit code 1 and nothing on stdout."""
    out, said = nacre("plugin", command, PLUGINS / f"{plugin}.so", *more, status=1)
    assert out == "" and said.startswith(f"nacre plugin {command}: "), said
    return said


class Descriptor:
    """The descriptor, decoded from the manifest by cbor2: a second reader of what the generators read."""

    def __init__(self, plugin, folder):
        self.allow = folder / "allow.yaml"
        self.allow.write_text(generate("endpoints", plugin))
        manifest = folder / "manifest.cbor"
        nacre("plugin", "manifest", PLUGINS / f"{plugin}.so", "--config", SOURCE / "config" / "nacre.yaml", "--allow",
              self.allow, "-o", manifest)
        whole = cbor2.loads(manifest.read_bytes())
        self.digest = whole["digest"]
        self.raw = cbor2.loads(whole["descriptor"])
        self.config = cbor2.loads(whole["config"])
        self.intents = {scope: (name, index) for scope, name, index in self.raw["intents"]}

    def kind(self, index):
        """A type as nacre_check.bcs wants it."""
        kind, *rest = self.raw["types"][index]
        if kind == STRUCT:
            return [(name, self.kind(inside)) for name, inside, _ in rest[1]]
        if kind in (VECTOR, OPTION):
            return ("vector" if kind == VECTOR else "option", self.kind(rest[0]))
        return KINDS[kind]

    def response_structs(self):
        """[(name, [(field, type index)])] of all structs under an intent, children first, each once."""
        found = []

        def walk(index):
            kind, *rest = self.raw["types"][index]
            if kind in (VECTOR, OPTION):
                walk(rest[0])
            elif kind == STRUCT:
                for _, inside, _ in rest[1]:
                    walk(inside)
                entry = (rest[0], [(name, self.kind(inside)) for name, inside, _ in rest[1]])
                if entry not in found:
                    found.append(entry)
        for _, index in self.intents.values():
            walk(index)
        return found
