#!/usr/bin/python3
"""
What secrets cost at a start: plain, sealed, and through KMS (nacre-kms-stub on this machine), in turns of one run. From
the start of `nacre dev` to the first signed answer, and of that from the delivery (of the secrets, or of the credentials).

    bench/kms.py [--rounds N]
"""
import argparse
import pathlib
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "e2e"))
import harness  # noqa: E402
import kms  # noqa: E402
import test_sealed  # noqa: E402

BODY = {"payload": {"location": "London"}}


def until_signed(runtime):
    """The first answer that is signed; the app takes requests a moment after it is up."""
    while True:
        reply = runtime.post("/process_data", BODY)
        if reply.status == 200:
            runtime.verify(reply)
            return
        time.sleep(0.002)


def measure(runtime, deliver):
    """(from the start, from the delivery) in seconds."""
    began = time.monotonic()
    with runtime:
        ready = time.monotonic()
        how = deliver(runtime)
        delivered = how or time.monotonic()
        until_signed(runtime)
        end = time.monotonic()
    return end - began - (delivered - ready), end - delivered


def plain(_):
    def deliver(r):
        at = time.monotonic()
        assert r.deliver(test_sealed.SECRETS).startswith("ok")
        return at
    return measure(test_sealed.Waiting(operator=False), deliver)


def sealed(_):
    def deliver(r):
        status, _, err = r.seal()  # where the operator is: not part of the start
        assert status == 0, err
        at = time.monotonic()
        assert r.deliver(r.blob_file.read_bytes()).startswith("ok")
        return at
    return measure(test_sealed.Waiting(sealed_only=True), deliver)


def through_kms(stub):
    def deliver(r):
        at = time.monotonic()
        assert r.lend().startswith("ok")
        return at
    return measure(kms.Kms(stub=stub), deliver)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    stub = kms.Stub()
    kinds = {"plain": plain, "sealed": sealed, "through KMS": through_kms}
    found = {name: [] for name in kinds}
    try:
        for _ in range(rounds):
            for name, run in kinds.items():
                found[name].append(run(stub))
    finally:
        stub.stop()
    base = [statistics.median(times) for times in zip(*found["plain"])]
    print(f"{rounds} starts each, in turns; median ms (least to most), and beside plain")
    print("| secrets | from the start | | from the delivery | |\n| --- | --- | --- | --- | --- |")
    for name, all_times in found.items():
        cells = []
        for i, times in enumerate(zip(*all_times)):
            middle = statistics.median(times)
            cells.append(f"{middle * 1e3:.0f} ({min(times) * 1e3:.0f} to {max(times) * 1e3:.0f}) | {middle / base[i]:.2f}")
        print(f"| {name} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    assert (harness.BIN / "nacre-kms-stub").exists(), "run `make build` first"
    main()
