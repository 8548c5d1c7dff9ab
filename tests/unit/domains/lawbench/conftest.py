"""Cases to test LawBench on: the real ones where the cache holds them, and a few written for the purpose."""

import random

import pytest

from domains.contract import DataMissing, Instance
from domains.lawbench.data import Case, Cases, locate, read
from domains.lawbench.domain import LawBench
from domains.lawbench.split import load_recorded

TELLING = {
    "盗窃": ["被告人潜入居民家中，窃得现金和手机。", "被告人趁人不备扒窃钱包。"],
    "放火": ["被告人用打火机点燃柴草，引发大火。", "被告人纵火烧毁房屋。"],
    "重婚": ["被告人有配偶，又与他人以夫妻名义同居生活。", "被告人隐瞒已婚，与他人登记结婚。"],
    "[生产、销售]假药": ["被告人销售未经批准的药品，均系假药。", "被告人在药店出售冒牌胶囊。"],
    "非法[持有、私藏][枪支、弹药]": ["公安机关从被告人家中查获气枪一支。", "被告人藏有子弹十发，枪支两把。"],
}
FILLER = [
    "公诉机关指控。",
    "被告人对事实无异议。",
    "有证人证言、书证等证据证实。",
    "应当追究刑事责任。",
    "案发后投案。",
]


def written_cases(per_charge: int) -> list[Case]:
    """Cases of five charges, all different, each with one telling sentence among fillers."""
    rng = random.Random(5)
    cases: list[Case] = []
    for charge, sentences in TELLING.items():
        for number in range(per_charge):
            told = [sentences[number // 2 % 2], *rng.sample(FILLER, 3), f"涉案{rng.randrange(10**6)}元。"]
            rng.shuffle(told)
            cases.append(Case(f"case-{len(cases):04d}", "".join(told), charge))
    return cases


@pytest.fixture
def cases() -> list[Case]:
    return written_cases(20)


@pytest.fixture
def instances(cases: list[Case]) -> list[Instance]:
    return [Instance(case.id, case.facts, case.charge) for case in cases]


@pytest.fixture(scope="session")
def published() -> Cases:
    try:
        return read(locate(None))
    except DataMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def lawbench(published: Cases) -> LawBench:
    return LawBench(published, load_recorded())
