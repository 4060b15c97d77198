"""
The page allows its own style and script by their SHA-256 and no others. Printed for whoever changed them:
/usr/bin/python3 tests/verify/page/csp.py
"""
import base64
import hashlib
import pathlib
import re

PAGE = pathlib.Path(__file__).resolve().parents[3] / "verify" / "page" / "nacre-verify.html"


def source_of(page, element):
    found = re.findall(f"<{element}>(.*?)</{element}>", page, re.DOTALL)
    assert len(found) == 1, f"{len(found)} elements <{element}>"
    digest = base64.b64encode(hashlib.sha256(found[0].encode()).digest()).decode()
    return f"'sha256-{digest}'"


def policy_of(page):
    return ("default-src 'none'; "
            f"script-src {source_of(page, 'script')}; style-src {source_of(page, 'style')}; connect-src http: https:; "
            "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'")


def line_of(page):
    return f'<meta http-equiv="Content-Security-Policy" content="{policy_of(page)}">'


if __name__ == "__main__":
    print(line_of(PAGE.read_text()))
