"""Files that are there whole or not at all."""

from pathlib import Path

import pytest

from bot.whole_file import write_whole


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    """No half file, no leftovers."""
    path = tmp_path / "x.json"
    write_whole(path, b"old")
    with pytest.raises(TypeError):
        write_whole(path, "not bytes")  # type: ignore[arg-type]

    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["x.json"]


def test_its_permissions_are_those_that_were_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(b"old")
    path.chmod(0o666)

    write_whole(path, b"secret")
    assert path.stat().st_mode & 0o777 == 0o600
    write_whole(path, b"for all", mode=0o644)
    assert path.stat().st_mode & 0o777 == 0o644
