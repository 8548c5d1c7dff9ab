"""A warm start: the values that did best in earlier runs of the same domain, as the workspace holds them.

Imported runs and the parents of forks are runs like any other. What is found is written into the first event of the new
run, so that a replay and a resume need no other run. Scores of other folds say nothing of this one: they only rank the
values within a run, and each is measured anew.
"""

from __future__ import annotations

import contextlib

from engine.agents.portfolio import probed
from engine.events import types as t
from engine.events.reader import Reader
from engine.run.workspace import Workspace

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


def _best(reader: Reader, run: str, name: str) -> list[t.Known]:
    events = reader.of_type_in(run, t.ProbeFinished.type, after=0, until=reader.last_n(run))
    probes = [event.payload for event in events if isinstance(event.payload, t.ProbeFinished)]
    usable = [probe for probe in probes if probed.eligible(probe) and probe.params and not probe.report]
    usable.sort(key=lambda probe: -probe.score.score)  # stable: the earliest of equals
    return [t.Known(run, name, probe.params, probe.score.score) for probe in usable]
