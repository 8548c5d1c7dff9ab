"""docs/writing-a-domain.md: the example on the page is complete, runs, and improves."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from domains.contract import Limits, Spec
from harness_repo.harness import Manifest
from harness_repo.tunable import Tunable
from tests.docs.commandline import DOCS, sia

PAGE = DOCS / "writing-a-domain.md"
_FILE = re.compile(r"^\*\*`(tickets/[^`]+)`\*\*\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def write_example(folder: Path) -> set[str]:
    """Writes the files of the page below `folder`."""
    found = _FILE.findall(PAGE.read_text())
    for name, content in found:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return {name for name, _ in found}


@pytest.mark.slow
def test_the_example_runs_and_improves(tmp_path: Path) -> None:
    assert {"tickets/domain.toml", "tickets/domain.py", "tickets/harness/agent.py"} <= write_example(tmp_path)
    done = sia(tmp_path, "run", "tickets", "--generations", "2", "--probes", "4", "--json")
    assert done.status == 0, done.errors
    first, second = json.loads(done.output)["generations"]
    assert second["accepted"] and second["val"]["score"] > first["val"]["score"] + 0.2
    assert first["failures"] == second["failures"] == {}
    tested = sia(tmp_path, "test", "last", "--json")
    assert tested.status == 0, tested.errors
    report = json.loads(tested.output)
    assert [subset["name"] for subset in report["subsets"]] == ["login tickets"]
    assert [row["name"] for row in report["baselines"]] == ["always billing"]


def test_every_field_is_on_the_page() -> None:
    page = PAGE.read_text()
    fields = [*Spec.__struct_fields__, *Limits.__struct_fields__, *Tunable.__struct_fields__]
    fields += Manifest.__struct_fields__
    assert [name for name in fields if name != "limits" and f"`{name}`" not in page] == [
        "tunables"
    ]  # stands there as a table of TOML


def test_the_defaults_of_the_limits_are_on_the_page(tmp_path: Path) -> None:
    write_example(tmp_path)
    given = set(tomllib.loads((tmp_path / "tickets" / "domain.toml").read_text())["limits"])
    assert given <= set(Limits.__struct_fields__)
    rows = dict(re.findall(r"^\| (`[^|]*`) \| [^|]* \| ([\d, ]+) \|$", PAGE.read_text(), re.MULTILINE))
    shown = {
        name: float(value)
        for names, values in rows.items()
        for name, value in zip(re.findall(r"`(\w+)`", names), values.split(", "), strict=True)
    }
    promised = {name: float(value) for name, value in shown.items() if name in Limits.__struct_fields__}
    assert promised == {name: float(getattr(Limits(), name)) for name in Limits.__struct_fields__}
