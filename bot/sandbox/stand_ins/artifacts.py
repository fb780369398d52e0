"""Keeps and gives back artifacts, as zip files in the run's folder. Run by the stand-ins, never imported.

artifacts.py upload FOLDER NAME SOURCES warn|error|ignore OVERWRITE
artifacts.py download FOLDER NAME TARGET
"""

import os
import sys
import zipfile
from pathlib import Path


def upload(folder: str, name: str, sources: str, missing: str, overwrite: str) -> str:
    """Zip files and what is in folders, one path a line, below what all have in common. Returns an error; empty: done."""
    origins, target = [Path(line.strip()) for line in sources.splitlines() if line.strip()], Path(folder, f"{name}.zip")
    files = sorted(
        path for origin in origins for path in (origin.rglob("*") if origin.is_dir() else [origin]) if path.is_file()
    )
    if not files:
        return f"No files were found with the provided path: {sources.strip()}." if missing == "error" else ""
    root = Path(os.path.commonpath(origins))
    root = root if root.is_dir() else root.parent
    if target.exists() and overwrite != "true":
        return "Failed to CreateArtifact: an artifact with this name already exists on the workflow run"
    partial = target.with_suffix(".partial")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files:
            archive.write(path, path.relative_to(root))
    partial.replace(target)
    return ""


def download(folder: str, name: str, target: str) -> str:
    """Unpack it. Returns an error; empty: done."""
    source = Path(folder, f"{name}.zip")
    if not source.exists():
        return f"Unable to download artifact(s): Artifact not found for name: {name}"
    Path(target).mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(source) as archive:
        archive.extractall(target)
    return ""


if __name__ == "__main__":
    problem = (upload if sys.argv[1] == "upload" else download)(*sys.argv[2:])
    sys.stdout.write(f"::error::{problem}\n" if problem else f"{sys.argv[1]} of {sys.argv[3]}: done\n")
    sys.exit(bool(problem))
