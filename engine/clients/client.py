"""What a client is: a row of the table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

from engine.clients.lines.reading import Reading

Cost = Literal["money", "tokens", "nothing"]
"""What a client tells of what it uses: US dollars and tokens, tokens, or neither."""


class Start(msgspec.Struct, frozen=True):
    """What the words of a client's command depend on; `usd` is how much money is left, None for no cap."""

    program: str
    model: str = ""
    usd: float | None = None


class Client(msgspec.Struct, frozen=True):
    """A coding agent: how it is started without a terminal, read, stopped, and what it costs.

    `program` is looked up on the user's PATH. `words` are the words of its command; its prompt comes on its standard
    input, or by the Agent Client Protocol where it `speaks_acp`. `own` are its folders and files below the user's home,
    and `home` the variable that names another place for the first; they are what it may read and write beside the
    folder of the errand. Of them `obeyed` are settings that make it run programs, which it may not change. `variables`
    are the beginnings of the names of variables that it is given; `login` is how a person logs in, and `logged_out` are
    texts with which it says that nobody has. `tried` are the versions that were tried. `files` are those that the words
    of its command name.
    """

    name: str
    title: str
    program: str
    words: Callable[[Start], list[str]]
    read: Callable[[bytes, Reading], None]
    cost: Cost
    version: Sequence[str] = ()
    tried: Sequence[str] = ()
    own: Sequence[str] = ()
    home: str = ""
    obeyed: Sequence[str] = ()
    variables: Sequence[str] = ()
    settings: dict[str, str] = {}
    login: str = ""
    logged_out: Sequence[str] = ()
    install: str = ""
    files: Sequence[str] = ()
    speaks_acp: bool = False
    takes_model: bool = True
