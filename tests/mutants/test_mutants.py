"""Each deliberate weakening of what the two promises rest on is noticed by the test that is named beside it.

A test that passes on its mutant is a hole in the tests: write the one that is missing.
"""

from __future__ import annotations

import ast
import functools
import os
from itertools import groupby

import pytest

from tests.mutants import channel, gate, ledger, log, walls
from tests.mutants.mutant import Edit, Mutant
from tests.mutants.tree import ROOT, Tree

MUTANTS: list[Mutant] = [*gate.MUTANTS, *log.MUTANTS, *ledger.MUTANTS, *channel.MUTANTS, *walls.MUTANTS]
TESTS = sorted({test for mutant in MUTANTS for test in mutant.killed_by})
BY_FILE = {file: list(found) for file, found in groupby(TESTS, lambda test: test.partition("::")[0])}


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    return Tree(tmp_path_factory.mktemp("mutants"))


@functools.cache
def parsed(file: str) -> ast.Module:
    return ast.parse((ROOT / file).read_text())


def test_there_are_as_many_as_were_asked_for_and_each_has_a_name_of_its_own() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 20
    assert sum(mutant.quick for mutant in MUTANTS) == 2


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_has_its_place_in_the_code_and_its_test(mutant: Mutant) -> None:
    for file, text in mutant.contents(ROOT).items():
        assert ast.dump(ast.parse(text)) != ast.dump(parsed(file))
    assert mutant.killed_by
    for test in mutant.killed_by:
        file, _, name = test.partition("::")
        assert name.partition("[")[0] in {one.name for one in parsed(file).body if isinstance(one, ast.FunctionDef)}


@pytest.mark.parametrize("text", ["", "x = 1\nx = 1\n"])
def test_a_mutant_that_has_not_one_place_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="change the mutant with it"):
        Edit("a.py", "x = 1", "x = 2").applied(text)


@pytest.mark.mutants
@pytest.mark.parametrize("file", BY_FILE)
def test_without_a_mutant_its_test_passes(tree: Tree, file: str) -> None:
    ends = tree.ends(BY_FILE[file])
    assert set(ends.values()) <= {"passed", "Skipped"}, ends
    assert ends.keys() == set(BY_FILE[file])


@pytest.mark.parametrize(
    "mutant",
    [pytest.param(mutant, id=mutant.name, marks=[] if mutant.quick else pytest.mark.mutants) for mutant in MUTANTS],
)
def test_a_mutant_is_killed_by_its_test(tree: Tree, mutant: Mutant) -> None:
    if mutant.of_root and os.geteuid() != 0:
        pytest.skip("it changes nothing for an ordinary user")
    with tree.mutated(mutant):
        ends = tree.ends(mutant.killed_by, mutant.modules)
    if "Skipped" in ends.values() and "Skipped" in tree.ends(mutant.killed_by).values():
        pytest.skip("its test is skipped on this machine")
    assert ends == dict.fromkeys(mutant.killed_by, mutant.raises), mutant.why
