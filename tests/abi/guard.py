"""Has the ABI of nacre/plugin.h changed, and may it have? docs/ABI.md says what is allowed and how this is used."""
import argparse
import pathlib
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
HEADER = ROOT / "include" / "nacre" / "plugin.h"
LEDGER = ROOT / "docs" / "ABI.md"
RECORDED = HERE / "recorded"
# Neither places nor names of the machine: the same header gives the same bytes.
ABIDW = ["abidw", "--no-show-locs", "--no-comp-dir-path", "--no-corpus-path", "--no-elf-needed", "--no-parameter-names",
         "--type-id-style", "hash"]
# What it calls harmless (another name, another qualifier) is a change too.
ABIDIFF = ["abidiff", "--harmless", "--no-default-suppression", "--no-show-locs"]
CHANGED = 4 | 8  # bits of abidiff's exit status; the others are errors of its own


class GuardError(Exception):
    pass


def run(*command, **more):
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120,
                          check=False, **more)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def version_of(header):
    """(major, minor) as the text of a header says."""
    found = [re.search(rf"^#define NACRE_ABI_{part} (\d+)u$", header, re.M) for part in ("MAJOR", "MINOR")]
    if not all(found):
        raise GuardError("the header defines no NACRE_ABI_MAJOR and NACRE_ABI_MINOR")
    return tuple(int(f.group(1)) for f in found)


def abi_of(header):
    """The ABI of a header's text, as abidw writes down what the probe's debug information says."""
    with tempfile.TemporaryDirectory() as place:
        place = pathlib.Path(place)
        (place / "nacre").mkdir()
        (place / "nacre" / "plugin.h").write_text(header)
        code, _, said = run("gcc", "-std=c11", "-gdwarf-5", "-O0", "-fPIC", "-fvisibility=hidden", "-shared",
                            "-nostdlib", "-I", place, "-o", place / "probe.so", "probe.c", cwd=HERE)
        if code:
            raise GuardError(f"the probe does not compile with this header:\n{said}")
        code, abi, said = run(*ABIDW, place / "probe.so")
        if code:
            raise GuardError(f"abidw: exit status {code}\n{said}")
        return re.sub(r" hash='[0-9a-f]*'", "", abi)  # newer ones add it, and would believe it of what cut() changes


def difference(old, new, *options):
    """abidiff's report; empty when it sees none."""
    with tempfile.TemporaryDirectory() as place:
        files = [pathlib.Path(place) / name for name in ("old.abi", "new.abi")]
        for path, text in zip(files, (old, new)):
            path.write_text(text)
        code, out, said = run(*ABIDIFF, *options, *files)
        if code & ~CHANGED:
            raise GuardError(f"abidiff: exit status {code}\n{said}")
        return out if code else ""


def structs(root):
    return {c.get("name"): c for c in root.iter("class-decl") if c.get("is-declaration-only") != "yes"}


def members(struct):
    """[(element, offset in bits, name)], in the order of the struct."""
    return [(m, int(m.get("layout-offset-in-bits")), m.find("var-decl").get("name"))
            for m in struct.iter("data-member")]


def may_grow(all_structs):
    """Structs whose readers learn how long they are: from their own first member, or beside the table of them."""
    named = {name: {m[2] for m in members(s)} for name, s in all_structs.items()}
    sizes = set().union(*named.values())
    return {name for name, own in named.items()
            if "struct_size" in own or name.replace("nacre_", "", 1) + "_size" in sizes} | {"probe_kinds"}


def functions(root):
    return {f.get("name") for f in root.iter("function-decl")}


def cut(old, new):
    """
    `new` as far as `old` knew it: without the members that lie behind the old end of a struct that may grow. Gives it
    with the names of what is new. What else differs still does, and abidiff finds it.
    """
    before, after = ET.fromstring(old), ET.fromstring(new)
    known, growing = structs(before), may_grow(structs(before))
    appended = [name.replace("probe_", "", 1) for name in functions(after) - functions(before)]
    for name in growing & set(structs(after)):
        struct, end = structs(after)[name], int(known[name].get("size-in-bits"))
        if int(struct.get("size-in-bits")) <= end:
            continue
        struct.set("size-in-bits", str(end))
        for member, offset, own_name in members(struct):
            if offset >= end:
                struct.remove(member)
                appended.append(f"{name}.{own_name}")
    return ET.tostring(after, encoding="unicode"), sorted(a for a in appended if not a.startswith("probe_"))


def entries(ledger):
    """{(major, minor): text} of the entries of docs/ABI.md, which stand under headings like "### 1.1"."""
    parts = re.split(r"^### (\d+)\.(\d+)\b.*$", ledger, flags=re.M)
    return {(int(parts[i]), int(parts[i + 1])): re.split(r"^##? ", parts[i + 2], flags=re.M)[0]
            for i in range(1, len(parts), 3)}


def judge(old_version, old, new_version, new, ledger):
    """What is wrong with `new` as what follows `old`: texts, none when nothing is."""
    was, now = ["ABI %d.%d" % v for v in (old_version, new_version)]
    if new_version < old_version:
        return [f"the header says {now}, but there was {was} already"]
    if new_version == old_version:
        report = difference(old, new)
        return [f"the header still says {was}, but is not what {was} was:\n{report}"] if report else []
    written = {v: text for v, text in entries(ledger).items() if old_version < v <= new_version}
    wrong = [] if new_version in written else [f"docs/ABI.md has no entry '### {now[4:]}'"]
    if new_version[0] > old_version[0]:
        return wrong
    known, appended = cut(old, new)
    report = difference(old, known, "--no-added-syms")
    if report:
        wrong.append(f"{now} changes what {was} promised; only a new major number may:\n{report}")
    unsaid = [name for name in appended if not any(f"`{name}`" in text for text in written.values())]
    if unsaid and new_version in written:
        wrong.append(f"docs/ABI.md has no word under {now[4:]} on {', '.join(unsaid)}")
    return wrong


def recorded():
    """{(major, minor): abi} of those that are kept."""
    return {tuple(int(n) for n in path.stem.split(".")): path.read_text() for path in sorted(RECORDED.glob("*.abi"))}


def released(root):
    """[(tag, header)] of the last tag; none without tags, or outside a clone."""
    git = ["git", "-c", f"safe.directory={root}", "-C", root]
    code, tag, _ = run(*git, "describe", "--tags", "--abbrev=0")
    code, header, _ = run(*git, "show", f"{tag.strip()}:include/nacre/plugin.h") if code == 0 else (1, "", "")
    return [(tag.strip(), header)] if code == 0 else []


def check(header, ledger, tags=()):
    """Everything that is wrong with a header, against all ABIs that are recorded and the last that was released."""
    version, abi = version_of(header), abi_of(header)
    before = [(f"{v[0]}.{v[1]}", v, old) for v, old in recorded().items()]
    before += [(tag, version_of(text), abi_of(text)) for tag, text in tags]
    return [f"against {name}: {wrong}" for name, v, old in before for wrong in judge(v, old, version, abi, ledger)]


def record(header):
    """Never written twice: plugins were compiled with what stands there."""
    path = RECORDED / ("%d.%d.abi" % version_of(header))
    try:
        with open(path, "x") as out:
            out.write(abi_of(header))
    except FileExistsError:
        raise GuardError(f"{path.relative_to(ROOT)} exists; what was recorded does not change") from None
    return path


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["check", "record", "show"], nargs="?", default="check",
                        help="compare with those recorded and the last released one (default); record as a new file; "
                             "write to standard output what would be recorded")
    parser.add_argument("header", type=pathlib.Path, nargs="?", default=HEADER)
    args = parser.parse_args()
    try:
        header = args.header.read_text()
        if args.what == "show":
            sys.stdout.write(abi_of(header))
        elif args.what == "record":
            print(f"abi: wrote {record(header).relative_to(ROOT)}")
        else:
            wrong = check(header, LEDGER.read_text(), released(ROOT))
            if wrong:
                raise GuardError("\n".join(wrong))
            print("abi: %d.%d keeps what was promised: " % version_of(header) +
                  ", ".join(["%d.%d" % v for v in recorded()] + [f"tag {t}" for t, _ in released(ROOT)]))
    except (GuardError, OSError) as e:
        sys.exit(f"abi: {e}")


if __name__ == "__main__":
    main()
