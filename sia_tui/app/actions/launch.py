"""Starting an engine through the command line, so that what the app does is recorded as the same events."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from engine.errors import SiaError
from sia_tui.app.actions.places import attach
from sia_tui.app.screens.main import MainScreen


async def start_engine(main: MainScreen, arguments: Sequence[str]) -> bool:
    """Runs `sia` with `arguments` and selects its run; true if it has one. Shows the engine's output meanwhile."""
    from sia_tui.cli.engine_process import EngineProcess

    try:
        engine = await asyncio.to_thread(EngineProcess, arguments, main.navigator.sources.workspace.path)
        last_line = ""
        while (run_id := await asyncio.to_thread(engine.wait, 0.2)) is None:
            last_line = (engine.output().strip().splitlines() or [last_line])[-1]
            main.note = f"starting ... {last_line}"
            main.refresh_bars()
    except (SiaError, OSError) as error:
        main.fail(error if isinstance(error, SiaError) else SiaError(f"the engine did not start ({error})"))
        return False
    finally:
        main.note = ""
    attach(main, run_id)
    return True
