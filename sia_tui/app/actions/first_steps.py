"""The ways on for a person who has no runs yet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from engine.domain_check.templates import ABOUT, create
from sia_tui.app.actions.runs import launch
from sia_tui.app.screens.form import Field, Form, Values
from sia_tui.app.screens.welcome import Welcome
from sia_tui.app.widgets.lines import escaped, harmless

if TYPE_CHECKING:
    from sia_tui.app.screens.main import MainScreen

GENERATIONS = ["--generations", "3"]
NEEDS_A_MODEL = "judge"
"""The template that does not run without a language model."""
TOLD_S = 60


async def welcome(main: MainScreen) -> None:
    """Asks which way to go, and goes it."""
    match await main.app.push_screen_wait(Welcome(str(main.sia.workspace.path.parent))):
        case "toy":
            await launch(main, ["run", "toy", *GENERATIONS])
        case "own":
            await own(main)


async def own(main: MainScreen) -> None:
    """Makes a task after a template, runs it where it needs no language model, and says what to change."""
    usual = {"folder": "my-task", "template": next(iter(ABOUT))}
    made = dict(usual)

    def make(changed: Values) -> None:
        made.update(usual | changed)
        create(Path(made["folder"]).expanduser(), made["template"])

    intro = ["A folder with a small task that works, to be changed into yours. Templates:"]
    intro += [f"  {name:<9} {about}" for name, about in ABOUT.items()]
    fields = [Field(name, value) for name, value in usual.items()]
    if await main.app.push_screen_wait(Form("a task of your own", intro, fields, make)) is None:
        await welcome(main)
        return
    folder = made["folder"]
    main.notify(
        f"{harmless(folder)}/README.md says what to change. Then: sia check {harmless(folder)}",
        title=f"{escaped(folder)} is made",
        timeout=TOLD_S,
        markup=False,
    )
    if made["template"] != NEEDS_A_MODEL:
        await launch(main, ["run", str(Path(folder).expanduser()), *GENERATIONS])
