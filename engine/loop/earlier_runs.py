"""A warm start: the values that did best in earlier runs of the same domain, as the workspace holds them.

Imported runs and the parents of forks are runs like any other. What is found is written into the first event of the new
run, so that a replay and a resume need no other run. Scores of other folds say nothing of this one: they only rank the
values within a run, and each is measured anew.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from engine.agents.portfolio import probed
from engine.events import types as t
from engine.events.reader import Reader
from engine.run.workspace import Workspace
from harness_repo.evolvable import SKELETON

OF_A_RUN = 2
"""So many of the best values of one run are taken."""
MOST = 8
"""So many are taken at most, those of the newest runs first."""


def known_values(workspace: Workspace, domain: str) -> list[t.Known]:
    """The best values of earlier runs on `domain`; none where there is no log."""
    if not workspace.log.is_file():
        return []
    with contextlib.closing(Reader.open(workspace.log)) as reader:
        rows = sorted((row for row in reader.runs() if row.domain == domain), key=lambda row: -row.created_seq)
        found: list[t.Known] = []
        for row in rows:
            best = [one for one in _best(reader, row.run, row.name) if one.params not in [was.params for was in found]]
            found += best[:OF_A_RUN]
        return found[:MOST]


def told(known: Sequence[t.Known], domain: str) -> str:
    """What a warm start begins with, in a sentence."""
    names = ", ".join(dict.fromkeys(one.name or one.run for one in known))
    return f"first come the best values of {names}" if known else f"no earlier run of {domain} here has values to try"


def _best(reader: Reader, run: str, name: str) -> list[t.Known]:
    events = reader.of_type_in(run, t.ProbeFinished.type, after=0, until=reader.last_n(run))
    probes = [event.payload for event in events if isinstance(event.payload, t.ProbeFinished)]
    usable = [one for one in probes if probed.eligible(one) and one.params and not one.report and _is_of_the_first(one)]
    usable.sort(key=lambda probe: -probe.score.score)  # stable: the earliest of equals
    return [t.Known(run, name, probe.params, probe.score.score) for probe in usable]


def _is_of_the_first(probe: t.ProbeFinished) -> bool:
    """Whether values belong to the program that a new run begins with, too.

    What declares no values names its program, and changes of it; from generation 2 on that may be a changed one.
    """
    return SKELETON not in probe.params or probe.generation == 1
