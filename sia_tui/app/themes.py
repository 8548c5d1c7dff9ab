"""Our themes, and which theme fits a terminal.

`sia-clear` has colours that every kind of colour vision tells apart (Okabe and Ito, 2008).
"""

from __future__ import annotations

from textual.theme import Theme

SIA = Theme(
    name="sia",
    primary="#7aa2f7",
    secondary="#bb9af7",
    accent="#e0af68",
    success="#9ece6a",
    warning="#e0af68",
    error="#f7768e",
    foreground="#c8d0e8",
    background="#14161f",
    surface="#1a1d29",
    panel="#242838",
    dark=True,
)
SIA_CLEAR = Theme(
    name="sia-clear",
    primary="#56b4e9",
    secondary="#cc79a7",
    accent="#f0e442",
    success="#56b4e9",
    warning="#e69f00",
    error="#ff7f50",
    foreground="#e8e8e8",
    background="#101010",
    surface="#181818",
    panel="#262626",
    dark=True,
)
SIA_LIGHT = Theme(
    name="sia-light",
    primary="#2f5bb7",
    secondary="#7a3fb0",
    accent="#8a5a00",
    success="#2e7031",
    warning="#9a5b00",
    error="#b3243f",
    foreground="#1d2233",
    background="#fafafa",
    surface="#f1f2f6",
    panel="#e1e4ec",
    dark=False,
)
THEMES = (SIA, SIA_CLEAR, SIA_LIGHT)


def fitting(background: str, *, few_colours: bool) -> str:
    """The theme for a user who chose none.

    `background` is `$COLORFGBG` as terminals set it: colour numbers with `;` between, the background's last. White and
    light grey are light. `few_colours` is a terminal with 16 colours, whose own colours are then used.
    """
    light = background.rpartition(";")[2] in ("7", "15")
    if few_colours:
        return "ansi-light" if light else "ansi-dark"
    return SIA_LIGHT.name if light else SIA.name
