"""
`nacre plugin new` as a new user meets it: nacre installed into a prefix, a new app made, built and tested with nothing
else of nacre in sight. Where the system lets us, the source tree and the build are hidden while that happens.
"""
import os
import pathlib
import shutil
import subprocess

import pytest
from gen import NACRE, OUT, SOURCE, nacre

BUILD = pathlib.Path(os.environ.get("NACRE_BUILD", SOURCE / "out" / "build"))
FILES = ["CMakeLists.txt", "Makefile", "README.md", "allowed_endpoints.yaml", "plugin.c", "test.sh"]
# Empty file systems over the first arguments, up to "--"; then the command.
HIDE = 'while [ "$1" != -- ]; do mount -t tmpfs none "$1" || exit 99; shift; done; shift; exec "$@"'


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    if not (BUILD / "CMakeCache.txt").exists():
        pytest.skip(f"{BUILD} is no build directory of CMake: say where it is in NACRE_BUILD")
    where = tmp_path_factory.mktemp("installed")
    done = subprocess.run(["cmake", "--install", str(BUILD), "--prefix", str(where)], capture_output=True, timeout=120,
                          check=False)
    assert done.returncode == 0, done.stderr.decode()
    return where


class User:
    """Runs commands as someone who has the prefix alone."""

    def __init__(self, prefix, home):
        self.prefix, self.home = prefix, home
        self.env = {"PATH": "/usr/bin:/bin", "HOME": str(home), "LC_ALL": "C",
                    "PKG_CONFIG_PATH": str(prefix / "share" / "pkgconfig")}
        hidden = [p for p in dict.fromkeys((SOURCE, BUILD.resolve(), OUT.resolve()))
                  if not any(str(home).startswith(f"{p}/") for p in (SOURCE, BUILD.resolve(), OUT.resolve()))]
        # a directory inside a hidden one is hidden with it
        hidden = [p for p in hidden if not any(q != p and q in p.parents for q in hidden)]
        self.wrap = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", HIDE, "sh", *map(str, hidden), "--"]
        if not hidden or subprocess.run([*self.wrap, "true"], capture_output=True, check=False).returncode != 0:
            self.wrap = []

    def run(self, *command, cwd=None, status=0, env=()):
        done = subprocess.run([*self.wrap, *map(str, command)], cwd=cwd or self.home, env=self.env | dict(env),
                              capture_output=True, timeout=180, check=False)
        text = (done.stdout + done.stderr).decode()
        assert done.returncode == status, f"{command}: exit code {done.returncode}\n{text[-6000:]}"
        return text


@pytest.fixture
def user(prefix, tmp_path):
    return User(prefix, tmp_path)


def check_alone(folder):
    """Nothing that was built knows of the tree that nacre was built from."""
    for path in folder.rglob("*"):
        if path.is_file():
            assert str(SOURCE).encode() + b"/" not in path.read_bytes(), path


def test_with_cmake(user, prefix):
    said = user.run(prefix / "bin" / "nacre", "plugin", "new", "my-app2")
    app = user.home / "my-app2"
    assert "my-app2: written" in said and sorted(p.name for p in app.iterdir()) == FILES
    user.run("cmake", "-S", ".", "-B", "build", f"-DCMAKE_PREFIX_PATH={prefix}", "-DCMAKE_C_FLAGS=-Werror", cwd=app)
    user.run("cmake", "--build", "build", cwd=app)
    said = user.run("ctest", "--test-dir", "build", "--verbose", cwd=app)
    assert "my-app2: the answer is signed by the attested key; bad requests are refused" in said
    plugin = app / "build" / "plugins" / "my-app2" / "my-app2.so"
    exports = user.run("nm", "-D", "--defined-only", plugin).split()
    assert exports[2::3] == ["nacre_plugin"]
    check_alone(app)
    # what the new app's README promises
    for command in ("show", "openapi", "move", "ts"):
        assert "Greet" in user.run(prefix / "bin" / "nacre", "plugin", command, plugin)


def test_with_make_and_pkg_config(user, prefix):
    user.run(prefix / "bin" / "nacre", "plugin", "new", "a", "--dir", user.home)
    app = user.home / "a"
    said = user.run("make", "test", "CFLAGS=-O2 -Wall -Wextra -Wpedantic -Werror", cwd=app)
    assert "a: the answer is signed by the attested key" in said
    check_alone(app)
    assert user.run("pkg-config", "--modversion", "nacre").strip() == nacre("--version")[0].split()[1]


def test_the_new_test_can_fail(user, prefix):
    """A greeting that is not the one expected, and a test that is given a file that is no plugin."""
    user.run(prefix / "bin" / "nacre", "plugin", "new", "wrong")
    app = user.home / "wrong"
    source = app / "plugin.c"
    text = source.read_text()
    source.write_text(text.replace("Hello, ", "Hallo, "))
    assert "FAILED: unexpected data" in user.run("make", "test", cwd=app, status=2)
    source.write_text(text.replace("return nacre_fail(call, 400, \"name", "(void)nacre_fail(call, 400, \"name"))
    assert "FAILED: an empty name was answered with status 200" in user.run("make", "test", cwd=app, status=2)
    assert "FAILED: the app did not start" in user.run("sh", "test.sh", prefix / "bin" / "nacre", "plugin.c", cwd=app,
                                                       status=1)
    script = app / "test.sh"
    script.write_text(script.read_text().replace("bcs=0b", "bcs=0c"))
    source.write_text(text)
    assert "FAILED: the signature does not hold" in user.run("make", "test", cwd=app, status=2)


def test_find_package_asks_for_a_version(user, prefix):
    folder = user.home / "version"
    folder.mkdir()
    project = "cmake_minimum_required(VERSION 3.22)\nproject(x LANGUAGES C)\nfind_package(nacre %s REQUIRED)\n"
    (folder / "CMakeLists.txt").write_text(project % "0.1")
    user.run("cmake", "-S", folder, "-B", folder / "a", f"-DCMAKE_PREFIX_PATH={prefix}")
    (folder / "CMakeLists.txt").write_text(project % "99.0")
    said = user.run("cmake", "-S", folder, "-B", folder / "b", f"-DCMAKE_PREFIX_PATH={prefix}", status=1)
    assert "99.0" in said


def test_the_prefix_can_move(user, prefix, tmp_path):
    """Neither the CMake package nor the pkg-config file holds the place it was installed to."""
    moved = tmp_path / "moved"
    shutil.copytree(prefix, moved, symlinks=True)
    user.run(moved / "bin" / "nacre", "plugin", "new", "b")
    said = user.run("make", "test", cwd=user.home / "b", env={"PKG_CONFIG_PATH": str(moved / "share" / "pkgconfig")})
    assert str(prefix) not in said
    user.run("cmake", "-S", "b", "-B", "bb", f"-DCMAKE_PREFIX_PATH={moved}")
    assert f"{prefix}/" not in (user.home / "bb" / "CMakeCache.txt").read_text()


@pytest.mark.parametrize("name", ["", "A", "1a", "-a", "a_b", "a.b", "a/b", "../a", "a b", "a\n", "\u00e4", "a" * 33, "a$(id)"])
def test_bad_names(name, tmp_path):
    said = nacre("plugin", "new", "--dir", tmp_path, "--", name, status=1)[1]
    assert "is no app name: it must be [a-z][a-z0-9-]*, at most 32 characters" in said
    assert not list(tmp_path.iterdir()) and not list(tmp_path.parent.glob("a"))


def test_a_name_of_full_length(tmp_path):
    name = "a" + "-9" * 15 + "z"
    nacre("plugin", "new", "--dir", tmp_path, name)
    assert f'NACRE_S("{name}")' in (tmp_path / name / "plugin.c").read_text()
    for path in (tmp_path / name).iterdir():
        assert "@NAME@" not in path.read_text(), path


def test_what_exists_is_left_alone(tmp_path):
    for make in (lambda p: p.mkdir(), lambda p: p.write_text("mine"), lambda p: p.symlink_to("nowhere")):
        target = tmp_path / "app"
        make(target)
        assert "cannot be made: File exists" in nacre("plugin", "new", "--dir", tmp_path, "app", status=1)[1]
        assert [p.name for p in tmp_path.rglob("*")] == ["app"]
        target.rmdir() if target.is_dir() else target.unlink()
    assert "No such file" in nacre("plugin", "new", "--dir", tmp_path / "nowhere", "app", status=1)[1]


def test_nothing_is_left_of_what_could_not_be_written(tmp_path):
    """A limit on file sizes: the first file that is larger cannot be written."""
    done = subprocess.run(["sh", "-c", 'ulimit -f 2; trap "" XFSZ; exec "$@"', "sh", str(NACRE), "plugin", "new", "--dir",
                           str(tmp_path), "app"], capture_output=True, timeout=30, check=False)
    assert done.returncode == 1 and b"File too large" in done.stderr, done.stderr
    assert not list(tmp_path.iterdir())


def test_command_line():
    assert nacre("plugin", "new", "--help")[0].startswith("usage: nacre plugin new NAME")
    assert "the app's NAME is missing; see --help" in nacre("plugin", "new", status=2)[1]
    assert "one app at a time, but there is also b; see --help" in nacre("plugin", "new", "a", "b", status=2)[1]
