#!/usr/bin/python3
"""What a c6a.xlarge enclave, and ten of them, would do, from the constants of a file of results: see bench/MODEL.md."""
import argparse
import json
import pathlib
import sys

from parts import model, report

HERE = pathlib.Path(__file__).resolve().parent


def newest():
    """The last file of results that has what the model needs."""
    found = [path for path in sorted((HERE / "results").glob("*.json"))
             if {"load", "size", "parent"} <= set(json.loads(path.read_text()))]
    if not found:
        sys.exit("model.py: no results with load, size and parent in bench/results: run make bench")
    return found[-1]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", nargs="?", type=pathlib.Path, help="default: the newest of bench/results")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=NUMBER",
                        help="another assumption: " + ", ".join(model.ASSUMED))
    parser.add_argument("--write", action="store_true", help="put the figures into bench/MODEL.md")
    args = parser.parse_args()
    assumed = {}
    for one in args.set:
        name, _, value = one.partition("=")
        if name not in model.ASSUMED:
            parser.error(f"no assumption {name}")
        assumed[name] = float(value)
    sections = model.sections(json.loads((args.results or newest()).read_text()), assumed)
    for lines in sections.values():
        print("\n".join(lines) + "\n")
    if args.write:
        page = HERE / "MODEL.md"
        page.write_text(report.replace(page.read_text(), sections))


if __name__ == "__main__":
    main()
