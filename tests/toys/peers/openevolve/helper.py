"""A module beside the evaluator."""

from pathlib import Path

TARGET = float((Path(__file__).parent / "data" / "target.txt").read_text())
