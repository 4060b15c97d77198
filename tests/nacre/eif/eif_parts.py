"""What the tests build images from, and the program itself."""

import os
import pathlib
import subprocess

OUT = pathlib.Path(os.environ.get("NACRE_OUT", "out")).resolve()
SOURCE = pathlib.Path(os.environ.get("NACRE_SOURCE", ".")).resolve()
PLUGIN = OUT / "plugins" / "media" / "media.so"
WAIT = 120


def eif(*arguments, env=None, cwd=None):
    """`nacre eif ...` to its end: (exit code, standard output, standard error)."""
    done = subprocess.run([str(OUT / "bin" / "nacre"), "eif", *map(str, arguments)], capture_output=True, timeout=WAIT,
                          check=False, env=env, cwd=cwd, stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def good(*arguments, **more):
    code, out, err = eif(*arguments, **more)
    assert code == 0, err
    return out


def refused(*arguments, **more):
    """The one line that says why."""
    code, _, err = eif(*arguments, **more)
    assert code == 1, (code, err)
    assert err.startswith(f"nacre eif {arguments[0]}: ") and err.count("\n") == 1, err
    return err


def bzimage(size=3000, version=b"6.12.1-test (someone) #1"):
    kernel = bytearray(i * 7 % 251 for i in range(size))
    kernel[0x1fe:0x200] = b"\x55\xaa"
    kernel[0x202:0x206] = b"HdrS"
    kernel[0x20e:0x210] = (0x300).to_bytes(2, "little")
    kernel[0x500:0x500 + len(version) + 1] = version + b"\0"
    return bytes(kernel)


def arm64(size=3000):
    kernel = bytearray(i * 11 % 251 for i in range(size))
    kernel[56:60] = b"ARM\x64"
    return bytes(kernel)


def lines(text):
    """`HEX PCR<n>` lines as {n: hex}."""
    return {int(name[3:]): value for value, name in (line.split(" ") for line in text.splitlines())}


def make_root(directory):
    """A runtime's tree: one of everything that may be in it."""
    (directory / "usr" / "lib").mkdir(parents=True)
    (directory / "etc").mkdir()
    (directory / "init").write_bytes(b"\x7fELF" + bytes(range(256)) * 40)
    (directory / "init").chmod(0o700)
    (directory / "usr" / "lib" / "libx.so").write_bytes(b"x" * 70000)
    (directory / "etc" / "empty").write_bytes(b"")
    (directory / "lib").symlink_to("usr/lib")
    return directory


def make_config(directory):
    directory.mkdir()
    (directory / "nacre.yaml").write_text("http:\n  body_bytes: 4096\n")
    (directory / "allowed_endpoints.yaml").write_text("endpoints: []\n")
    return directory


def make_signer(directory, name="signer", curve="secp384r1", subject="/C=US/O=Sea/OU=a/OU=b/CN=shell"):
    """A key and its self-signed certificate, by the openssl program."""
    key, cert = directory / f"{name}.key", directory / f"{name}.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", f"ec_paramgen_curve:{curve}", "-nodes", "-keyout",
                    key, "-out", cert, "-days", "30", "-subj", subject], check=True, capture_output=True)
    return cert, key
