"""Moving between places of the main screen: generations by number, and back and forward through where one was."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sia_tui.app.rows.row import Target

if TYPE_CHECKING:
    from sia_tui.app.screens.main import MainScreen


def generation(main: MainScreen, n: int) -> None:
    """To generation `n` of the watched run."""
    watching = main.watching
    if watching is None:
        return
    if watching.find_generation(n) is None:
        main.notify(f"this run has no generation {n}", severity="warning")
        return
    main.leave()
    main.watch_run(watching.source, watching.run, n)
    main.lineage.put_on(Target("knot", f"{watching.run}:{n}", watching.source.label))
    main.refresh_bindings()


def history(main: MainScreen, by: int) -> None:
    """Back to where one was, or forward again."""
    found = main.trail.move(by, main.place)
    if found is None:
        main.notify("there is nothing before this" if by < 0 else "there is nothing after this")
        return
    source = main.sia.sources.get(found.source)
    if source is None:
        return
    main.watch_run(source, found.run, found.generation)
    if main.watching is None:
        return
    main.watching.go_to(found.until)
    for at, target in enumerate(found.pages):
        (main.inspector.push if at else main.inspector.put)(target)
    row = Target("knot", f"{found.run}:{found.generation}", found.source)
    main.lineage.put_on(row if found.generation else Target("run", found.run, found.source))
    main.refresh_run()
    main.look_at(found.pane)
