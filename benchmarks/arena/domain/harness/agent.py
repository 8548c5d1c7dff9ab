"""Hands in the program that lies beside this file."""

from pathlib import Path


def solve(instance, ctx):
    return Path(__file__).with_name("program.py").read_text()
