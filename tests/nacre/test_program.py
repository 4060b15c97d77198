"""The command line of `nacre`: help, versions, mistakes."""

import pytest
from tool import nacre


def test_help_lists_the_commands():
    code, out, err = nacre("--help")
    assert code == 0 and err == ""
    for command in ("dev", "plugin"):
        assert f"\n  {command} " in out.decode()


@pytest.mark.parametrize("command", [("dev",), ("plugin",), ("plugin", "manifest")])
def test_each_command_explains_itself(command):
    code, out, err = nacre(*command, "--help")
    assert code == 0 and err == ""
    assert out.decode().startswith(f"usage: nacre {' '.join(command)}")


def test_version():
    code, out, err = nacre("--version")
    assert code == 0 and err == "" and out.startswith(b"nacre 0.")


def test_nothing_at_all_is_a_mistake():
    for command in ((), ("plugin",)):
        code, out, err = nacre(*command)
        assert code == 2 and out == b"" and err.startswith("usage: nacre")


@pytest.mark.parametrize("arguments, words", [
    (("plugn",), ("unknown command 'plugn'", "dev", "did you mean 'plugin'?")),
    (("xyz",), ("unknown command 'xyz'", "dev", "plugin")),
    (("plugin", "manifes"), ("nacre plugin: unknown command 'manifes'", "did you mean 'manifest'?")),
    (("plugin", "manifest"), ("APP.so",)),
    (("plugin", "manifest", "a.so"), ("--config",)),
    (("plugin", "manifest", "a.so", "--config", "c"), ("--allow",)),
    (("plugin", "manifest", "a.so", "b.so", "--config", "c", "--allow", "a"), ("'b.so'",)),
    (("plugin", "manifest", "--nope"), ("--nope",)),
    (("dev",), ("--app NAME or --plugin",)),
    (("dev", "--app", "a", "--plugin", "b"), ("'a'", "exclude")),
    (("dev", "--app", "a", "--app", "b"), ("--app is given twice",)),
    (("dev", "--app", "a", "b"), ("unexpected argument 'b'",)),
    (("dev", "--app", "a", "--map", "round"), ("'round'", "definite or indefinite")),
    (("dev", "--listen"), ("--listen",)),
    (("dev", "--app", "a", "--timeout", "0"), ("'0'", "1 to 86400")),
    (("dev", "--app", "a", "--timeout", "soon"), ("'soon'", "1 to 86400")),
])
def test_mistakes_exit_with_2_and_say_why(arguments, words):
    code, out, err = nacre(*arguments)
    assert code == 2 and out == b""
    assert "did you mean" not in err or any("did you mean" in word for word in words)
    for word in words:
        assert word in err, err
