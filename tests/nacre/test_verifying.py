"""docs/VERIFYING.md, as it stands: its commands in a shell, its C program compiled and run."""

import base64
import hashlib
import json
import os
import pathlib
import re
import subprocess

from test_call import MEDIA
from test_register import CAP, CONFIG, IDS, TYPE, config_bcs, graphql, media  # noqa: F401
from tool import BIN, OUT, WAIT, nacre

SOURCE = pathlib.Path(os.environ.get("NACRE_SOURCE", pathlib.Path(__file__).resolve().parents[2]))
GUIDE = (SOURCE / "docs" / "VERIFYING.md").read_text("utf-8")
REQUEST = json.dumps({"payload": {"media_hash": hashlib.sha256(b"").hexdigest(), "metadata": "plain"}})
MAIN = r'''
#include <stdlib.h>
static char *slurp(const char *name, size_t *size)
{
    char *data = malloc(1 << 20);
    FILE *file = fopen(name, "rb");
    if (!data || !file)
        exit(3);
    *size = fread(data, 1, 1 << 20, file);
    fclose(file);
    return data;
}
int main(int argc, char **argv)
{
    size_t n[4];
    char *text[4];
    if (argc != 5)
        return 3;
    for (int i = 0; i < 4; i++)
        text[i] = slurp(argv[i + 1], &n[i]);
    int r = print_verified((const uint8_t *)text[0], n[0], text[1], n[1], text[2], n[2], text[3], n[3]);
    for (int i = 0; i < 4; i++)
        free(text[i]);
    return r;
}
'''


def blocks(language):
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```$", GUIDE, re.M | re.S)
    return [re.sub(rf"^{indent}", "", text, flags=re.M) for indent, text in found]


def test_commands(media, tmp_path):  # noqa: F811
    pcrs = [media.found[i] for i in range(3)]
    (tmp_path / "app.pcrs").write_text(media.pcrs.read_text())
    contents = {"type": {"repr": f"0x1::enclave::EnclaveConfig<{TYPE}>"}, "bcs": base64.b64encode(config_bcs(pcrs)).decode()}
    with graphql(contents) as (chain, _):
        env = dict(os.environ, PATH=f"{BIN}:{os.environ['PATH']}", ROOT=f"--root {media.root}", PLUGIN=str(MEDIA), REQUEST=REQUEST,
                   ENCLAVE_PACKAGE=IDS[1], APP_PACKAGE=IDS[3], CONFIG=CONFIG, CAP=CAP, ENCLAVE="0x5", GRAPHQL=chain)
        # that of the chapter on HTTPS needs an enclave that speaks it: tests/e2e/test_tls.py, test_mitm_tls.py
        script = "set -eu\n" + "\n".join(one for one in blocks("sh") if "https://" not in one).replace("http://localhost:3000", media.url)
        assert script.count("nacre ") >= 8 and media.url in script
        done = subprocess.run(["sh", "-c", script], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=WAIT, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for words in ('"metadata":"plain"', "ok    health   pk", "ok    response signature", "::register_enclave<", "submit", "ok    config PCR2"):
        assert re.sub(r" +", " ", words) in re.sub(r" +", " ", done.stdout), done.stdout


def test_program(media, tmp_path):  # noqa: F811
    """Compiled against the header and the static library. AWS's root is built in: a test enclave is refused, and why."""
    source = tmp_path / "program.c"
    source.write_text(blocks("c")[0] + MAIN)
    program = tmp_path / "program"
    libs = ["-lnacre-verify", "-lcbor", "-lcrypto"]
    sanitize = ["-fsanitize=address,undefined"] if OUT.name == "asan" else []
    subprocess.run(["cc", "-Wall", "-Wextra", "-Werror", "-I", str(SOURCE / "include"), str(source), "-o", str(program),
                    "-L", str(OUT / "lib"), f"-Wl,-rpath,{OUT / 'lib'}", *sanitize, *libs], check=True)
    types = tmp_path / "app.types"
    assert nacre("plugin", "types", MEDIA, "-o", types)[0] == 0
    answer = tmp_path / "answer.json"
    answer.write_text("{}")
    done = subprocess.run([program, media.document, media.pcrs, types, answer], capture_output=True, text=True, timeout=WAIT,
                          check=False)
    assert done.returncode == 1 and done.stdout == "" and done.stderr.startswith("root: expected AWS Nitro Enclaves Root-G1")
