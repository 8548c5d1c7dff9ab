"""An adapter is what its name says, for the base that it was trained on, or it is not served."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.models.files.adapter import FILES, MANIFEST, adapter_folder, identity, manifest
from engine.models.protocol import PermanentError
from engine.weights.adapters import keep

BASE = "hf:" + "1" * 64


def made(place: Path, content: str = "numbers") -> Path:
    place.mkdir()
    for name in FILES:
        (place / name).write_text(f"{name} {content}")
    return place


def kept(adapters: Path, source: Path, run: str = "r1") -> str:
    return keep(adapters, source, base=BASE, architecture="llama", lineage={"run": run})


def test_equal_adapters_have_one_name_wherever_they_come_from(tmp_path: Path) -> None:
    name = kept(tmp_path / "adapters", made(tmp_path / "one"))
    assert kept(tmp_path / "adapters", made(tmp_path / "two"), run="r2") == name
    assert kept(tmp_path / "adapters", made(tmp_path / "three", "others")) != name
    folder = adapter_folder(tmp_path / "adapters", name, BASE)
    assert identity(folder) == name
    assert manifest(folder).lineage == {"run": "r1"}  # the first stays
    assert {path.name for path in (tmp_path / "adapters").iterdir()} >= {name}


@pytest.mark.parametrize("name", [*FILES, MANIFEST])
@pytest.mark.parametrize("hurt", ["changed", "gone"])
def test_a_damaged_adapter_is_not_served(tmp_path: Path, name: str, hurt: str) -> None:
    adapter = kept(tmp_path / "adapters", made(tmp_path / "one"))
    path = tmp_path / "adapters" / adapter / name
    path.write_text("{}") if hurt == "changed" else path.unlink()
    with pytest.raises(PermanentError, match="damaged"):
        adapter_folder(tmp_path / "adapters", adapter, BASE)


def test_an_adapter_of_another_base_is_not_served(tmp_path: Path) -> None:
    adapter = kept(tmp_path / "adapters", made(tmp_path / "one"))
    with pytest.raises(PermanentError, match="another base"):
        adapter_folder(tmp_path / "adapters", adapter, "hf:" + "2" * 64)
    assert adapter_folder(tmp_path / "adapters", adapter, "gguf:" + "2" * 64)  # the same base, rewritten
    with pytest.raises(PermanentError, match="no adapter"):
        adapter_folder(tmp_path / "adapters", "a" * 64, BASE)
