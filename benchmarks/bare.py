"""The least that a Textual app can be: one widget, which says how many keys were pressed. `q` quits."""

from __future__ import annotations

from textual.app import App, ComposeResult
from textual.events import Key
from textual.widgets import Static


class Bare(App[None]):
    pressed = 0

    def compose(self) -> ComposeResult:
        yield Static("pressed 0.")

    def on_key(self, event: Key) -> None:
        if event.key == "q":
            self.exit()
        self.pressed += 1
        self.query_one(Static).update(f"pressed {self.pressed}.")


if __name__ == "__main__":
    Bare().run()
