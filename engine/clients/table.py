"""The clients by name. The versions are those with which the tests have driven the real program."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from engine.clients.acp import LOGGED_OUT
from engine.clients.client import Client, Start
from engine.clients.lines import claude_code, codex, text
from engine.errors import SiaError
from engine.trust import COMMANDS

COMMAND, ACP = COMMANDS
_PLACES = (".", ".config/", ".local/share/", ".local/state/", ".cache/")
"""Where a program keeps its own configuration, by its name."""


def _below(folder: str, names: str) -> list[str]:
    return [f"{folder}/{name}" for name in names.split()]


def _claude_code(start: Start) -> list[str]:
    words = [start.program, "-p", "--output-format", "stream-json", "--verbose"]
    words += ["--permission-mode", "acceptEdits", "--allowedTools", "Bash,Edit,Write,Read,Glob,Grep,NotebookEdit"]
    words += ["--no-session-persistence"]
    words += ["--model", start.model] if start.model else []
    return [*words, *(["--max-budget-usd", f"{start.usd:.4f}"] if start.usd is not None else [])]


def _opencode(start: Start) -> list[str]:
    return [start.program, "acp"]


def _gemini(start: Start) -> list[str]:
    return [start.program, "--acp", "--skip-trust", "--approval-mode", "yolo"]


def _codex(start: Start) -> list[str]:
    # its own sandbox cannot be made inside ours
    words = [start.program, "exec", "--json", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox"]
    return [*words, *(["-m", start.model] if start.model else []), "-"]


CLIENTS = {
    "claude-code": Client(
        name="claude-code",
        title="Claude Code",
        program="claude",
        words=_claude_code,
        read=claude_code.read,
        cost="money",
        version=("--version",),
        tried=("2.1.197",),
        own=(".claude", ".claude.json"),
        home="CLAUDE_CONFIG_DIR",
        obeyed=_below(".claude", "settings.json settings.local.json CLAUDE.md commands agents skills plugins hooks"),
        variables=("ANTHROPIC_", "CLAUDE_", "AWS_", "GOOGLE_", "CLOUD_ML_", "VERTEX_", "DISABLE_"),
        settings={"DISABLE_AUTOUPDATER": "1"},
        login="start `claude` once and log in, or set ANTHROPIC_API_KEY",
        logged_out=("Please run /login", "Invalid API key", "Not logged in", "authentication_error"),
        install="npm install -g @anthropic-ai/claude-code",
    ),
    "codex": Client(
        name="codex",
        title="Codex",
        program="codex",
        words=_codex,
        read=codex.read,
        cost="tokens",
        version=("--version",),
        tried=("0.171.0",),
        own=(".codex",),
        home="CODEX_HOME",
        obeyed=_below(".codex", "config.toml AGENTS.md prompts rules hooks.json"),
        variables=("OPENAI_", "CODEX_", "AZURE_"),
        login="run `codex login`, or set OPENAI_API_KEY",
        logged_out=("401 Unauthorized", "Not logged in", "codex login", "Missing environment variable"),
        install="npm install -g @openai/codex",
    ),
    "opencode": Client(
        name="opencode",
        title="opencode",
        program="opencode",
        words=_opencode,
        read=text.read,
        cost="tokens",
        version=("--version",),
        tried=("1.18.33",),
        own=(".config/opencode", ".local/share/opencode", ".local/state/opencode", ".cache/opencode", ".opencode"),
        obeyed=_below(".config/opencode", "opencode.json opencode.jsonc AGENTS.md plugins plugin commands agents"),
        variables=("OPENCODE_", "ANTHROPIC_", "OPENAI_", "AWS_", "GOOGLE_", "AZURE_"),
        settings={"OPENCODE_DISABLE_AUTOUPDATE": "1"},
        login="run `opencode auth login`, or set the key of your provider",
        logged_out=(LOGGED_OUT, "API key is missing", "Unauthorized"),
        install="npm install -g opencode-ai",
        speaks_acp=True,
    ),
    "gemini": Client(
        name="gemini",
        title="Gemini CLI",
        program="gemini",
        words=_gemini,
        read=text.read,
        cost="tokens",
        version=("--version",),
        tried=("0.61.0",),
        own=(".gemini",),
        obeyed=_below(".gemini", "settings.json GEMINI.md commands extensions policies"),
        variables=("GEMINI_", "GOOGLE_"),
        login="start `gemini` once and log in, or set GEMINI_API_KEY",
        logged_out=(LOGGED_OUT, "API key not valid", "UNAUTHENTICATED"),
        install="npm install -g @google/gemini-cli",
        speaks_acp=True,
    ),
}


def client_of(agent: str) -> Client | None:
    """The client that `--agent` names, None where it names none; raises `SiaError` for a command without words."""
    for kind in (COMMAND, ACP):
        if agent.startswith(kind):
            return _program(agent, kind)
    return CLIENTS.get(agent)


def _program(agent: str, kind: str) -> Client:
    """A program of the user's, which is started with the words that they give."""
    program, *rest = _words(agent, kind)
    speaks_acp, name = kind == ACP, Path(program).name
    kin = [one for one in CLIENTS.values() if one.program in name]  # an adapter of a client works with its login
    return Client(
        name=agent,
        title=f"the program {program}",
        program=program,
        words=lambda start: [start.program, *rest],
        read=text.read,
        cost="nothing",
        files=_files(rest),
        own=(*(f"{place}{name}" for place in _PLACES), *(path for one in kin for path in one.own)),
        home=next((one.home for one in kin), ""),
        obeyed=[path for one in kin for path in one.obeyed],
        variables=(f"{name.upper().replace('-', '_')}_", *(word for one in kin for word in one.variables)),
        login="log in as its own documentation says",
        logged_out=(LOGGED_OUT,) if speaks_acp else (),
        speaks_acp=speaks_acp,
        takes_model=speaks_acp,
    )


def settled(agent: str) -> str:
    """`agent` with the files that its command names by their whole paths, for a run that goes on elsewhere."""
    for kind in (COMMAND, ACP):
        if agent.startswith(kind):
            program, *rest = _words(agent, kind)
            program = str(Path(program).absolute()) if "/" in program else program
            return kind + shlex.join(
                [program, *(str(Path(one).absolute()) if Path(one).exists() else one for one in rest)]
            )
    return agent


def _files(words: Sequence[str]) -> list[str]:
    return [word for word in words if Path(word).is_absolute() and Path(word).exists()]


def _words(agent: str, kind: str) -> list[str]:
    try:
        words = shlex.split(agent.removeprefix(kind))
    except ValueError as error:
        raise SiaError(f"the words of {agent!r} do not end ({error})", "close the quotes") from None
    if not words:
        raise SiaError(f"{kind} names no program", f"write it after the colon, as in --agent '{kind}python agent.py'")
    return words
