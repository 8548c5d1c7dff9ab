"""The files of an agent as a folder of this machine, and Python over it in the sandbox.

The folder is made when the first code runs, and removed at the end of the step; one that a killed engine left is
removed by the next that makes one.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from domains.contract import Limits
from engine.agents.protocol import ToolResult, Tree
from engine.evaluation.errors import InfrastructureFailure
from engine.plain import plural
from engine.run.live_run import Ports
from engine.sandbox import Job, NoBroker, Program, open_sandbox, remove, temporary_folder

LIMITS = Limits(
    cpu_s=30, wall_s=60, prepare_cpu_s=10, prepare_wall_s=30, memory_mb=2048, disk_mb=64, processes=32, output_kb=64
)
FIRST_CHARS, LAST_CHARS = 6000, 2000
"""What is told of the beginning and of the end of a long output."""
_INSIDE = Path(__file__).with_name("inside.py")


class DeskFolder:
    """The folder of one step; `close` removes it."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._laid: tuple[Tree, Path] | None = None

    @property
    def has_sandbox(self) -> bool:
        """Whether code can run: without a sandbox it would see more than the files."""
        return self._ports.isolation.mode not in ("unsafe", "none")

    async def run(self, tree: Tree, code: str) -> ToolResult:
        """The output of `code`, run in the sandbox over the files of `tree`; raises `InfrastructureFailure`."""
        ports = self._ports
        program = Program(
            files={"agent.py": _INSIDE.read_bytes()},
            entry="agent.py",
            limits=LIMITS,
            isolation="instance",
            folders={"desk": str(self._lay(tree))},
            private=[str(ports.grader.folder.path), str(ports.folder.absolute())],
        )
        async with (
            open_sandbox(
                program, workers=1, broker=NoBroker(), isolation=ports.isolation, start=ports.start
            ) as session,
            contextlib.aclosing(session.solve([Job("python", "python", code, 0)])) as outcomes,
        ):
            (outcome,) = [one async for one in outcomes]
        failure = outcome.failure
        if failure is not None and failure.kind == "infrastructure":
            raise InfrastructureFailure(failure.message)
        text = _bounded(outcome.log)
        if failure is not None:
            kind = "" if failure.kind == "candidate" else f"{failure.kind}: "
            return ToolResult(f"{text}\n{kind}{failure.message}".lstrip(), failed=True)
        return ToolResult(text or "it printed nothing")

    def close(self) -> None:
        """Removes the folder."""
        if self._laid is not None:
            remove(self._laid[1].parent)
            self._laid = None

    def _lay(self, tree: Tree) -> Path:
        if self._laid is not None and self._laid[0] is tree:
            return self._laid[1]
        self.close()
        folder = temporary_folder("desk") / "files"
        self._laid = tree, folder
        lay(tree, folder)
        return folder


def lay(tree: Tree, folder: Path) -> None:
    """Writes the files into the new `folder`, for everyone who reaches it: the sandbox is another user."""
    made = {folder}
    folder.mkdir()
    folder.chmod(0o755)
    for path, content in tree.items():
        target = folder.joinpath(*(part for part in path.split("/") if part not in ("", ".", "..")))
        for parent in reversed(target.parents):
            if parent.is_relative_to(folder) and parent not in made:
                parent.mkdir()
                parent.chmod(0o755)
                made.add(parent)
        target.write_bytes(content())
        target.chmod(0o644)


def _bounded(text: str) -> str:
    if len(text) <= FIRST_CHARS + LAST_CHARS:
        return text
    left_out = len(text) - FIRST_CHARS - LAST_CHARS
    return f"{text[:FIRST_CHARS]}\n[... {plural(left_out, 'character')} left out ...]\n{text[-LAST_CHARS:]}"
