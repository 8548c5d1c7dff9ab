"""The lines above and below the panes: where one is, how the run stands, and where in time."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual.events import Click
from textual.widgets import Static

from engine.core import budget
from sia_tui.app.navigator.run_cursor import Watching
from sia_tui.app.rows.event_line import clock
from sia_tui.app.rows.row import score, seconds
from sia_tui.app.widgets.lines import harmless

_STEPS = {
    "baseline": "baselines",
    "write": "first harness",
    "execute": "Execution",
    "analyse": "Analysis",
    "improve": "Improvement",
    "test": "sealed test",
}
_TONES = {"running": "bold green", "interrupted": "bold red", "failed": "bold red", "paused": "yellow"}


class Bar(Static):
    """One line that is drawn anew only where it says something else."""

    _said: Text | None = None

    def say(self, text: Text) -> None:
        """Shows `text`."""
        if text != self._said or text.spans != self._said.spans:
            self._said = text
            self.update(text, layout=False)


class Crumbs(Bar):
    """Where one is: source, run, generation, pages."""

    def tell(self, parts: list[str], note: str = "") -> None:
        """Shows the way, and a note at its end."""
        shown = Text(" › ".join(harmless(part) for part in parts), style="bold", no_wrap=True, overflow="ellipsis")
        if note:
            shown.append(f"  {harmless(note)}", style="not bold yellow")
        self.say(shown)


class StatusLine(Bar):
    """Phase, generation, lever, score, cost, budget, isolation, following or not."""

    def tell(self, watching: Watching | None, status: str, *, following: bool) -> None:
        """What the run is at the watched event; `status` is what is known beyond the log."""
        if watching is None:
            self.say(Text("no run is selected"))
            return
        state = watching.moment.state
        parts: list[tuple[str, str] | str] = [(f" {status} ", _TONES.get(status, ""))]
        if state.open_step:
            parts.append(_STEPS[state.open_step.kind])
        if state.current:
            parts.append(f"gen {state.current.n}/{state.set.generations}")
            parts.append(f"lever {state.current.candidate.lever or 'none'}")
        if state.incumbent and (done := state.of(state.incumbent).execution) and "val" in done.scores:
            parts.append(f"best {score(done.scores['val'].score, done.scores['val'].se)}")
        parts.append(f"{state.spent.evaluations + state.spent.reused:,} evals, {seconds(state.spent.seconds)}")
        for name, (now, cap) in budget.used(state).items():
            parts.append((f"{name} {now:,.4g}/{cap:,g}", "yellow" if cap and now >= 0.8 * cap else ""))
        level = str(state.isolation.get("level") or "?")
        parts.append((f"sandbox {level}", "bold red" if level == "none" else ""))
        if state.asked is not None:
            parts.append((f"candidate {state.asked} waits: a", "bold yellow"))
        parts.append("following" if following else "held")
        self.say(_joined(parts))


class KeyBar(Bar):
    """The most used keys; those that do nothing now are dimmed. A click does what the key does."""

    _places: Sequence[tuple[int, str]] = ()

    def tell(self, shown: Sequence[tuple[str, str, str, bool]]) -> None:
        """Shows (key, what it does, action, whether it can be done now)."""
        text = Text(no_wrap=True, overflow="ellipsis")
        places: list[tuple[int, str]] = []
        for key, what, action, able in shown:
            text.append(f" {key}", style="bold" if able else "dim")
            text.append(f" {what} ", style="" if able else "dim")
            places.append((text.cell_len, action))
        self._places = places
        self.say(text)

    async def on_click(self, event: Click) -> None:
        """Does what stands where the click was."""
        for end, action in self._places:
            if event.x < end:
                await self.screen.run_action(action)
                return


class ReplayBar(Bar):
    """Where in time the run is seen; shown while that is not its head."""

    def tell(self, watching: Watching) -> None:
        """Draws the bar."""
        n, head = watching.n, watching.outline.head
        place = round(24 * n / head) if head else 0
        bar = "━" * place + "●" + "─" * (24 - place)
        verb = "▶ playing" if watching.playing else "❚❚ still"
        generation = watching.moment.generation_at(n)
        self.say(
            _joined(
                [
                    (f" {verb} {watching.speed:g}x", "bold"),
                    bar,
                    f"event {n:,} of {head:,}",
                    f"generation {generation}",
                    clock(watching.time),
                    ("r plays, [ ] steps, t goes to the end", "dim"),
                ]
            )
        )


def _joined(parts: list[tuple[str, str] | str]) -> Text:
    shown = Text(no_wrap=True, overflow="ellipsis")
    for at, part in enumerate(parts):
        text, style = part if isinstance(part, tuple) else (part, "")
        shown.append(" · " if at else "", style="dim")
        shown.append(harmless(text), style=style)
    return shown
