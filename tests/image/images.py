"""Builds images in copies of the tree, under conditions as different as two machines' are."""
import os
import pathlib
import random
import re
import shutil
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUT = pathlib.Path(os.environ.get("NACRE_OUT", ROOT / "out"))
CACHE = pathlib.Path(os.environ.get("NACRE_CACHE") or
                     pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "nacre")
MACHINE = os.uname().machine
OUTPUTS = ("nitro.eif", "nitro.pcrs", "runtime.cpio.gz", "app.cpio.gz", "bzImage", "image.manifest",
           "nitro.spdx.json")
NOBODY = 65534
FIRST_RUN_S = 1400  # the tree and the kernel may have to be made

# As root: the parts of the cache, visible to somebody who may not read root's home, and the command as that user.
AS_NOBODY = """
set -eu
from=$1 to=$2
shift 2
mkdir -p "$to"
for part in "$from"/tree-* "$from"/kernel-*; do
    mkdir -p "$to/${part##*/}"
    mount --bind "$part" "$to/${part##*/}"
done
chown 65534:65534 "$to"
exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
"""


def sources():
    """What a clone would hold, and what is new and not ignored."""
    names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, check=True,
                           capture_output=True).stdout
    return [n for n in names.decode().split("\0") if n and (ROOT / n).is_file()]


def copy_tree(dest, *, shuffle=False, mtime=None, umask=0o022, owner=None):
    """A copy of the sources; shuffled, its files are made in another order, which many file systems show."""
    names = sources()
    if shuffle:
        random.Random(4).shuffle(names)
    dest.mkdir(parents=True)
    for name in names:
        target = dest / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, target)
        target.chmod((0o777 if os.access(ROOT / name, os.X_OK) else 0o666) & ~umask)
        if mtime:
            os.utime(target, (mtime, mtime))
    if owner is not None:
        for path in (dest, *dest.rglob("*")):
            os.chown(path, owner, owner)
    return dest


def make(where, *args, env=None, prefix=(), umask=0o022):
    done = subprocess.run([*prefix, "make", "--no-print-directory", "-C", str(where), *args], check=False, text=True,
                          capture_output=True, timeout=FIRST_RUN_S, env={**os.environ, **(env or {})}, umask=umask)
    assert done.returncode == 0, f"make {' '.join(args)} in {where}:\n{done.stdout[-3000:]}{done.stderr[-6000:]}"
    return done.stdout


def faketime():
    """The folder of Debian's libfaketime."""
    found = pathlib.Path(f"/usr/lib/{MACHINE}-linux-gnu/faketime")
    assert (found / "libfaketime.so.1").exists(), "libfaketime is missing: tools/setup.sh image"
    return found


def build_plainly(base):
    """`make ENCLAVE_APP=media`, as somebody would say it in a fresh clone."""
    copy = copy_tree(base / "one")
    text = make(copy, "ENCLAVE_APP=media")
    return copy / "out", text


def build_strangely():
    """The same elsewhere: another folder with a space in its name, another place inside the tree, files made in another
    order and on another day, a clock years ahead, another locale, time zone, user, umask, and one CPU."""
    shm = pathlib.Path("/dev/shm")
    base = pathlib.Path(tempfile.mkdtemp(prefix="nacre-image-", dir=shm if os.access(shm, os.W_OK) else None))
    base.chmod(0o755)
    root = os.geteuid() == 0
    copy = copy_tree(base / "an other place", shuffle=True, mtime=1_000_000_000, umask=0o077,
                     owner=NOBODY if root else None)
    hooks = (f"--ro {faketime()} /tmp/faketime --env LD_PRELOAD=/tmp/faketime/libfaketime.so.1 "
             "--env FAKETIME=+1700d --env NO_FAKE_STAT=1 --env USER=mallory --env LANG=tr_TR.UTF-8")
    env = {"TZ": "Pacific/Kiritimati", "LANG": "tr_TR.UTF-8", "LC_ALL": "tr_TR.UTF-8", "USER": "mallory",
           "LOGNAME": "mallory", "HOME": "/nonexistent", "CFLAGS": "-O1", "NACRE_IMAGE_ENTER": hooks,
           "NACRE_IMAGE_ROOM": "/tmp/deeper/down"}
    prefix = ["taskset", "-c", str(min(os.sched_getaffinity(0)))]
    if root:
        prefix += ["unshare", "--mount", "sh", "-c", AS_NOBODY, "sh", str(CACHE), str(base / "cache")]
        env["NACRE_CACHE"] = str(base / "cache")
    make(copy, "image", "ENCLAVE_APP=media", env=env, prefix=prefix, umask=0o077)
    return base, copy / "out"


def pcrs(out):
    """{0: hex, 1: hex, 2: hex} of an image's nitro.pcrs."""
    return {int(n): value for value, n in re.findall(r"^([0-9a-f]{96}) PCR(\d+)$", (out / "nitro.pcrs").read_text(), re.M)}
