"""A process of `processes`: one device's share of a round. Rank 0 reports on standard output, and writes the result."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import msgspec
import torch

from engine import pipes
from engine.weights.learner import Tally
from engine.weights.policy import Policy
from engine.weights.round import lay_out
from engine.weights.trl.learner import TrlLearner
from engine.weights.trl.processes import JOB, LEARNT, STATE, TALLY, Job


def main(folder: Path) -> None:
    """Learns; the process group is that of the environment."""
    pipes.die_with_parent()
    channel = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # a library that prints must not break the reports
    rank = int(os.environ["RANK"])
    job = msgspec.json.decode((folder / JOB).read_bytes(), type=Job)
    if torch.cuda.is_available():
        torch.cuda.set_device(rank)
    policy = Policy(Path(job.checkpoint), job.recipe, job.seed, folder)
    learner = TrlLearner(policy, job.recipe, job.seed, checkpoint=Path(job.checkpoint), is_large=job.is_large)
    learner.restore(torch.load(folder / STATE, weights_only=True))
    tally = Tally()

    def report(values: dict[str, Any]) -> None:
        if rank == 0:
            channel.write(json.dumps(values) + "\n")

    round = lay_out(job.samples, job.groups)
    learner.train(job.number, round, job.advantages, tally, report, devices=int(os.environ["WORLD_SIZE"]))
    if rank == 0:
        made = folder / LEARNT
        made.mkdir()
        policy.save(made)
        torch.save(learner.state(), made / STATE)
        (made / TALLY).write_text(json.dumps([tally.sums, tally.counts]))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
