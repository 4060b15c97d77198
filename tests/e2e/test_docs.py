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


def ctest_names():
    """What the CMake files call their tests, as far as a text shows: whole names, and the parts of generated ones."""
    text = "\n".join(p.read_text("utf-8") for pattern in ("CMakeLists.txt", "*.cmake")
                     for folder in ("tests", "tools") for p in (ROOT / folder).rglob(pattern))
    return set(re.findall(r"[A-Za-z_][\w-]+", text))


def test_the_threat_model_names_tests_that_are_there():
    text = (ROOT / "docs" / "THREAT_MODEL.md").read_text("utf-8")
    files = set(re.findall(r"`(test_\w+\.py)`", text))
    assert len(files) > 10
    there = {p.name for p in (ROOT / "tests").rglob("test_*.py")}
    assert files <= there, files - there
    for folder in re.findall(r"`(tests/\w+)`", text):
        assert (ROOT / folder).is_dir(), folder
    words = ctest_names()
    for pattern in re.findall(r"`ctest -R ([^`]+)`", text):
        for name in re.split(r"\\\||\|", pattern.strip("'").rstrip("$")):
            assert any(part in words or any(part in w for w in words) for part in [name, name.split("_", 1)[-1]]), name
    for target in re.findall(r"fuzz targets? ((?:`\w+`(?:, | and )?)+)", text):
        for name in re.findall(r"`(\w+)`", target):
            assert (ROOT / "tests" / "fuzz" / f"fuzz_{name}.c").exists(), name
