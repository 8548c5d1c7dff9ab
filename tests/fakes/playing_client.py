"""A coding agent as the tests play it, as a program of its own: a function of its folder and its prompt alone.

    --agent "command:python3 playing_client.py [FAULT]"

It writes a first harness, then another rule each generation, tries it, keeps notes, and decides. A FAULT is what it
does wrong, each time or, after it has been told, once. Standard library only: it runs in the sandbox of a client.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

FIRST = "-1"
RULES = ("7 * instance.data % 10 if instance.data % 2 else -1", "7 * instance.data % 10", "9 * instance.data % 10")
"""What it believes in, in this order: right for odd numbers, right, wrong."""
MANIFEST = 'name = "times"\nentry = "agent.py"\n'


def program(rule: str) -> str:
    """A harness that answers by `rule`."""
    return f"def solve(instance, ctx):\n    return {rule}\n"


def decision(rule: str, generation: int) -> dict[str, object]:
    """What it decides after that generation."""
    return {
        "lever": "harness",
        "findings": f"the rule is not that of candidate {generation}",
        "reason": f"answer {rule}",
        "evidence": [f"g{generation}"],
        "expected_gain": 0.5,
    }


def tried(*arguments: str) -> str:
    """What `sia-try` has printed."""
    return subprocess.run(["sia-try", *arguments], capture_output=True, text=True, check=False).stdout


def main(fault: str) -> int:
    """Works once; the exit status."""
    prompt, told_off = sys.stdin.read(), Path("DECISION.json").exists()
    agent, manifest = Path("harness/agent.py"), Path("harness/harness.toml")
    print("the folder:", *sorted(str(path) for path in Path().rglob("*") if path.is_file()), sep="\n  ")
    if fault == "crash":
        print("about to fail", file=sys.stderr)
        return 7
    if fault == "hang":
        time.sleep(3600)
    if "You write the first harness" in prompt:
        manifest.write_text(MANIFEST)
        agent.write_text(program(FIRST))
        print(tried())
        Path("DECISION.json").write_text(json.dumps({"reason": "begin simply"}))
        return 0
    generation = len(list(Path("candidates").iterdir()))
    rule = RULES[generation - 1]
    agent.write_text(program(rule))
    print(tried("--cases", "8", "--why", "which rule?"))
    with Path("NOTES.md").open("a") as notes:
        notes.write(f"after {generation}: {rule}\n")
    told = decision(rule, generation)
    if fault == "no decision":
        return 0
    if fault == "out of form" and not told_off:
        told |= {"lever": "luck"}
    if fault == "does not run" and not told_off:
        agent.write_text("def solve(instance, ctx):\n    raise ValueError('not yet')\n")
    if fault == "outside":
        for path in ("/etc/sia-was-here", str(Path.home() / "kept"), "TASK.md", "../elsewhere"):
            try:
                Path(path).write_text("mine")
                print("wrote", path)
            except OSError as error:
                print("refused", path, error.strerror)
        Path("harness/link.py").symlink_to("/etc/passwd")
    if fault == "looks around":
        print("sees:", *(path for path in os.environ["SIA_TEST_LOOKS"].split(":") if os.path.exists(path)))  # noqa: PTH110
    Path("DECISION.json").write_text(json.dumps(told))
    return 0


if __name__ == "__main__":
    sys.exit(main(" ".join(sys.argv[1:])))
