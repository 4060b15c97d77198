#!/usr/bin/python3
"""What a signed answer costs, beside others: CPU time, answers per second, latency, memory, start, outbound calls.

Everything is measured in one run on one machine, in turns, and costs are also ratios to one signature measured in the
same run, so that numbers of different machines can be compared. See bench/README.md.
"""
import argparse
import json
import pathlib
import sys
import time

from parts import attestation, load, outbound, parent, peers, plot, profile, report, scaling, size, start
from parts.run import ROOT, Run, machine

README = ROOT / "bench" / "README.md"
RESULTS = ROOT / "bench" / "results"


def measure_load(run, result):
    try:
        run.peers = peers.start_all(run)
        result["versions"] = peers.versions(run)
        result["answer_bytes"] = run.answer_size
        result["load"] = load.measure(run)
        result["half"] = load.measure_half(run, result["load"]["rows"])
        for peer in run.peers:
            peer.check()  # and it is still right
    finally:
        for peer in run.peers:
            peer.stop()
        run.peers = []


# Name on the command line and in the file: what measures it. A new part is one line here and one in report.PARTS.
PARTS = {"load": measure_load,
         "size": lambda run, result: result.update(size=size.measure(run)),
         "start": lambda run, result: result.update(start=start.measure(run)),
         "outbound": lambda run, result: result.update(outbound=outbound.measure(run)),
         "parent": lambda run, result: result.update(parent=parent.measure(run)),
         "attestation": lambda run, result: result.update(attestation=attestation.part(run)),
         "profile": lambda run, result: result.update(profile=profile.measure(run)),
         "scaling": lambda run, result: result.update(scaling=scaling.measure(run))}


def measure(args):
    run = Run(args.out.resolve(), 7 if args.long else 3, 5 if args.long else 1)
    if args.rounds:
        run.rounds = args.rounds
    result = {"format": 1, "machine": machine(), "settings": {"rounds": run.rounds, "seconds": run.seconds}}
    try:
        run.sign()
        for name in args.parts:
            PARTS[name](run, result)
        run.sign()
        result["signature_us"] = run.signatures
        result["machine"]["load_after"] = machine()["load_before"]
        result["settings"]["took_s"] = round(time.monotonic() - run.begin)
    finally:
        run.close()
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "out")
    parser.add_argument("--long", action="store_true", help="seven rounds of five seconds, not three of one")
    parser.add_argument("--rounds", type=int, help="another number of rounds")
    parser.add_argument("--parts", type=lambda text: text.split(","), default=list(PARTS),
                        help="some of " + ",".join(PARTS))
    parser.add_argument("--name", default=time.strftime("%Y-%m-%d", time.gmtime()), help="of the files in bench/results")
    parser.add_argument("--show", type=pathlib.Path, metavar="FILE", help="measure nothing: tables and plots of this file")
    parser.add_argument("--readme", action="store_true", help="put the tables into bench/README.md, too")
    args = parser.parse_args()
    if unknown := set(args.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    path = args.show or RESULTS / f"{args.name}.json"
    if args.show:
        result = json.loads(path.read_text())
    else:
        result = measure(args)
        path.parent.mkdir(exist_ok=True)
        path.write_text(report.compact(result))
    drawn = plot.draw(result, path.with_suffix(""))
    sections = report.sections(result)
    sections["plots"] = report.plots(path)
    for name, lines in sections.items():
        print(f"\n## {name}\n\n" + "\n".join(lines))
    if args.readme:
        README.write_text(report.replace(README.read_text(), sections))
    print("\n" + "\n".join(drawn) + f"\nwritten to {path}")


if __name__ == "__main__":
    sys.exit(main())
