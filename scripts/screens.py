"""The screens of the documentation, drawn from the recorded run: `python scripts/screens.py` writes docs/screens/."""

from __future__ import annotations

import asyncio
import html
import os
import re
import time
from pathlib import Path

from rich.cells import cell_len

from engine.run.workspace import Workspace
from sia_tui.app.app import SiaApp

FOLDER = Path(__file__).parent.parent / "docs" / "screens"
SCREENS: dict[str, tuple[tuple[int, int], list[str]]] = {
    "panes": ((160, 44), ["2", "l", "l"]),
    "broken": ((100, 30), ["3", "v", "enter"]),
    "map": ((100, 30), ["x"]),
    "replay": ((120, 30), ["colon", *"3852", "enter", "left_square_bracket"]),
}


async def draw(name: str, size: tuple[int, int], keys: list[str]) -> None:
    """Opens the recording, presses the keys, and writes what is on the screen."""
    app = SiaApp(Workspace(FOLDER / "no-workspace"))
    async with app.run_test(size=size) as pilot:
        await _settle(app)
        for key in keys:
            await pilot.press(key)
            await _settle(app)
        (FOLDER / f"{name}.svg").write_text(in_cells(app.export_screenshot(title=f"sia: {name}")))


def in_cells(picture: str) -> str:
    """`picture` with each text as wide as its cells: Rich counts its characters, of which some take two cells."""

    def widened(match: re.Match[str]) -> str:
        start, length, between, text = match.groups()
        shown = html.unescape(text)
        return f"{start}{round(float(length) / len(shown) * cell_len(shown), 1):g}{between}{text}"

    return re.sub(r'(<text[^>]* textLength=")([\d.]+)("[^>]*>)([^<]+)', widened, picture)


async def _settle(app: SiaApp) -> None:
    await asyncio.sleep(0.3)
    working = [one for one in app.workers if one.group in ("page", "search", "open")]
    if working:
        await app.workers.wait_for_complete(working)
    await asyncio.sleep(0.3)


def main() -> None:
    """All of them, the same wherever they are drawn, also where the texts of the cases (not ours) are known."""
    os.environ["TZ"] = "UTC"
    os.environ["SIA_TUI_CONFIG"] = str(FOLDER / "no-preferences.toml")
    os.environ["SIA_CACHE"] = str(FOLDER / "no-data")
    time.tzset()
    FOLDER.mkdir(exist_ok=True)
    for name, (size, keys) in SCREENS.items():
        asyncio.run(draw(name, size, keys))


if __name__ == "__main__":
    main()
