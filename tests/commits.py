"""What git itself finds in a repository of harness versions."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path


def files(repository: Path, commit: str) -> dict[str, bytes]:
    """The files of a commit, or of a ref's."""
    archive = subprocess.check_output(["git", f"--git-dir={repository}", "archive", "--format=tar", commit])
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar if member.isfile()}  # type: ignore[union-attr]
