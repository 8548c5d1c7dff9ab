"""Group commit: what was added is committed, or every later use says that it was not."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from engine.errors import SiaError
from engine.events import types as t
from engine.run.group_commit import GROUP_EVENTS, GroupCommit, Row

ROW: Row = (1, t.RunNoted("row"))


class Disk:
    """Commits, until it is full."""

    def __init__(self, *, full: bool = False) -> None:
        self.full, self.rows = full, 0
        self.tried = asyncio.Event()
        self.durable: list[bool] = []

    def commit(self, rows: Sequence[Row], contents: Sequence[bytes], *, durable: bool) -> None:
        self.durable.append(durable)
        self.tried.set()
        if self.full:
            raise SiaError("the disk is full")
        self.rows += len(rows)


def test_rows_wait_for_each_other_and_for_no_longer_than_a_moment() -> None:
    async def go() -> None:
        disk = Disk()
        group = GroupCommit(disk.commit)
        for _ in range(GROUP_EVENTS + 3):
            group.add(ROW, [])
        assert disk.rows == GROUP_EVENTS
        disk.tried.clear()
        await asyncio.wait_for(disk.tried.wait(), 10)
        assert disk.rows == GROUP_EVENTS + 3

    asyncio.run(go())


@pytest.mark.parametrize("by_timer", [True, False])
def test_a_commit_that_failed_is_told_by_everything_that_follows_until_its_step_has_ended(by_timer: bool) -> None:
    async def go() -> None:
        disk = Disk(full=True)
        group = GroupCommit(disk.commit)
        group.add(ROW, [])
        if by_timer:
            await asyncio.wait_for(disk.tried.wait(), 10)
        for _ in range(2):  # whoever caught it the first time is told again
            with pytest.raises(SiaError, match="full"):
                group.flush()
            with pytest.raises(SiaError, match="full"):
                group.add(ROW, [])
        disk.full = False
        with pytest.raises(SiaError, match="full"):
            group.flush()
        group.forget_failure()
        group.add(ROW, [])
        group.flush()
        assert disk.rows == 1

    asyncio.run(go())


def test_whoever_waits_for_the_disk_waits_for_others_that_are_expected_and_no_longer_than_a_moment() -> None:
    async def go() -> None:
        disk = Disk()
        group = GroupCommit(disk.commit)
        group.add(ROW, [])
        await asyncio.gather(*(group.add_durably(ROW, [], lambda: True) for _ in range(3)))
        assert (disk.rows, disk.durable) == (4, [True])
        await group.add_durably(ROW, [], lambda: False)
        assert (disk.rows, disk.durable) == (5, [True, True])

    asyncio.run(go())


def test_a_commit_that_failed_is_told_to_all_who_wait_for_it() -> None:
    async def go() -> None:
        disk = Disk(full=True)
        group = GroupCommit(disk.commit)
        told = await asyncio.gather(
            *(group.add_durably(ROW, [], lambda: True) for _ in range(3)), return_exceptions=True
        )
        assert [str(one) for one in told] == ["the disk is full"] * 3
        with pytest.raises(SiaError, match="full"):
            await group.add_durably(ROW, [], lambda: False)

    asyncio.run(go())


def test_a_row_is_committed_though_nobody_waits_for_it_any_more() -> None:
    async def go() -> None:
        disk = Disk()
        group = GroupCommit(disk.commit)
        waiter = asyncio.ensure_future(group.add_durably(ROW, [], lambda: True))
        await asyncio.sleep(0)
        waiter.cancel()
        await asyncio.wait([waiter])
        assert waiter.cancelled()
        assert (disk.rows, disk.durable) == (1, [True])

    asyncio.run(go())
