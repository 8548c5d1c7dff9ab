"""Opening pages in the inspector, marking what they compare, and copying from them."""

from __future__ import annotations

from sia_tui.app.model.failures import failure_of, first_failure
from sia_tui.app.navigator.place import Pane
from sia_tui.app.rows.row import Target
from sia_tui.app.rows.text import sanitize
from sia_tui.app.screens.main import MainScreen
from sia_tui.cli.formats import plural

_COPIED_CELLS = 40
"""So much of what was copied is said."""


def open_run_page(main: MainScreen, kind: str) -> None:
    """Opens a page about the selected run."""
    main.show_page(Target(kind))


def open_generation_page(main: MainScreen, kind: str) -> None:
    """Opens a page about the current generation."""
    main.show_page(Target(kind, main.navigator.current_generation or 1))


def turn_table(main: MainScreen, part: str) -> None:
    """Sorts the table of the page by its next column (`sort`), or shows the next part of it (`shown`)."""
    from sia_tui.app.pages.generation.changed import SHOWN, SORTS, View, next_of

    target = main.navigator.pages.target
    if target is None:
        return
    view = View.of(target)
    names = SORTS if part == "sort" else SHOWN
    main.navigator.pages.turn(view._replace(**{part: next_of(names, getattr(view, part))}).on(target))
    main.inspector.fill()
    main.refresh_bars()


def open_diff(main: MainScreen) -> None:
    """Opens the difference to the harness of the marked generation, else of the parent."""
    if (target := main.navigator.difference()) is not None:
        main.show_page(target)


def open_bisect(main: MainScreen) -> None:
    """Opens the bisection of the current instance; first what the current generation did to it."""
    if (instance := main.navigator.current_instance) is not None:
        main.show_page(Target("bisect", instance, main.navigator.current_generation or 0))


def open_failure(main: MainScreen) -> None:
    """Opens the traceback of the failed event under the cursor, else of the first failure of the generation.

    Where no generation is selected, the latest in which something failed is meant.
    """
    cursor, navigator = main.navigator.cursor, main.navigator
    if cursor is None:
        return
    snapshot = cursor.snapshot
    focus = main.panes.cursors.event if navigator.pane == Pane.TIMELINE else None
    event = cursor.events.get(snapshot, focus) if focus else None
    if event is None or failure_of(event) is None:
        n = navigator.current_generation or 0
        numbers = [n] if navigator.generation else range(snapshot.state.generation, -1, -1)
        event = next((found for one in numbers if (found := first_failure(snapshot, one))), None)
    if event is None:
        main.notify("Nothing has failed here", timeout=4)
    else:
        main.show_page(Target("failure", event.n))


def open_comparison(main: MainScreen) -> None:
    """Opens the comparison of the marks, or of the mark and the selection."""
    if (target := main.navigator.comparison()) is not None:
        main.show_page(target)


def toggle_mark(main: MainScreen) -> None:
    """Marks the selection, or removes its mark."""
    main.navigator.toggle_mark()
    main.refresh_lineage()
    main.refresh_bindings()


def copy(main: MainScreen) -> None:
    """Copies what the row under the cursor stands for, else its text."""
    if (current := main.panes.focused.current) is not None:
        from sia_tui.app import clipboard

        text = current.copy or current.text
        main.app.copy_to_clipboard(text)
        main.run_worker(lambda: clipboard.copy(text), thread=True, group="copy", exit_on_error=False)
        first, _, rest = text.strip().partition("\n")
        cut = len(first) > _COPIED_CELLS or rest
        size = f" ({plural(len(text), 'character')})" if cut else ""
        main.notify(f"Copied {sanitize(first[:_COPIED_CELLS])}{'…' if cut else ''}{size}", timeout=3, markup=False)


def show_help(main: MainScreen) -> None:
    """Lists the keys, and why some are not available."""
    from sia_tui.app.screens.help import Help

    main.app.push_screen(Help(main.keymap, main.unavailable))
