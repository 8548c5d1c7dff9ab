"""What the Feedback-Agent is told of before this Analysis: a person's hints, and its own notebook."""

from __future__ import annotations

from engine.agents.protocol import View


def hints(view: View, size: int) -> list[str]:
    """A part of the opening with the newest hints, the newest last; none where nobody gave one."""
    told: list[str] = []
    left = size
    for hint in reversed(view.hints):
        line = f"- {hint.text}"[:left]
        told.append(line)
        left -= len(line)
        if left <= 0:
            break
    words = "\n".join(reversed(told))
    return [f"Hints by a person who knows this task; begin with them:\n{words}"] if told else []


def notebook(view: View, size: int) -> list[str]:
    """A part of the opening with the notebook; none while it is empty."""
    return [f"Your notebook, as you left it:\n{view.notebook[:size]}"] if view.notebook else []
