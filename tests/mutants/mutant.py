"""A mutant: a deliberate weakening of the code, and the tests that must notice it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple


class Edit(NamedTuple):
    """Replaces a text that is in `file` exactly once."""

    file: str
    old: str
    new: str

    def applied(self, text: str) -> str:
        """`text` with the replacement; raises `ValueError` where it has not exactly one place for it."""
        if (found := text.count(self.old)) != 1:
            raise ValueError(
                f"{self.file} has {found} places, not one, for the weakening of {self.old!r}: the code has changed, "
                "so change the mutant with it, or leave it out where it makes no sense any more"
            )
        return text.replace(self.old, self.new)


@dataclass(frozen=True)
class Mutant:
    """One weakening: its `edits`, why it matters, and the ids of the tests of which each must fail on it.

    They must fail by an assertion, or by the exception that `raises` names. `quick`: it is run by `make test`, too.
    `of_root`: it weakens what is only done where root starts the sandbox.
    """

    name: str
    why: str
    edits: tuple[Edit, ...]
    killed_by: tuple[str, ...]
    raises: str = "AssertionError"
    quick: bool = False
    of_root: bool = False

    @property
    def modules(self) -> list[str]:
        """The names of the modules that it changes."""
        return [edit.file.removesuffix(".py").replace("/", ".") for edit in self.edits]

    def contents(self, root: Path) -> dict[str, str]:
        """The changed files by path; raises `ValueError` where an edit has no place."""
        changed: dict[str, str] = {}
        for edit in self.edits:
            text = changed.get(edit.file)
            changed[edit.file] = edit.applied((root / edit.file).read_text() if text is None else text)
        return changed
