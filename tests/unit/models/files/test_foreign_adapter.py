"""An adapter made elsewhere is taken only where its layers and shapes are those of the model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.models.files.foreign_adapter import TENSORS, Unfit, config_for
from tests import tensor_files as files

Q = "base_model.model.model.layers.0.self_attn.q_proj"


def test_what_fits_is_taken_and_its_configuration_names_each_layer(tmp_path: Path) -> None:
    base = files.checkpoint(tmp_path / "base")
    for dtype in ("F32", "BF16"):
        place = files.adapter(
            tmp_path / dtype,
            dtype=dtype,
            base_model_name_or_path="/home/them/model",
            lora_dropout=0.1,
            init_lora_weights=True,
        )
        config = json.loads(config_for(place, base, "hf:1"))
        assert config["target_modules"] == sorted(name.removesuffix(".weight") for name in files.SHAPES)
        assert (config["r"], config["lora_alpha"], config["base_model_name_or_path"]) == (2, 4, "hf:1")
        assert "them" not in str(config)


@pytest.mark.parametrize(
    ("shapes", "config", "why"),
    [
        (None, {"peft_type": "IA3"}, "IA3"),
        (None, {"r": 65}, "rank 1 to 64"),
        (None, {"r": "two"}, "rank 1 to 64"),
        (None, {"bias": "all"}, "biases"),
        (None, {"use_dora": True}, "use_dora"),
        (None, {"use_rslora": True}, "use_rslora"),
        (None, {"alora_invocation_tokens": [1]}, "alora_invocation_tokens"),
        (None, {"init_lora_weights": "pissa_niter_4"}, "began as pissa"),
        (None, {"init_lora_weights": {}}, "began as"),
        (None, {"modules_to_save": ["lm_head"]}, "modules_to_save"),
        (None, {"base_model_name_or_path": "hf:2"}, "other weights"),
        (None, {"r": 4}, "rank 4 for 16 by 4"),
        ({**files.lora(), f"{Q}.lora_B.weight": [16, 2]}, {}, "rank 2 for 8 by 4"),
        ({f"{Q}.lora_A.weight": [2, 4]}, {}, "one of two"),
        (files.layer("lm_head", 4, 9), {}, "lm_head"),
        (files.layer("model.norm", 4, 4), {}, "norm"),
        ({"base_model.model.lm_head.weight": [9, 4]}, {}, "not of a LoRA layer"),
        ({}, {}, "no layer"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_with_its_reason(
    tmp_path: Path, shapes: Any, config: dict[str, Any], why: str
) -> None:
    place = files.adapter(tmp_path / "made", shapes, **config)
    with pytest.raises(Unfit, match=why):
        config_for(place, files.checkpoint(tmp_path / "base"), "hf:1")


@pytest.mark.parametrize("length", [0, 4, 60, -1])
def test_a_file_that_was_cut_is_refused(tmp_path: Path, length: int) -> None:
    place = files.adapter(tmp_path / "made")
    (place / TENSORS).write_bytes((place / TENSORS).read_bytes()[:length])
    with pytest.raises(Unfit, match="damaged or cut"):
        config_for(place, files.checkpoint(tmp_path / "base"), "hf:1")


@pytest.mark.parametrize("by", [1, -1000])
def test_tensors_that_lie_elsewhere_than_one_after_the_other_are_refused(tmp_path: Path, by: int) -> None:
    place = files.adapter(tmp_path / "made")
    raw = (place / TENSORS).read_bytes()
    size = 8 + int.from_bytes(raw[:8], "little")
    rows = json.loads(raw[8:size])
    for name in files.lora():
        rows[name]["data_offsets"] = [at + by for at in rows[name]["data_offsets"]]
    head = json.dumps(rows).encode()
    (place / TENSORS).write_bytes(len(head).to_bytes(8, "little") + head + raw[size:])
    with pytest.raises(Unfit, match="damaged or cut"):
        config_for(place, files.checkpoint(tmp_path / "base"), "hf:1")


def test_a_configuration_of_megabytes_is_not_read(tmp_path: Path) -> None:
    place, base = files.adapter(tmp_path / "made"), files.checkpoint(tmp_path / "base")
    config = place / "adapter_config.json"
    config.write_text(" " * 2_000_000 + config.read_text())
    with pytest.raises(Unfit, match="rank 1 to 64"):
        config_for(place, base, "hf:1")


def test_json_of_a_hundred_thousand_levels_is_refused(tmp_path: Path) -> None:
    place, base = files.adapter(tmp_path / "made"), files.checkpoint(tmp_path / "base")
    deep = '{"peft_type": "LORA", "r": 2, "lora_alpha": 4, "more": ' + "[" * 100_000 + "]" * 100_000 + "}"
    (place / TENSORS).write_bytes(len(deep).to_bytes(8, "little") + deep.encode())
    with pytest.raises(Unfit, match="damaged or cut"):
        config_for(place, base, "hf:1")
    (place / "adapter_config.json").write_text(deep)
    with pytest.raises(Unfit, match="rank 1 to 64"):
        config_for(place, base, "hf:1")


@pytest.mark.parametrize("text", ["", "[]", "{", '{"peft_type": "LORA"}', "\x00\xd8"])
def test_a_configuration_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    place = files.adapter(tmp_path / "made")
    (place / "adapter_config.json").write_text(text)
    with pytest.raises(Unfit, match="rank 1 to 64"):
        config_for(place, files.checkpoint(tmp_path / "base"), "hf:1")
    (place / "adapter_config.json").unlink()
    with pytest.raises(Unfit, match="there is no adapter_config"):
        config_for(place, files.checkpoint(tmp_path / "base"), "hf:1")


def test_numbers_of_another_type_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Unfit, match="of the type I64"):
        config_for(files.adapter(tmp_path / "made", dtype="I64"), files.checkpoint(tmp_path / "base"), "hf:1")
