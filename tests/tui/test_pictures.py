"""The pictures of the documentation: a text is as wide as its cells."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

from rich.console import Console

SCRIPT = Path(__file__).parents[2] / "scripts" / "screens.py"


def test_wide_characters_take_two_cells_and_overlap_nothing() -> None:
    spec = importlib.util.spec_from_file_location("screens", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    screens = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(screens)
    console = Console(record=True, width=40, file=Path("/dev/null").open("w"))  # noqa: SIM115
    console.print("非法采伐", highlight=False)
    console.print("a <b> c!", highlight=False)
    picture = screens.in_cells(console.export_svg(title="-", clear=False))
    widths = {text: float(length) for length, text in re.findall(r'textLength="([\d.]+)"[^>]*>([^<\n]+)', picture)}
    assert widths["非法采伐"] == widths["a&#160;&lt;b&gt;&#160;c!"]
