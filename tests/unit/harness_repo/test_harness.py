"""What is a harness and what is not: every rule with a case that breaks it."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness_repo import harness as h
from harness_repo.harness import Harness, HarnessInvalid, dump_params, parse, read_folder

AGENT = b"def solve(instance, ctx):\n    return 0\n"
TOML = b"""
name = "toy"
[tunables.method]
type = "choice"
choices = ["a", "b", 1, true]
structural = true
[tunables.depth]
type = "int"
low = 1
high = 9
when = { method = ["b"] }
[tunables.rate]
type = "float"
low = 0.1
high = 10
log = true
"""
PARAMS = b'method = "a"\ndepth = 3\nrate = 1.5\nnote = "free"\n'
FILES = {"harness.toml": TOML, "params.toml": PARAMS, "agent.py": AGENT}


def tunable(text: str, value: str = "1") -> dict[str, bytes]:
    return {"harness.toml": f'name = "x"\n[tunables.k]\n{text}'.encode(), "params.toml": f"k = {value}".encode()}


def test_a_harness_is_read() -> None:
    harness = parse({**FILES, "prompts/a.md": b"hello"})
    assert harness.manifest.name == "toy"
    assert harness.params == {"method": "a", "depth": 3, "rate": 1.5, "note": "free"}
    assert list(harness.files) == sorted(harness.files)


BROKEN: dict[str, tuple[dict[str, bytes], str]] = {
    "too large": ({"x": b"0" * h.MAX_BYTES}, "larger than 1 MB"),
    "too many": ({f"{i:0200}": b"" for i in range(6000)}, "larger than 1 MB"),
    "manifest unknown key": ({"harness.toml": b'name = "x"\ncolour = 1'}, "colour"),
    "manifest no name": ({"harness.toml": b""}, "name"),
    "manifest no toml": ({"harness.toml": b"name ="}, "harness.toml"),
    "manifest no text": ({"harness.toml": b"\xff"}, "harness.toml"),
    "manifest too deep": ({"harness.toml": b"x = " + b"[" * 20_000}, "harness.toml"),
    "tunable unknown key": (tunable('type = "int"\nlow = 0\nhigh = 2\nstep = 1'), "step"),
    "tunable unknown type": (tunable('type = "colour"'), "colour"),
    "no choices": (tunable('type = "choice"'), "lists no choices"),
    "empty range": (tunable('type = "int"\nlow = 2\nhigh = 2'), "low < high"),
    "nan bound": (tunable('type = "float"\nlow = nan\nhigh = 2'), "finite"),
    "infinite bound": (tunable('type = "float"\nlow = 0\nhigh = inf'), "finite"),
    "broken bound": (tunable('type = "int"\nlow = 0.5\nhigh = 2'), "whole bounds"),
    "log of nothing": (tunable('type = "float"\nlow = 0\nhigh = 2\nlog = true'), "low > 0"),
    "depends on nothing": (tunable('type = "int"\nlow = 0\nhigh = 2\nwhen = { z = [1] }'), "'z'"),
    "depends on itself": (tunable('type = "int"\nlow = 0\nhigh = 2\nwhen = { k = [1] }'), "not another"),
    "no value": (tunable('type = "int"\nlow = 0\nhigh = 2') | {"params.toml": b""}, "no value"),
    "outside": (tunable('type = "int"\nlow = 0\nhigh = 2', "3"), "outside"),
    "float for int": (tunable('type = "int"\nlow = 0\nhigh = 2', "1.0"), "outside"),
    "true for int": (tunable('type = "int"\nlow = 0\nhigh = 2', "true"), "outside"),
    "true for 1": (tunable('type = "choice"\nchoices = [1]', "true"), "outside"),
    "nan value": ({"params.toml": PARAMS + b"x = nan"}, "finite"),
    "infinite value": ({"params.toml": PARAMS + b"x = -inf"}, "finite"),
    "giant value": ({"params.toml": PARAMS + b"x = 9223372036854775808"}, "64 bits"),
    "table value": ({"params.toml": PARAMS + b"[x]\ny = 1"}, "params.toml"),
    "date value": ({"params.toml": PARAMS + b"x = 2020-01-01"}, "params.toml"),
    "no entry": ({"harness.toml": TOML.replace(b'"toy"', b'"toy"\nentry = "main.py"')}, "'main.py'"),
    "no program": ({"harness.toml": TOML.replace(b'"toy"', b'"toy"\ncommand = ["python", "mine.py"]')}, "'mine.py'"),
    "an empty word": ({"harness.toml": TOML.replace(b'"toy"', b'"toy"\ncommand = ["sh", ""]')}, "word of the command"),
    "another answer": ({"harness.toml": TOML.replace(b'"toy"', b'"toy"\nanswer = "xml"')}, "harness.toml"),
    "no solve": ({"agent.py": b"def prepare(ctx): ..."}, "no function solve"),
    "solve inside": ({"agent.py": b"class A:\n    def solve(self): ..."}, "no function solve"),
    "syntax": ({"agent.py": b"def solve(:"}, "agent.py does not parse"),
    "syntax elsewhere": ({"other.py": b"x ="}, "other.py does not parse"),
    "zero byte": ({"agent.py": AGENT + b"\0"}, "does not parse"),
    "nested too deeply": ({"agent.py": AGENT + b"x = " + b"-" * 100_000 + b"1"}, "does not parse"),
    "file and folder": ({"a": b"", "a/b": b""}, "both a file and a folder"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_each_rule_refuses_what_breaks_it(name: str) -> None:
    changed, says = BROKEN[name]
    with pytest.raises(HarnessInvalid, match=says):
        parse({**FILES, **changed})


@pytest.mark.parametrize("command", [["python", "mine.py"], ["python3", "-m", "mine"], ["node", "mine.js"], ["./mine"]])
def test_a_harness_with_a_command_needs_no_module_with_solve(command: list[str]) -> None:
    harness = parse({"harness.toml": f'name = "mine"\ncommand = {command}\n'.encode(), "mine.py": b"print(1)"})
    assert (harness.manifest.command, harness.manifest.answer) == (command, "text")


@pytest.mark.parametrize("missing", ["harness.toml", "agent.py", "params.toml"])
def test_what_every_harness_has_may_not_be_missing(missing: str) -> None:
    with pytest.raises(HarnessInvalid, match=missing):
        parse({path: content for path, content in FILES.items() if path != missing})


@pytest.mark.parametrize(
    "path",
    ["", ".", "/etc/passwd", "../x", "a/../x", "./x", "a//b", "a/", "a/.", ".git/config", "a/.GIT/x", "git~1/x",
     ".gitmodules", "a\nb", "a\0b", "\x1b[31m", "x" * 256, "/".join(["x" * 200] * 6), "\ud800"],
)  # fmt: skip
def test_hostile_paths_are_refused(path: str) -> None:
    with pytest.raises(HarnessInvalid, match="not a plain relative path"):
        parse({**FILES, path: b""})


def test_the_largest_harness_is_accepted() -> None:
    room = h.MAX_BYTES - sum(len(path) + len(content) for path, content in FILES.items()) - 1
    assert parse({**FILES, "x": b"0" * room})
    with pytest.raises(HarnessInvalid):
        parse({**FILES, "x": b"0" * (room + 1)})


def test_with_params_changes_the_values_and_nothing_else() -> None:
    before = parse(FILES)
    after = before.with_params({"method": 1, "depth": 9})
    assert after.params == before.params | {"method": 1, "depth": 9}
    assert {path for path in after.files if after.files[path] != before.files[path]} == {"params.toml"}
    assert before.params["depth"] == 3
    with pytest.raises(HarnessInvalid, match="depth = 10 is outside"):
        before.with_params({"depth": 10})


def test_equal_parameters_are_equal_bytes() -> None:
    assert dump_params({"b": 1, "a": True}) == dump_params({"a": True, "b": 1}) == b"a = true\nb = 1\n"


@pytest.mark.parametrize(("method", "active"), [("a", ["method", "rate"]), ("b", ["method", "depth", "rate"])])
def test_a_conditional_tunable_counts_under_its_condition_only(method: str, active: list[str]) -> None:
    assert list(parse(FILES).active({"method": method})) == active


def written(folder: Path, files: dict[str, bytes]) -> Path:
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


def read(folder: Path, **extra: bytes) -> Harness:
    return read_folder(written(folder, {**FILES, **extra}))


def test_a_folder_is_read_without_byte_code_and_hidden_files(tmp_path: Path) -> None:
    extra = {"prompts/a.md": b"a", ".env": b"key", "__pycache__/agent.pyc": b"", ".git/HEAD": b"", "p/.cache/x": b""}
    assert set(read(tmp_path, **extra).files) == {*FILES, "prompts/a.md"}


def test_a_symbolic_link_is_refused(tmp_path: Path) -> None:
    written(tmp_path, FILES)
    (tmp_path / "secrets").symlink_to("/etc/passwd")
    with pytest.raises(HarnessInvalid, match="symbolic link"):
        read_folder(tmp_path)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HarnessInvalid, match="not a folder"):
        read_folder(tmp_path / "none")
