"""The runner's log, in real files."""

from pathlib import Path

import pytest

from bot.errors import UsageError
from bot.local import log as logs
from bot.local.log import Log, follow, tail


def test_LG2_the_last_lines_of_a_long_log(tmp_path: Path) -> None:
    path = tmp_path / "runner.log"
    path.write_text("".join(f"line {number} {'x' * 200}\n" for number in range(2_000)))

    found = tail(path, 700)

    assert [line.split()[1] for line in found] == [str(number) for number in range(1_300, 2_000)]
    assert len(tail(path, 5_000)) == 2_000
    assert tail(path, 0) == ()
    assert tail(tmp_path / "nowhere.log", 50) == ()


def test_lines_have_a_date_and_no_secrets(tmp_path: Path) -> None:
    log = Log(tmp_path / "logs" / "runner.log", lambda text: text.replace("s3cret", "***"))
    log.begin()

    log.write("the key is s3cret \ud800")

    (line,) = tail(tmp_path / "logs" / "runner.log", 50)
    assert line.endswith("Z the key is *** \ufffd")
    assert line[4] == line[7] == "-"


def test_a_log_that_is_long_is_put_aside_and_followed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "MOST_BYTES", 100)
    path = tmp_path / "runner.log"
    log = Log(path, str)
    log.begin()
    log.write("before")
    lines = follow(path, lambda: True)

    heard = []
    for number in range(4):
        log.write(f"{number} {'x' * 100}")
        heard.append(next(lines))
    lines.close()

    assert [line.split()[1] for line in heard] == ["0", "1", "2", "3"]
    assert (tmp_path / "runner.log.1").read_text().count("\n") == 1


def test_a_log_that_is_not_there_yet_is_followed_from_its_first_line(tmp_path: Path) -> None:
    path = tmp_path / "runner.log"
    lines = follow(path, lambda: True)

    Log(path, str).write("first")

    assert next(lines).endswith("first")
    lines.close()


def test_a_log_that_cant_be_written_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(UsageError, match="log_file"):
        Log(tmp_path / "file" / "runner.log", str).begin()
