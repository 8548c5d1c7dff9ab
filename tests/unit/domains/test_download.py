"""A file over HTTP: whole under its name or absent; a partial download continues only with the same version."""

from __future__ import annotations

import urllib.error
from pathlib import Path

import pytest

from domains.download import download
from tests.fakes.file_server import FileServer, Served
from tests.fakes.package_index import BreaksOff, Trouble
from tests.fakes.serving import Asked

CONTENT = bytes(range(256)) * 2000


def silent(_: str) -> None:
    pass


def there(target: Path) -> list[str]:
    return sorted(path.name for path in target.parent.iterdir())


def test_a_file_comes_under_its_name_and_nothing_stays_beside_it(tmp_path: Path) -> None:
    said: list[str] = []
    with FileServer(CONTENT) as server:
        download(server.url, tmp_path / "f", said.append)
    assert (tmp_path / "f").read_bytes() == CONTENT
    assert there(tmp_path / "f") == ["f"]
    assert said == ["downloading 1 MB"]


def test_what_breaks_off_is_not_there_and_is_gone_on_with(tmp_path: Path) -> None:
    with FileServer(CONTENT, BreaksOff(2)) as server:
        for _ in range(2):
            with pytest.raises(ConnectionError, match=f"of {len(CONTENT)} bytes"):
                download(server.url, tmp_path / "f", silent)
            assert not (tmp_path / "f").exists()
        download(server.url, tmp_path / "f", silent)
        assert server.ranges == ["", f"bytes={len(CONTENT) // 2}-", f"bytes={len(CONTENT) * 3 // 4}-"]
    assert (tmp_path / "f").read_bytes() == CONTENT


@pytest.mark.parametrize("after", [Served(CONTENT[::-1], '"2"'), Served(CONTENT[::-1], ""), Served(b"short", '"2"')])
def test_another_version_is_begun_anew(tmp_path: Path, after: Served) -> None:
    with FileServer(CONTENT, BreaksOff()) as server:
        with pytest.raises(ConnectionError):
            download(server.url, tmp_path / "f", silent)
        server.file = after
        download(server.url, tmp_path / "f", silent)
    assert (tmp_path / "f").read_bytes() == after.content


@pytest.mark.parametrize("tag", ["", 'W/"1"'])
def test_what_has_no_version_is_begun_anew(tmp_path: Path, tag: str) -> None:
    with FileServer(CONTENT, BreaksOff()) as server:
        server.file = Served(CONTENT, tag)
        with pytest.raises(ConnectionError):
            download(server.url, tmp_path / "f", silent)
        download(server.url, tmp_path / "f", silent)
        assert server.ranges == ["", ""]
    assert (tmp_path / "f").read_bytes() == CONTENT


def test_a_date_names_a_version_too(tmp_path: Path) -> None:
    with FileServer(CONTENT, BreaksOff()) as server:
        date = "Sat, 01 Aug 2026 10:00:00 GMT"
        server.file = Served(CONTENT, "", {"last-modified": date})
        with pytest.raises(ConnectionError):
            download(server.url, tmp_path / "f", silent)
        assert (tmp_path / "f.version").read_text() == date


def test_a_process_that_was_killed_at_the_end_left_nothing_to_be_asked_for(tmp_path: Path) -> None:
    (tmp_path / "f.part").write_bytes(CONTENT)
    (tmp_path / "f.version").write_text('"1"')
    with FileServer(CONTENT) as server:
        download(server.url, tmp_path / "f", silent)
        assert [record.status for record in server.wait_for(1)] == [416]
    assert (tmp_path / "f").read_bytes() == CONTENT


def test_a_part_that_is_longer_than_the_file_is_not_taken_for_it(tmp_path: Path) -> None:
    (tmp_path / "f.part").write_bytes(CONTENT + b"more")
    (tmp_path / "f.version").write_text('"1"')
    with FileServer(CONTENT) as server:
        with pytest.raises(ConnectionError):
            download(server.url, tmp_path / "f", silent)
        download(server.url, tmp_path / "f", silent)
    assert (tmp_path / "f").read_bytes() == CONTENT


def test_a_part_without_a_version_is_thrown_away(tmp_path: Path) -> None:
    (tmp_path / "f.part").write_bytes(b"of who knows what")
    with FileServer(CONTENT) as server:
        download(server.url, tmp_path / "f", silent)
    assert (tmp_path / "f").read_bytes() == CONTENT


@pytest.mark.parametrize("status", [204, 202])
def test_an_answer_without_the_file_is_none(tmp_path: Path, status: int) -> None:
    def no_content(_: Asked) -> Trouble:
        return Trouble(status)

    with FileServer(CONTENT, no_content) as server, pytest.raises(ConnectionError, match=str(status)):
        download(server.url, tmp_path / "f", silent)
    assert there(tmp_path / "f") == []


def test_what_does_not_exist_is_said_by_the_server(tmp_path: Path) -> None:
    with FileServer(CONTENT, lambda _: Trouble(404)) as server, pytest.raises(urllib.error.HTTPError, match="404"):
        download(server.url, tmp_path / "f", silent)
