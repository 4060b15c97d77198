"""The guide's plugin, as it stands in docs/PLUGINS.md: compiled against the header alone, started, called, verified."""
import re
import subprocess

from harness import ROOT

GUIDE = (ROOT / "docs" / "PLUGINS.md").read_text("utf-8")
README = (ROOT / "README.md").read_text("utf-8")


def blocks(language, text=GUIDE):
    # All of them one after the other: the end of one block looks like the start of one without a language.
    return [body for name, body in re.findall(r"^```(\S*)\n(.*?)^```$", text, re.M | re.S) if name == language]


def compile_plugin(source, target, *options):
    path = target.with_suffix(".c")
    path.write_text(source)
    subprocess.run(["cc", "-std=c11", "-pedantic", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC",
                    "-fvisibility=hidden", "-I", str(ROOT / "include"), *options, "-o", str(target), str(path)], check=True)


def test_the_guides_plugin(start, tmp_path):
    plugin = tmp_path / "hello.so"
    compile_plugin(blocks("c")[0], plugin)
    runtime = start(plugin=plugin)
    answer = runtime.verify(runtime.post("/hello", {"name": "Ada"}), {0: [("greeting", "string"), ("length", "u64")]})
    assert answer["response"]["data"] == {"greeting": "Hello, Ada!", "length": 3}
    reply = runtime.post("/hello", {"name": ""})
    assert reply.status == 400 and reply.error.startswith("name:")


def test_the_guides_other_blocks_compile(tmp_path):
    source = "#include <nacre/plugin.h>\n" + "\n".join(blocks("c")[1:])
    compile_plugin(source, tmp_path / "rest.so", "-Wno-unused")


def test_the_answer_in_the_guide_has_the_right_form():
    shown = next(b for b in blocks("json") if "greeting" in b)
    assert re.search(r'"data":\{"greeting":"Hello, Ada!","length":3\}', shown)


def test_the_readmes_commands(start, tmp_path):
    """Checking by hand, as it stands in the README: copied into a shell, with the address of this runtime."""
    runtime = start("media")
    wanted = [b for b in blocks("sh", README) if "curl" in b or "nacre_check" in b]
    assert len(wanted) == 3
    script = "set -eu\n" + "\n".join(wanted)
    for old, new in (("localhost:3000", "%s:%d" % runtime.address), ("tests/independent", str(ROOT / "tests/independent")),
                     ("--root ROOT", f"--root {runtime.root_path}"), ("out/plugins", str(runtime.plugin.parents[1]))):
        assert old in script
        script = script.replace(old, new)
    done = subprocess.run(["sh", "-c", script], cwd=tmp_path, capture_output=True, check=False)
    said = done.stdout.decode()
    assert done.returncode == 0, (said, done.stderr)
    assert "Signature Verified Successfully" in said
    for words in re.findall(r"^(\S.*?)  ", blocks("", README)[-1], re.M):
        assert re.search(rf"^{re.escape(words)}\b", said, re.M), f"the README shows '{words}', the command does not"
