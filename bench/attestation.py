#!/usr/bin/python3
"""Attestations beside signed answers, alone: what bench/parts/attestation.py measures, with options of its own."""
import sys

from parts import attestation

if __name__ == "__main__":
    sys.exit(attestation.main())
