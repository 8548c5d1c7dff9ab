"""Runs a SIA task's evaluate.py on the files that the target agent wrote; no code of the candidate runs here."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path


def main() -> None:
    """Evaluates the folder `job["answer"]` and writes its results.json to `job["out"]`."""
    job = json.loads(sys.argv[1])
    answer = Path(job["answer"])
    (answer / "results.json").unlink(missing_ok=True)  # the candidate's own file would be taken for the result
    script = Path(job["task"], job["evaluator"])
    sys.path.insert(0, str(script.parent))
    sys.argv = [str(script), "--gen-dir", str(answer)]
    status: object = 0
    try:
        runpy.run_path(str(script), run_name="__main__")
    except SystemExit as ended:
        status = ended.code or 0
    measured: dict[str, object]
    if status != 0:  # its message could contain an answer
        status = status if isinstance(status, int) else 1
        measured = {"refused": f"{job['evaluator']} refused the submission (exit status {status})"}
    elif not (answer / "results.json").is_file():
        measured = {"refused": f"{job['evaluator']} wrote no results.json"}
    else:
        found = json.loads((answer / "results.json").read_text())
        measured = {"metrics": {name: value for name, value in found.items() if isinstance(value, int | float)}}
    Path(job["out"]).write_text(json.dumps(measured))


if __name__ == "__main__":
    main()
