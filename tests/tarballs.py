"""
Tarballs as bundles are.
"""

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path


def tarball(target: Path, files: Mapping[str, str]) -> Path:
    """
    Write a tarball of texts.
    """
    with tarfile.open(target, "w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
    return target
