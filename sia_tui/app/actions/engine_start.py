"""Starting an engine through the command line, so that what the app does is recorded as the same events."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.errors import SiaError
from sia_tui.app.actions.places import attach
from sia_tui.app.screens.dialogs import Confirm
from sia_tui.app.screens.main import MainScreen

if TYPE_CHECKING:
    from engine.trust import Place


async def start_engine(main: MainScreen, arguments: Sequence[str], code: Sequence[Place] = ()) -> bool:
    """Runs `sia` with `arguments` and selects its run; true if it has one. Shows the engine's output meanwhile.

    Asks first about the workspace, and about the `code` that a log names, where the user has not trusted them yet.
    Raises `SiaError` with what the command said, where it refuses.
    """
    from sia_tui.cli.processes.engine_process import EngineProcess

    if not await _trusts(main, code):
        return False
    try:
        engine = await asyncio.to_thread(EngineProcess, arguments, main.navigator.sources.workspace.path)
        last_line = ""
        while (run_id := await asyncio.to_thread(engine.wait, 0.2)) is None:
            last_line = (engine.output().strip().splitlines() or [last_line])[-1]
            main.note = f"starting ... {last_line}"
            main.refresh_bars()
    except asyncio.CancelledError:
        main.left_starting = True
        raise
    except OSError as error:
        raise SiaError(f"the engine did not start ({error})") from None
    finally:
        main.note = ""
    attach(main, run_id)
    return True


async def _trusts(main: MainScreen, code: Sequence[Place]) -> bool:
    from engine import trust

    places = trust.untrusted(main.navigator.sources.workspace.path, code)
    if not places:
        return True
    used = "its settings are used, or its code is run"
    effects = [f"{place}: {'prompts are sent to it' if isinstance(place, str) else used}" for place in places]
    effects.append("you did not make or name it here; look at it first. A yes is remembered")
    if not await main.app.push_screen_wait(Confirm("Do you trust this?", effects, final=True)):
        return False
    for place in places:
        trust.remember(place)
    return True
