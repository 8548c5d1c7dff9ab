"""A GGUF file with its matrices in half precision: prompts are twice as fast on a CPU, and match training more closely.

Quantized weights are dequantized; what quantization lost stays lost.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.models.extras import missing_package
from engine.models.files.cache import models_folder, once, sha256


def convert(source: Path) -> Path:
    """The F16 version of `source`, cached under the SHA-256 of its source; conversion takes ten seconds per 100 MB."""
    return once(models_folder() / "f16" / f"{sha256(source)}.gguf", lambda fresh: write_f16(source, fresh))


def write_f16(source: Path, target: Path) -> None:
    """Writes the F16 version of `source`: vectors in F32, matrices in F16, all other fields unchanged."""
    try:
        import gguf
        import numpy as np
    except ModuleNotFoundError as error:
        raise missing_package(str(error.name), "local") from None
    reader = gguf.GGUFReader(source)
    writer = gguf.GGUFWriter(target, str(reader.fields["general.architecture"].contents()))
    for name, field in reader.fields.items():
        if name.startswith("GGUF.") or name in ("general.architecture", "general.file_type"):
            continue
        inner = field.types[-1] if field.types[0] == gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(name, field.contents(), field.types[0], sub_type=inner)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    for tensor in reader.tensors:
        values: Any = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        kind = np.float32 if len(tensor.shape) == 1 else np.float16
        writer.add_tensor(tensor.name, values.astype(kind))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
