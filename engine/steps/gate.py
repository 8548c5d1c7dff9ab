"""The gate: the verdict on a generation's candidate, after what other runs of the lineage have spent of its error."""

from __future__ import annotations

from engine.core.verdict import judge
from engine.events import types as t
from engine.run.account import Outdated
from engine.run.live_run import Run


def read_account(run: Run, generation: int) -> None:
    """Appends `account.read` where other runs of the lineage have spent what this history does not say."""
    if news := run.account.news(run.state.account):
        run.append(generation, t.AccountRead(news))


def apply(run: Run, generation: int) -> None:
    """Appends the verdict, or the question whether a jump is true; before it `account.read`, where there is news.

    Two runs of a lineage that judge at once never spend the same: who comes second judges again.
    """

    def check() -> None:
        if run.account.news(run.state.account):
            raise Outdated

    shared = run.state.rules >= 4 and run.state.incumbent is not None
    while True:
        if shared:
            read_account(run, generation)
        try:
            run.append(generation, judge(run.state, run.results, generation), guard=check if shared else None)
        except Outdated:
            continue
        return
