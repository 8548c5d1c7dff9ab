"""The tools with which a model works on the files of its desk: `list_files`, `read_file`, `search_files`, `run_python`.

The first two read the files as they are; the others run in the sandbox, where the files are read-only. Their results
are bounded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import msgspec
from msgspec import Meta

from engine.agents.language.toolbox import AgentTool, Arguments, failing, page
from engine.agents.protocol import AgentTools, InvalidCall, ToolResult, Tree
from engine.models.protocol import Tool, ToolCall

Under = Annotated[str, Meta(description="Only below this folder, as train/g2; empty for all.")]
Offset = Annotated[int, Meta(description="Where to read on, as the last page says.", ge=0)]


class _List(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    under: Under = ""
    offset: Offset = 0


class _Read(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    path: str
    offset: Offset = 0


class _Search(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pattern: Annotated[str, Meta(description="A regular expression of Python, for each line.", max_length=1000)]
    under: Under = ""


class _Python(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    code: Annotated[str, Meta(description="Its output is what you see, and the value of a last expression.")]


_SEARCH = Arguments("search_files", "The lines of files that match a regular expression.", _Search)
_PYTHON = Arguments(
    "run_python",
    "Run Python over the files, which lie in the current folder and cannot be changed; each call starts anew.",
    _Python,
)
_FINDER = """
import os, re
pattern = re.compile({pattern!r})
found = files = 0
for folder, folders, names in os.walk({under!r} or "."):
    folders.sort()
    for name in sorted(names):
        path = os.path.relpath(os.path.join(folder, name))
        hits = 0
        with open(path, encoding="utf-8", errors="replace") as lines:
            for number, line in enumerate(lines, 1):
                if match := pattern.search(line):
                    hits += 1
                    if found + hits <= {most}:
                        start = max(0, match.start() - 100)
                        print(f"{{path}}:{{number}}: {{line[start:start + 300].strip()}}")
        found += hits
        files += bool(hits)
print(f"{{found}} lines of {{files}} files match" + (", of which the first {most} are shown" if found > {most} else ""))
"""
_MOST_HITS = 60


def of_tree(tree: Tree, size: int, *, sandbox: bool) -> list[AgentTool]:
    """The tools; those that run code are there where there is a sandbox. Results have at most `size` characters."""

    def listed(args: _List) -> str:
        paths = [path for path in tree if not args.under or path.startswith(args.under.strip("/") + "/")]
        if not paths:
            raise InvalidCall(f"there are no files below {args.under!r}; there are {', '.join(_folders(tree))}")
        return page("\n".join(paths), args.offset, size)

    def read(args: _Read) -> str:
        if (made := tree.get(args.path)) is None:
            raise InvalidCall(f"there is no file {args.path!r}; list_files has the paths")
        return page(made().decode("utf-8", "replace"), args.offset, size)

    reading: list[AgentTool] = [
        Arguments("list_files", "The paths of the files that you may read.", _List).as_tool(listed),
        Arguments("read_file", "A file, page by page.", _Read).as_tool(read),
    ]
    if not sandbox:
        return reading
    return [
        *reading,
        _CodeTool(_SEARCH.tool, tree, lambda call: _finder(_SEARCH.parse(call))),
        _CodeTool(_PYTHON.tool, tree, lambda call: _PYTHON.parse(call).code),
    ]


class _CodeTool:
    """As `AgentTool`: runs the code that it makes of a call."""

    def __init__(self, tool: Tool, tree: Tree, code: Callable[[ToolCall], str]) -> None:
        self.tool, self._tree, self._code = tool, tree, code

    async def answer(self, tools: AgentTools, ordinal: int, call: ToolCall) -> ToolResult:
        """As `AgentTool.answer`."""
        try:
            code = self._code(call)
        except InvalidCall as error:
            return await tools.use(ordinal, call, failing(str(error)))
        return await tools.use(ordinal, call, lambda: tools.run_python(self._tree, code))


def _finder(args: _Search) -> str:
    return _FINDER.format(pattern=args.pattern, under=args.under.strip("/"), most=_MOST_HITS)


def _folders(tree: Tree) -> list[str]:
    return sorted({path.rpartition("/")[0] for path in tree if "/" in path})[:50]
