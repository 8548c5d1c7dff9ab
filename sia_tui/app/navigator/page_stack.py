"""The pages of the inspector, one on top of the other."""

from __future__ import annotations

from sia_tui.app.rows.row import Target


class OpenPage:
    """A page in the stack, where the user left its cursor (None until it was shown), and what they seek on it."""

    def __init__(self, target: Target, sought: str = "") -> None:
        self.target = target
        self.cursor_row: int | None = None
        self.sought = sought


class PageStack:
    """The open pages; the last one is shown. No two neighbours are about the same target."""

    def __init__(self) -> None:
        self._pages: list[OpenPage] = []

    @property
    def top(self) -> OpenPage | None:
        """The page that is shown."""
        return self._pages[-1] if self._pages else None

    @property
    def target(self) -> Target | None:
        """What the page that is shown is about."""
        return self._pages[-1].target if self._pages else None

    @property
    def targets(self) -> tuple[Target, ...]:
        """What the pages are about, from the bottom to the top."""
        return tuple(page.target for page in self._pages)

    def replace(self, *targets: Target) -> None:
        """Closes all pages, and opens these; a page that is already open alone stays as it is."""
        if self.targets != targets:
            self._pages = [OpenPage(target) for target in targets]

    def push(self, target: Target, sought: str = "") -> None:
        """Opens a page on top of the one that is shown."""
        if self.target != target:
            self._pages.append(OpenPage(target, sought))

    def turn(self, target: Target) -> None:
        """Makes the page that is shown one about `target`: the same page in another view."""
        if self._pages:
            self._pages[-1] = OpenPage(target, self._pages[-1].sought)

    def pop(self) -> bool:
        """Closes the page that is shown, unless it is the last one; true if it was closed."""
        if len(self._pages) < 2:
            return False
        self._pages.pop()
        return True
