"""Two themes. `sia-clear` has colours that every kind of colour vision tells apart (Okabe and Ito, 2008)."""

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
THEMES = (SIA, SIA_CLEAR)
