"""What a user without runs can do: look at the recorded run, run the toy task, or create a task."""

from __future__ import annotations

import shlex
from pathlib import Path

from engine.domain_check.templates import ABOUT, create, domain_name
from engine.user_path import expanded
from sia_tui.app.actions import engine_start
from sia_tui.app.rows.text import escape_markup, sanitize
from sia_tui.app.screens.form import Form
from sia_tui.app.screens.form_field import FormField, Values
from sia_tui.app.screens.main import MainScreen
from sia_tui.app.screens.welcome import Welcome

GENERATIONS = ["--generations", "3"]
NEEDS_A_MODEL = "judge"
"""The template whose harness calls a language model."""
NOTE_S = 60


async def greet(main: MainScreen) -> None:
    """Asks how to start, and starts."""
    match await main.app.push_screen_wait(Welcome(str(main.navigator.sources.workspace.path.parent))):
        case "toy":
            await engine_start.start_engine(main, ["run", "toy", *GENERATIONS])
        case "own":
            await create_task(main)


async def create_task(main: MainScreen) -> None:
    """Creates a task from a template, says what to change, and runs it if it needs no language model."""
    defaults = {"folder": "my-task", "template": next(iter(ABOUT))}
    chosen = dict(defaults)

    def create_chosen(changed: Values) -> None:
        chosen.update(defaults | changed)
        create(expanded(chosen["folder"]), chosen["template"])

    intro = ["Creates a folder with a small task that works, for you to change. Templates:"]
    intro += [f"  {name:<9} {about}" for name, about in ABOUT.items()]
    fields = [
        FormField("folder", defaults["folder"], "new or empty", is_path=True),
        FormField("template", defaults["template"], choices=tuple(ABOUT)),
    ]

    def button(changed: Values) -> str:
        both = defaults | changed
        task = f"Create {domain_name(Path(both['folder']))}"
        return task if both["template"] == NEEDS_A_MODEL else f"{task} and run it"

    form = Form("a task of your own", intro, fields, create_chosen, button=button)
    if await main.app.push_screen_wait(form) is None:
        await greet(main)
        return
    folder = sanitize(chosen["folder"])
    main.notify(
        f"{folder}/README.md says what to change. Then: sia check {shlex.quote(folder)}",
        title=f"Created {escape_markup(chosen['folder'])}",
        timeout=NOTE_S,
        markup=False,
    )
    if chosen["template"] != NEEDS_A_MODEL:
        await engine_start.start_engine(main, ["run", str(expanded(chosen["folder"])), *GENERATIONS])
