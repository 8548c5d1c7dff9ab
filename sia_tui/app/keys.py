"""The keys, as data: what each does, under an id by which a person may give it another key."""

from __future__ import annotations

from typing import NamedTuple

from textual.binding import Binding


class Key(NamedTuple):
    """`id` is the name in tui.toml; `shown` keys stand in the footer."""

    id: str
    keys: str
    action: str
    text: str
    what: str
    shown: bool = False


MAIN: tuple[Key, ...] = (
    Key("open", "enter", "drill", "Open", "open what the cursor is on", True),
    Key("close", "escape,backspace", "leave", "Back", "one level up: out of a page, a filter, a pane"),
    Key("left", "h,left", "pane(-1)", "Left pane", "to the pane on the left"),
    Key("right", "l,right", "pane(1)", "Right pane", "to the pane on the right"),
    Key("back", "less_than_sign,alt+left", "place('history', -1)", "Back in history", "to where you were before"),
    Key("forward", "greater_than_sign,alt+right", "place('history', 1)", "Forward", "and forward again"),
    Key("filter", "slash", "look('filter')", "Filter", "show only the events that pass a filter", True),
    Key(
        "go",
        "colon",
        "time('go')",
        "Go to",
        "go to an event (1500), a generation (g3), a time (14:03:20) or +90s",
        False,
    ),
    Key("fold", "o", "look('fold')", "Fold", "fold or unfold the phase under the cursor"),
    Key("tail", "t", "time('tail')", "Tail", "to the newest event, and follow"),
    Key("hold", "space", "time('hold')", "Hold", "hold the view still while the run goes on; again to follow"),
    Key("replay", "r", "time('replay')", "Replay", "play the run from here, or pause", True),
    Key("slower", "minus", "time('speed', -1)", "Slower", "replay slower"),
    Key("faster", "plus,equals_sign", "time('speed', 1)", "Faster", "replay faster"),
    Key("back_event", "left_square_bracket", "time('step', -1)", "Event back", "one event back in time"),
    Key("next_event", "right_square_bracket", "time('step', 1)", "Event on", "one event on"),
    Key("back_gen", "left_curly_bracket", "time('step_generation', -1)", "Generation back", "to the generation before"),
    Key("next_gen", "right_curly_bracket", "time('step_generation', 1)", "Generation on", "to the next generation"),
    Key("verdict", "v", "look('verdict')", "Verdict", "the gate's verdict: what this generation fixed and broke", True),
    Key("diff", "d", "look('diff')", "Diff", "the harness against its parent, or against the marked generation", True),
    Key("files", "F", "look('files')", "Files", "the files of the harness"),
    Key("analysis", "A", "look('analysis')", "Analysis", "what the agent found, chose and expected"),
    Key("map", "x", "look('page', 'map')", "Map", "generations against instances"),
    Key("scores", "s", "look('page', 'scores')", "Scores", "score over generations"),
    Key("training", "T", "look('page', 'training')", "Training", "training curves"),
    Key("cases", "C", "look('cases')", "Cases", "what was measured of each case, and the answer beside its parent's"),
    Key("cost", "dollar_sign", "look('page', 'cost')", "Cost", "what was spent, and the budget"),
    Key("bisect", "B", "look('bisect')", "Bisect", "which candidate fixed or broke this instance"),
    Key("mark", "m", "look('mark')", "Mark", "mark a run or a generation, to compare or to diff against"),
    Key("compare", "c", "look('compare')", "Compare", "compare what is marked with what the cursor is on"),
    Key("branch", "b", "act('branch')", "Branch", "a new run from this generation's candidate", True),
    Key("fork", "f", "act('fork')", "Fork", "a new run from this event, with other settings", True),
    Key("edit", "e", "act('edit')", "Edit", "edit the harness in $EDITOR, and fork from the edited one"),
    Key("new", "n", "act('new')", "New run", "start a run on a domain"),
    Key("pause", "p", "act('pause')", "Pause/resume", "let the run's engine rest, or go on with it"),
    Key("stop", "S", "act('stop')", "Stop", "end a live run"),
    Key("approve", "a", "act('approve')", "Approve", "the candidate that waits: yes, no, or an edit"),
    Key("unseal", "U", "act('unseal')", "Sealed test", "unseal the test split: counted, and never undone"),
    Key("copy", "y", "look('copy')", "Copy", "copy the line, or all of what it stands for"),
    Key("wide", "z", "zoom", "Zoom", "the pane alone, or beside the others"),
    Key("help", "question_mark", "help", "Keys", "the keys that work here, and why others do not", True),
    Key("suspend", "ctrl+z", "app.suspend_process", "Suspend", "back to the shell; `fg` comes back"),
    Key("quit", "q", "quit", "Quit", "leave; a run goes on", True),
)
DIGITS = tuple(Key(f"generation_{n}", str(n), f"place('generation', {n})", f"Generation {n}", "") for n in range(1, 10))


SPREAD = ("look", "place", "time", "act")
"""Actions that stand for many: their first parameter is the name of what is done."""


def name(action: str) -> str:
    """What an action does, in a word: `verdict` of `look('verdict')`."""
    verb, _, rest = action.partition("(")
    return rest.split("'")[1] if verb in SPREAD else verb


def bindings(keys: tuple[Key, ...]) -> list[Binding]:
    """Textual's bindings for `keys`."""
    return [Binding(key.keys, key.action, key.text, show=key.shown, tooltip=key.what, id=key.id) for key in keys]
