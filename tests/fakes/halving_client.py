"""A coding agent as the tests play it, which knows two halves of a rule: it proposes one, then the other, then nothing.

Standard library only: it runs in the sandbox of a client.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

PROGRAM = """def solve(instance, ctx):
    x = instance.data
    odd = -1
    # what is between keeps the two apart:
    # a line,
    # and another
    even = -1
    return odd if x % 2 else even
"""
HALVES = ("odd", "even")


def main() -> int:
    """Works once; the exit status."""
    agent = Path("harness/agent.py")
    if "You write the first harness" in sys.stdin.read():
        Path("harness/harness.toml").write_text('name = "halves"\nentry = "agent.py"\n')
        agent.write_text(PROGRAM)
        Path("DECISION.json").write_text(json.dumps({"reason": "begin simply"}))
        return 0
    judged = len([path for path in Path("candidates").iterdir() if (path / "ABOUT.md").is_file()])
    if judged > len(HALVES):
        print("merged on the desk:", *sorted(str(path) for path in Path("merged").rglob("agent.py")))
        return 0
    half = HALVES[judged - 1]
    agent.write_text(PROGRAM.replace(f"{half} = -1", f"{half} = 7 * x % 10"))
    told = {"lever": "harness", "findings": "none is right", "reason": f"{half} numbers", "expected_gain": 0.5}
    Path("DECISION.json").write_text(json.dumps({**told, "evidence": [f"g{judged}"]}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
