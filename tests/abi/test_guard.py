"""The guard of the ABI: today's header passes it, and each way to break a plugin that exists does not."""
import functools
import platform
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET

import pytest

import guard

pytestmark = [
    pytest.mark.skipif(platform.machine() != "x86_64", reason="the recorded ABI is that of x86-64"),
    pytest.mark.skipif(not (shutil.which("abidw") and shutil.which("abidiff")), reason="no abidw and abidiff here"),
]
# What is altered below is the header without its comments.
WRITTEN = guard.HEADER.read_text()
TODAY = re.sub(r"[ \n]*/\*.*?\*/", "", WRITTEN, flags=re.S)
MAJOR, MINOR = guard.version_of(TODAY)
NEXT = f"{MAJOR}.{MINOR + 1}"
FIRST_1_0 = "0847200a95868fc41bad80e4a240c135d274e606"  # the last commit whose header was that of 1.0
abi_of = functools.lru_cache(maxsize=None)(guard.abi_of)


def edit(text, *changes):
    for old, new in changes:
        assert text.count(old) == 1, f"{text.count(old)} times in the header: {old}"
        text = text.replace(old, new)
    return text


def raised(text, minor=MINOR + 1, major=MAJOR):
    return edit(text, (f"#define NACRE_ABI_MAJOR {MAJOR}u\n", f"#define NACRE_ABI_MAJOR {major}u\n"),
                (f"#define NACRE_ABI_MINOR {MINOR}u\n", f"#define NACRE_ABI_MINOR {minor}u\n"))


def wrong(header, ledger="", old=TODAY):
    """What the guard says of `header` after `old`."""
    try:
        said = guard.judge(guard.version_of(old), abi_of(old), guard.version_of(header), abi_of(header), ledger)
        return "\n".join(said)
    except guard.GuardError as e:
        return str(e)


def inside(struct, text=TODAY):
    """The declaration of a struct."""
    found = re.search(rf"^struct {struct} \{{\n.*?^\}};\n", text, re.M | re.S)
    assert found, struct
    return found.group(0)


def changed(struct, *changes):
    """Today's header with changes in one struct, or anywhere."""
    return edit(TODAY, (inside(struct), edit(inside(struct), *changes))) if struct else edit(TODAY, *changes)


# Two commands for one thing would be one too many: this is what `make abi` runs.
def test_todays_header_keeps_what_was_promised():
    assert guard.check(WRITTEN, guard.LEDGER.read_text(), guard.released(guard.ROOT)) == []


def test_recorded_versions_follow_each_other():
    versions = sorted(guard.recorded())
    assert versions[:2] == [(1, 0), (1, 1)]
    ledger = guard.LEDGER.read_text()
    assert set(versions) <= set(guard.entries(ledger))
    for old, new in zip(versions, versions[1:]):
        assert guard.judge(old, guard.recorded()[old], new, guard.recorded()[new], ledger) == []


def test_1_0_is_what_its_header_gives():
    code, header, _ = guard.run("git", "-c", f"safe.directory={guard.ROOT}", "-C", guard.ROOT, "show",
                                f"{FIRST_1_0}:include/nacre/plugin.h")
    if code:
        pytest.skip(f"commit {FIRST_1_0[:7]} is not in this clone")
    assert guard.version_of(header) == (1, 0)
    assert guard.difference(guard.recorded()[1, 0], abi_of(header)) == ""
    # and it is not today's: the comparison sees what 1.1 brought
    report = guard.difference(guard.recorded()[1, 0], abi_of(TODAY))
    assert "sink_ctx" in report and "about" in report


def test_the_probe_reaches_everything():
    root = ET.fromstring(abi_of(TODAY))
    reached = set(guard.structs(root)) | {t.get("name") for t in root.iter("typedef-decl")}
    declared = re.findall(r"^struct (nacre_\w+) \{$", TODAY, re.M)
    declared += re.findall(r"^typedef .*\(\*(nacre_\w+)\)", TODAY, re.M)
    assert len(declared) >= 21
    assert set(declared) - reached == set()
    for name in (d for d in declared if d in guard.structs(root)):
        assert guard.members(guard.structs(root)[name]), name
    constants = dict(re.findall(r"^#define (NACRE_[A-Z0-9_]+)\s+(?:\\\s+)?(\d+)u\b", TODAY, re.M))
    assert constants.pop("NACRE_ABI_MAJOR") and constants.pop("NACRE_ABI_MINOR") and len(constants) >= 27
    probed = {f"probe_{name}": int(value) for name, value in constants.items()}
    assert set(probed) | {f"probe_{name}" for name in declared if name in guard.structs(root)} <= guard.functions(root)
    arrays = {p.get("id"): p.get("type-id") for p in root.iter("pointer-type-def")}
    sizes = {a.get("id"): int(a.find("subrange").get("length")) for a in root.iter("array-type-def")}
    assert {f.get("name"): sizes[arrays[f.find("parameter").get("type-id")]] - 1 for f in root.iter("function-decl")
            if f.get("name") in probed} == probed
    kinds = set(re.findall(r"^typedef .* (nacre_c_[a-z0-9]+);", TODAY, re.M))
    assert len(kinds) >= 12 and kinds <= reached


def test_the_offsets_of_every_member_are_asserted():
    """layout.c, which a compiler checks, against what the debug information says."""
    layout = (guard.HERE / "layout.c").read_text()
    asserted = set(re.findall(r"^AT\((\w+), (\w+), (\d+), \d+\);", layout, re.M))
    sizes = dict(re.findall(r"^SIZE\((\w+), (\d+), \d+\);", layout, re.M))
    reached = {name: s for name, s in guard.structs(ET.fromstring(abi_of(TODAY))).items() if name.startswith("nacre_")}
    assert sizes == {name: str(int(s.get("size-in-bits")) // 8) for name, s in reached.items()}
    assert asserted == {(name, member, str(offset // 8)) for name, s in reached.items()
                        for _, offset, member in guard.members(s)}
    constants = set(re.findall(r"^#define (NACRE_[A-Z0-9_]+)\s+(?:\\\s+)?\d+u\b", TODAY, re.M)) - {"NACRE_ABI_MINOR"}
    assert constants == set(re.findall(r"^IS\((\w+), \d+\);", layout, re.M))


def test_the_same_header_gives_the_same_bytes():
    assert guard.abi_of(TODAY) == guard.abi_of(TODAY)
    assert str(guard.ROOT) not in abi_of(TODAY) and "/tmp" not in abi_of(TODAY)


def test_other_comments_and_spaces_are_no_change():
    assert TODAY != WRITTEN and wrong(TODAY, old=WRITTEN) == ""
    assert wrong(changed("nacre_header", ("struct nacre_str value;", "\n\n  struct nacre_str   value;"))) == ""


# What never may happen under one major number, whatever the minor and the ledger say.
BREAKS = {
    "moved": ("nacre_fetch", ("struct nacre_str method;", "struct nacre_str url_;"),
                     ("struct nacre_str url;", "struct nacre_str method;"), ("url_;", "url;")),
    "moved to the end": ("nacre_call", ("    uint64_t request_id;\n", ""),
                                ("    const struct nacre_host *host;\n",
                                 "    uint64_t request_id;\n    const struct nacre_host *host;\n")),
    "removed": ("nacre_call", ("    uint32_t reserved;\n", "")),
    "last one removed": ("nacre_host", ("    int32_t (*about)(const struct nacre_call *call, struct nacre_about *out);\n",
                                               "")),
    "put in between": ("nacre_host", ("    int32_t (*about)", "    void (*more)(const struct nacre_call *call);\n    int32_t (*about)")),
    "another sign": ("nacre_fetch", ("uint64_t max_reply;", "int64_t max_reply;")),
    "narrower": ("nacre_reply", ("uint64_t n_trailers;", "uint32_t n_trailers;")),
    "wider": ("nacre_route", ("uint32_t deadline_ms;", "uint64_t deadline_ms;"), ("    uint32_t reserved;\n", "")),
    "a pointer to something else": ("nacre_plugin", ("const struct nacre_route *routes;",
                                                            "const struct nacre_intent *routes;")),
    "pointed to as writable": ("nacre_reply", ("const struct nacre_header *trailers;",
                                                      "struct nacre_header *trailers;")),
    "another name": ("nacre_secret", ("uint32_t reserved;", "uint32_t flags;")),
    "another parameter": ("nacre_host", ("uint32_t level, struct nacre_str text);",
                                                "uint32_t level, struct nacre_str text, uint32_t flags);")),
    "another parameter's type": ("nacre_host", ("const struct nacre_call *call, uint64_t size);",
                                                       "const struct nacre_call *call, uint32_t size);")),
    "another result": ("nacre_host", ("uint64_t (*remaining_ms)", "uint32_t (*remaining_ms)")),
    "another result of the handler": (None, ("typedef int32_t (*nacre_handler)", "typedef int64_t (*nacre_handler)")),
    "a constant's value": (None, ("#define NACRE_LOG_WARN  2u", "#define NACRE_LOG_WARN  7u")),
    "two constants' values swapped": (None, ("#define NACRE_HASH_SHA256     1u", "#define NACRE_HASH_SHA256     2u"),
                                      ("#define NACRE_HASH_BLAKE2B256 2u", "#define NACRE_HASH_BLAKE2B256 1u")),
    "a constant without a name": (None, ("#define NACRE_HTTP_2   2u", "#define NACRE_HTTP_TWO 2u")),
    "a kind's C type": (None, ("typedef double nacre_c_f64;", "typedef float nacre_c_f64;")),
    "a struct packed": ("nacre_endpoint", ("struct nacre_endpoint {", "struct __attribute__((packed, aligned(4))) nacre_endpoint {"),
                               ("    uint32_t reserved;\n", "")),
    "a value grown": ("nacre_str", ("uint64_t len;", "uint64_t len;\n    uint64_t more;")),
    "grown without a size of its own": ("nacre_header", ("struct nacre_str value;",
                                                                "struct nacre_str value;\n    uint64_t more;")),
    "appended, and another retyped": ("nacre_fetch", ("void *sink_ctx;", "void *sink_ctx;\n    uint64_t more;"),
                                             ("uint32_t timeout_ms;", "int32_t timeout_ms;")),
}
GENEROUS = f"### {NEXT}\n" + "".join(f"`{name}`\n" for name in ("nacre_fetch.more", "nacre_host.more", "nacre_str.more"))


@pytest.mark.parametrize("how", BREAKS)
def test_breaks_are_refused(how):
    header = changed(*BREAKS[how])
    assert wrong(header) != ""
    said = wrong(raised(header), GENEROUS)
    assert "changes what" in said or "does not compile" in said, said
    # under a new major number all of it may be, once it is written down
    if "does not compile" not in said:
        assert wrong(raised(header, minor=0, major=MAJOR + 1), f"### {MAJOR + 1}.0\nother plugins\n") == ""
        assert "no entry" in wrong(raised(header, minor=0, major=MAJOR + 1), GENEROUS)


APPENDED = {
    "nacre_host.more": ("nacre_host", ("struct nacre_about *out);\n",
                                              "struct nacre_about *out);\n    void (*more)(const struct nacre_call *call);\n")),
    "nacre_plugin.more": ("nacre_plugin", ("    void (*stop)(void);", "    void (*stop)(void);\n    uint64_t more;")),
    "nacre_reply.more": ("nacre_reply", ("uint64_t n_trailers;", "uint64_t n_trailers;\n    struct nacre_str more;")),
    "nacre_route.more": ("nacre_route", ("nacre_handler handler;", "nacre_handler handler;\n    uint64_t more;")),
    "nacre_about.more": ("nacre_about", ("struct nacre_str runtime;", "struct nacre_str runtime, more;")),
}


@pytest.mark.parametrize("name", APPENDED)
def test_appended_needs_a_minor_and_an_entry(name):
    header = changed(*APPENDED[name])
    same = wrong(header)
    assert f"still says ABI {MAJOR}.{MINOR}" in same and "more" in same
    assert f"no entry '### {NEXT}'" in wrong(raised(header), f"### {MAJOR}.{MINOR}\n`{name}`\n")
    assert f"no word under {NEXT} on {name}" in wrong(raised(header), f"### {NEXT}\nwe like it\n\n## Rest\n`{name}`\n")
    assert wrong(raised(header), f"### {NEXT} (soon)\n\n- `{name}`\n") == ""


def test_a_member_in_what_was_padding_is_not_appended():
    """A plugin of before counts the padding in its struct_size, and has anything there."""
    old = changed("nacre_call", ("    uint64_t request_id;\n", "    uint64_t request_id;\n    uint32_t last;\n"))
    new = edit(old, ("    uint32_t last;\n", "    uint32_t last;\n    uint32_t more;\n"))
    assert "changes what" in wrong(raised(new), f"### {NEXT}\n`nacre_call.more`\n", old)


def test_a_version_does_not_fall():
    assert "was ABI" in wrong(raised(TODAY, minor=0), GENEROUS)


def test_the_last_tag_is_compared_too(tmp_path):
    """What a tag released is promised, whether or not somebody recorded it."""
    git = ["git", "-C", tmp_path, "-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false",
           "-c", "tag.gpgsign=false"]
    assert guard.released(tmp_path) == []
    (tmp_path / "include" / "nacre").mkdir(parents=True)
    released = raised(changed(*APPENDED["nacre_reply.more"]))
    (tmp_path / "include" / "nacre" / "plugin.h").write_text(released)
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "released"], ["tag", "v9"]):
        subprocess.run([*git, *command], check=True, timeout=60)
    tags = guard.released(tmp_path)
    assert tags == [("v9", released)]
    ledger = guard.LEDGER.read_text() + f"\n### {NEXT}\n`nacre_reply.more` `nacre_route.more`\n"
    assert guard.check(released, ledger, tags) == []
    said = guard.check(raised(changed(*APPENDED["nacre_route.more"])), ledger, tags)
    assert len(said) == 1 and said[0].startswith(f"against v9: the header still says ABI {NEXT}")


def test_what_was_recorded_stays(tmp_path, monkeypatch):
    monkeypatch.setattr(guard, "RECORDED", tmp_path)
    monkeypatch.setattr(guard, "ROOT", tmp_path)
    first = guard.record(TODAY).read_text()
    with pytest.raises(guard.GuardError, match="does not change"):
        guard.record(changed(*APPENDED["nacre_reply.more"]))
    assert guard.recorded() == {(MAJOR, MINOR): first}


def test_errors_are_none_of_the_answers():
    with pytest.raises(guard.GuardError, match="abidiff: exit status"):
        guard.difference("", abi_of(TODAY))
    with pytest.raises(guard.GuardError, match="NACRE_ABI_MAJOR"):
        guard.version_of("")
    with pytest.raises(guard.GuardError, match="does not compile"):
        guard.abi_of(edit(TODAY, (inside("nacre_about"), "")))
