"""Recorded effects of a run, indexed for the steps that look them up. Folded beside the state, as results are."""

from __future__ import annotations

import bisect
from collections.abc import Sequence

from engine.events import types as t
from engine.events.event import Event


class Effects:
    """Grows with the log of one run; `probes`, `checkpoints` and `talks` are in the order of the log."""

    def __init__(self) -> None:
        self.probes: list[t.ProbeFinished] = []
        self.checkpoints: list[t.TrainingCheckpointed] = []
        self.hints: Sequence[t.RunHinted] = ()
        self.notebook = ""
        """A person's hints and the agent's notebook as the latest Analysis reads them.

        So does its Improvement, which repeats the conversation.
        """
        self.talks: list[t.RunTalked] = []
        self.known: Sequence[t.Known] = ()
        """Values of earlier runs, which are tried first."""
        self._hints: list[t.RunHinted] = []
        self._notebook = ""
        self._in_turn = True
        self._tools: dict[tuple[str, int], t.ToolCalled] = {}
        self._errands: dict[tuple[str, int], t.ClientFinished] = {}
        self._compactions: dict[tuple[str, int], int] = {}
        self._reports: dict[int, int] = {}
        self._evidence: dict[int, list[int]] = {}

    def add(self, event: Event) -> None:
        """Adds an event; those that no step looks up are ignored."""
        if event.type in _INDEXED:
            self._add(event, event.payload)

    def _add(self, event: Event, payload: t.Payload) -> None:
        match payload:
            case t.ProbeFinished():
                self._in_turn = self._in_turn and (not self.probes or _turn(self.probes[-1]) <= _turn(payload))
                self.probes.append(payload)
            case t.RunStarted(known=known):
                self.known = known
            case t.TrainingCheckpointed():
                self.checkpoints.append(payload)
            case t.ToolCalled(role="task"):
                pass  # a harness's: computed again where its answer is
            case t.ToolCalled(place=place, ordinal=ordinal):
                self._tools[place, ordinal] = payload
            case t.ClientFinished(place=place, ordinal=ordinal):
                self._errands[place, ordinal] = payload
            case t.ContextCompacted(place=place, ordinal=ordinal, messages=messages):
                self._compactions[place, ordinal] = messages
            case t.RunHinted():
                self._hints.append(payload)
            case t.RunTalked():
                self.talks.append(payload)
            case t.AnalysisFinished(notebook=notebook):
                self._notebook = notebook or self._notebook
            case t.StepStarted(kind=kind):
                if kind == "analyse":
                    self.hints, self.notebook = tuple(self._hints), self._notebook
            case t.TrainingProgress():
                self._reports[event.generation] = self.reports(event.generation) + 1
            case _:
                self._evidence.setdefault(event.generation, []).append(event.n)

    def probes_before(self, generation: int, attempt: int) -> list[t.ProbeFinished]:
        """The probes of earlier Improvements than the one of `generation` and `attempt`."""
        if self._in_turn:
            return self.probes[: bisect.bisect_left(self.probes, (generation, attempt), key=_turn)]
        return [probe for probe in self.probes if _turn(probe) < (generation, attempt)]  # after a branch

    def probes_of(self, generation: int, attempt: int) -> list[t.ProbeFinished]:
        """The probes of the Improvement of `generation` and `attempt`."""
        if self._in_turn:
            first = bisect.bisect_left(self.probes, (generation, attempt), key=_turn)
            return self.probes[first : bisect.bisect_right(self.probes, (generation, attempt), key=_turn)]
        return [probe for probe in self.probes if _turn(probe) == (generation, attempt)]

    def tool(self, place: str, ordinal: int) -> t.ToolCalled | None:
        """The last use of a tool at that position of a conversation."""
        return self._tools.get((place, ordinal))

    def client(self, place: str, ordinal: int) -> t.ClientFinished | None:
        """The last errand of a client at that position of a conversation."""
        return self._errands.get((place, ordinal))

    def compaction(self, place: str, ordinal: int) -> int:
        """Among how many first messages results were left out before that call of a conversation; 0 for none."""
        return self._compactions.get((place, ordinal), 0)

    def reports(self, generation: int) -> int:
        """How many `training.progress` events the training after `generation` has recorded."""
        return self._reports.get(generation, 0)

    def evidence(self, generation: int) -> list[int]:
        """The numbers of the events that a decision after `generation` rests on."""
        return self._evidence.get(generation, [])


def _turn(probe: t.ProbeFinished) -> tuple[int, int]:
    return probe.generation, probe.attempt


_INDEXED = {
    kind.type
    for kind in (
        *(t.ProbeFinished, t.TrainingCheckpointed, t.ToolCalled, t.TrainingProgress, t.ContextCompacted),
        t.ClientFinished,
        *(t.ExecutionFinished, t.GateDecided),  # the evidence
        *(t.RunStarted, t.RunHinted, t.RunTalked, t.AnalysisFinished, t.StepStarted),
    )
}
