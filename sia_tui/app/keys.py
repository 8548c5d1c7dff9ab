"""The keys of the main screen, as data. A key's id names its action, and its entry in tui.toml."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from textual.binding import Binding


class Key(NamedTuple):
    """`keys` is what Textual calls the keys, with commas between; `in_footer` keys stand in the footer."""

    id: str
    keys: str
    label: str
    help: str
    in_footer: bool = False

    @property
    def action(self) -> str:
        """The action as Textual runs it: `MainScreen.action_perform`."""
        return f"perform('{self.id}')"


MAIN: tuple[Key, ...] = (
    Key("open", "enter", "Open", "open the row under the cursor", True),
    Key("close", "escape,backspace", "Back", "close the search, the page or the filter, or go to the pane on the left"),
    Key("left", "h,left", "Left pane", "go to the pane on the left"),
    Key("right", "l,right", "Right pane", "go to the pane on the right"),
    Key("back", "less_than_sign,alt+left", "Previous place", "go back to where you were"),
    Key("forward", "greater_than_sign,alt+right", "Next place", "go forward again"),
    Key("filter", "slash", "Filter", "show only the events that pass a filter; in a page, search it", True),
    Key("go", "colon", "Go to", "go to an event (1500), a generation (g3), a time (14:03:20) or +90s"),
    Key("fold", "O", "Fold", "fold or unfold the phase under the cursor"),
    Key("tail", "t", "Newest event", "go to the newest event, and follow the run"),
    Key("hold", "space", "Pause view", "pause the view while the run goes on; again to follow"),
    Key("replay", "r", "Replay", "replay the run from here, or pause the replay", True),
    Key("slower", "minus", "Slower", "replay slower"),
    Key("faster", "plus,equals_sign", "Faster", "replay faster"),
    Key("back_event", "left_square_bracket", "Previous event", "go back by one event"),
    Key("next_event", "right_square_bracket", "Next event", "go forward by one event"),
    Key("back_gen", "left_curly_bracket", "Previous generation", "go back to the start of a generation"),
    Key("next_gen", "right_curly_bracket", "Next generation", "go forward to the start of the next generation"),
    Key("verdict", "v", "Verdict", "the gate's verdict: the instances that this generation fixed and broke", True),
    Key("diff", "d", "Diff", "the harness against its parent, or against the marked generation", True),
    Key("files", "F", "Files", "the files of the harness"),
    Key("analysis", "A", "Analysis", "the Analysis: findings, lever, reason and expected gain"),
    Key("map", "x", "Map", "the results of all instances by generation, and who is best where"),
    Key("scores", "s", "Scores", "the score by generation"),
    Key("training", "T", "Training", "the training curves"),
    Key("cases", "C", "Cases", "the measures of each case, and the answer beside its parent's"),
    Key("cost", "dollar_sign", "Cost", "the spend and the budget"),
    Key("isolation", "I", "Isolation", "what keeps harnesses apart from your machine in this run"),
    Key("outside", "o", "Open in editor", "open the page in your editor or pager, a difference in your difftool"),
    Key("sort", "comma", "Sort", "sort the table of the page by its next column"),
    Key("part", "full_stop", "Show only", "show what was broken, what was fixed, or all of the table"),
    Key("bisect", "B", "Bisect", "the candidate that fixed or broke this instance"),
    Key("failure", "X", "Failure", "why it failed: the traceback of the first failure of the generation"),
    Key("mark", "m", "Mark", "mark a run or a generation, to compare with it or diff against it"),
    Key("compare", "c", "Compare", "compare what is marked with what is selected"),
    Key("branch", "b", "Branch", "start a new run from this generation's candidate", True),
    Key("fork", "f", "Fork", "start a new run from this event, with other settings", True),
    Key("edit", "e", "Edit", "edit the harness in $EDITOR, and fork with the edited one"),
    Key("new", "n", "New run", "start a run on a domain"),
    Key("runs", "L", "Runs", "list all runs; search, rename, export, import, note, check out or delete one"),
    Key("setup", "E", "Agent", "choose the agent of new runs: what is installed, has a key, or answers here"),
    Key("pause", "p", "Pause/resume", "pause or resume the run"),
    Key("stop", "S", "Stop", "stop the run"),
    Key("approve", "a", "Approve", "approve, decline or edit the candidate that needs approval"),
    Key("hint", "H", "Hint", "tell the agent what you know; it reads that at its next Analysis"),
    Key("talk", "K", "Talk", "ask the run's agent about the run; it changes nothing"),
    Key("unseal", "U", "Sealed test", "read the test split: it is counted, and cannot be undone"),
    Key("copy", "y", "Copy", "copy the line under the cursor, or what it stands for"),
    Key("wide", "z", "Zoom", "show one pane alone, or all"),
    Key("help", "question_mark", "Keys", "the keys that are available here, and why the others are not", True),
    Key("suspend", "ctrl+z", "Suspend", "return to the shell; `fg` comes back"),
    Key("quit", "q", "Quit", "quit the app; runs go on", True),
)
NAMED: tuple[Key, ...] = (
    Key("search", "", "Search", "search the logs, prompts, replies and events of all runs"),
    Key("rename", "", "Rename", "give the run another name"),
    Key("note", "", "Note", "add a note to the run"),
    Key("export", "", "Export", "write the run to one file"),
    Key("import", "", "Import", "read an exported run into the workspace"),
    Key("checkout", "", "Checkout", "write a candidate as a folder that runs without sia"),
    Key("delete", "", "Delete", "delete the run"),
)
"""What has no key on the main screen: it is in the palette and in the list of runs."""
DIGITS = tuple(Key(f"generation_{n}", str(n), f"Generation {n}", f"select generation {n}") for n in range(1, 10))


def bindings(keys: tuple[Key, ...]) -> list[Binding]:
    """Textual's bindings for `keys`."""
    return [Binding(key.keys, key.action, key.label, show=key.in_footer, tooltip=key.help, id=key.id) for key in keys]


SYMBOLS = {
    "less_than_sign": "<", "greater_than_sign": ">", "slash": "/", "colon": ":", "minus": "-", "plus": "+",
    "equals_sign": "=", "left_square_bracket": "[", "right_square_bracket": "]", "left_curly_bracket": "{",
    "right_curly_bracket": "}", "dollar_sign": "$", "question_mark": "?", "comma": ",", "full_stop": ".",
    "escape": "esc",
}  # fmt: skip
"""What is printed on a key, by Textual's name for it."""


class Keymap:
    """The keys of each action with the user's own, by id."""

    def __init__(self, chosen: Mapping[str, str]) -> None:
        self._chosen = chosen

    def label(self, key: Key) -> str:
        """The keys as they are printed on a keyboard."""
        return " ".join(SYMBOLS.get(one, one) for one in self._chosen.get(key.id, key.keys).split(","))
