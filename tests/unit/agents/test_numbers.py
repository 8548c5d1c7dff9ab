"""The numbers of a program that declares none, as tunables near what they are."""

from __future__ import annotations

import pytest

from engine.agents import numbers
from harness_repo.harness import Harness, parse

ENTRY = b"def solve(instance, ctx):\n    return 3 * instance\n"
MARKED = b"""SEED, OUTSIDE = 7, 2.5
# EVOLVE-BLOCK-START
STEP = 0.5
COUNT = 40
EXACT = True
NONE = 0


def answer():
    return STEP < 2 and COUNT * 3
# EVOLVE-BLOCK-END
"""


def program(more: bytes = b"", **files: bytes) -> Harness:
    named = {name.replace("_", "."): content for name, content in files.items()}
    return parse({"harness.toml": b'name = "p"\n' + more, "agent.py": ENTRY, **named})


def test_what_a_marked_program_names_at_its_top_varies_within_the_reach() -> None:
    found = numbers.searched(program(program_py=MARKED, params_toml=b""), 1.5)
    assert found is not None
    assert set(found.manifest.tunables) == {"STEP", "COUNT", "EXACT", "NONE"}
    assert (found.manifest.tunables["STEP"].low, found.manifest.tunables["STEP"].high) == (0.5 / 1.5, 0.75)
    assert (found.manifest.tunables["COUNT"].low, found.manifest.tunables["COUNT"].high) == (26, 60)
    assert found.manifest.tunables["NONE"].admits(1)


def test_else_the_numbers_of_the_entry_vary() -> None:
    found = numbers.searched(program(), 1.1)
    assert found is not None
    assert [(one.low, one.high) for one in found.manifest.tunables.values()] == [(2, 4)]


def test_the_program_that_is_searched_has_other_numbers_and_nothing_else() -> None:
    before = program(b'packages = ["numpy"]\n', program_py=MARKED, params_toml=b"")
    found = numbers.searched(before, 1.5)
    assert found is not None
    after = numbers.restored(before, found.with_params({"STEP": 0.6, "COUNT": 50}))
    changed = MARKED.replace(b"0.5", b"0.6").replace(b"40", b"50")
    assert after.files == {**before.files, "program.py": changed}
    assert found.manifest.packages == ["numpy"]


@pytest.mark.parametrize(
    "harness",
    [
        program(b'[tunables.a]\ntype = "int"\nlow = 1\nhigh = 3\n', params_toml=b"a = 2\n"),
        program(program_py=MARKED, params_toml=b"a = 2\n"),
        parse({"harness.toml": b'name = "p"\n', "agent.py": b"def solve(instance, ctx):\n    return instance\n"}),
        parse({"harness.toml": b'name = "p"\ncommand = ["sh", "a.sh"]\n', "a.sh": b"echo 3\n"}),
    ],
)
def test_there_are_none_where_values_are_declared_or_a_program_has_no_number(harness: Harness) -> None:
    assert numbers.searched(harness, 1.5) is None
