"""Questions of a person to a run's agent."""

from __future__ import annotations

from engine.events.types.base import Payload, event


@event("run.talked")
class RunTalked(Payload, frozen=True):
    """A person asked the run's agent something and had an answer. Beside its cost it has no effect.

    `question` and `answer` are blobs; the answer is JSON with `text` and `hint`, the hint that the agent proposes. The
    calls that led to it come before, at `place`. `model` is what answered.
    """

    by: str
    place: str
    model: str
    question: str
    answer: str

    def blobs(self) -> list[str]:
        return [self.question, self.answer]

    def withheld(self) -> list[str]:
        return self.blobs()

    @property
    def is_talk(self) -> bool:
        return True
