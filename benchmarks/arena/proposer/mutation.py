"""Mutations of a program: its numbers, mostly a little; choices among alternatives that it declares; a broken one.

A choice is declared by a comment on the line that makes it: `KIND = "mean"  # one of: mean, median`. Numbers that are
assigned at the top of the program are changed most often, those in its functions seldom, and comments never.
"""

from __future__ import annotations

import ast
import io
import math
import random
import re
import tokenize
from typing import NamedTuple

BROKEN = 0.04
"""The share of proposals that are no program."""
_FAR, _CHOICE, _INSIDE = 0.15, 0.3, 0.1
_DECLARED = re.compile(
    r"""^(?P<head>\w+ *= *)(?P<quote>["'])(?P<now>[^"']*)(?P=quote)(?P<tail> *# *one of: *(?P<all>.+))$"""
)


class _Number(NamedTuple):
    line: int
    begin: int
    end: int
    text: str


def mutated(program: str, chance: random.Random) -> str:
    """`program` with some values changed."""
    if chance.random() < BROKEN:
        return _broken(program, chance)
    lines = program.splitlines(keepends=True)
    choices = [place for place, line in enumerate(lines) if _DECLARED.match(line.rstrip("\n"))]
    top, inside = _numbers(program)
    for _ in range(20):
        made = list(lines)
        if choices and (not (top or inside) or chance.random() < _CHOICE):
            place = chance.choice(choices)
            made[place] = _other(made[place], chance)
        if not choices or chance.random() > _CHOICE:
            some = inside if inside and (not top or chance.random() < _INSIDE) else top
            count = min(len(some), 1 + int(chance.expovariate(0.8)))
            for number in sorted(chance.sample(some, count), reverse=True):
                line = made[number.line]
                made[number.line] = line[: number.begin] + _value(number.text, chance) + line[number.end :]
        if made != lines:
            return "".join(made)
    return program


def commented(program: str, chance: random.Random) -> str:
    """`program` with one more comment at its end."""
    return f"{program.rstrip()}\n# {chance.randrange(10**6)}\n"


def _broken(program: str, chance: random.Random) -> str:
    """A program that does not parse, or fails where it runs."""
    lines = program.splitlines(keepends=True)
    places = [place for place, line in enumerate(lines) if line.strip().startswith("return ")]
    place = chance.choice(places)
    line = lines[place]
    wrong = "return (" if chance.random() < 0.5 else "return undefined_name + "
    return "".join([*lines[:place], line.replace("return ", wrong, 1), *lines[place + 1 :]])


def _other(line: str, chance: random.Random) -> str:
    found = _DECLARED.match(line.rstrip("\n"))
    assert found  # noqa: S101 - only such lines are given
    others = [one for one in map(str.strip, found["all"].split(",")) if one != found["now"]]
    return f"{found['head']}{found['quote']}{chance.choice(others)}{found['quote']}{found['tail']}\n"


def _numbers(program: str) -> tuple[list[_Number], list[_Number]]:
    """The numbers that are assigned at the top, and all others."""
    try:
        tree = ast.parse(program)
        tokens = list(tokenize.generate_tokens(io.StringIO(program).readline))
    except (SyntaxError, tokenize.TokenError):
        return [], []
    assigned = {
        line
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for line in range(node.lineno - 1, node.end_lineno or node.lineno)
    }
    found = [
        _Number(token.start[0] - 1, token.start[1], token.end[1], token.string)
        for token in tokens
        if token.type == tokenize.NUMBER
    ]
    return [one for one in found if one.line in assigned], [one for one in found if one.line not in assigned]


def _value(text: str, chance: random.Random) -> str:
    """Another number, of the same type: mostly near, now and then far."""
    try:
        value = ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return text
    if isinstance(value, int):
        step = max(1, round(abs(value) * (1.0 if chance.random() < _FAR else 0.1) * chance.random() * 1.5))
        return str(max(0, value + chance.choice((-1, 1)) * step))
    if not isinstance(value, float):
        return text
    scale = 0.7 if chance.random() < _FAR else 0.1
    made = chance.gauss(0, scale) if value == 0 else value * math.exp(chance.gauss(0, scale))
    return repr(float(f"{max(0.0, made):.6g}"))
