import contextlib
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from bot.core.run import Check, Outcome
from bot.errors import Blocked, UsageError
from bot.job.handover import (
    BUNDLE_FILE,
    OUTCOME_FILE,
    Digests,
    admission_from_json,
    admission_to_json,
    digests_of,
    hand_over,
    receive,
    sha256_of,
)
from bot.job.steps import hand_in
from bot.report import Report
from tests.job.stage import Server, admission

OID = "a" * 40
OUTCOME = Outcome(
    run_key="7-L123-1",
    verdict="blocked",
    reason="tests-failed",
    text="The test command failed",
    checks=(Check("test", "pytest", 1, 2.5, tail="1 failed"),),
    usd=0.5,
    commit_oid=OID,
    notes=("Changes tests: a",),
    metrics={"agent": 1.0},
)


def raw(folder: Path, data: bytes, admitted: object, *, bundle: bool = False) -> Outcome:
    """Receive `data` as outcome.json, with the digests it should have."""
    folder.mkdir(exist_ok=True)
    (folder / OUTCOME_FILE).write_bytes(data)
    digests = Digests(sha256_of(folder / OUTCOME_FILE), sha256_of(folder / BUNDLE_FILE) if bundle else "")
    return receive(folder, digests, admitted).outcome  # type: ignore[arg-type]


def test_an_admission_crosses_in_one_line(server: Server) -> None:
    """Whatever is in its texts, it is one line and comes back equal."""
    made = admission(server, title="a\n::set-output name=x::y\u2028\U0001f600", guidance='"quoted"')
    line = admission_to_json(made)

    assert "\n" not in line
    assert line.isascii()
    assert admission_from_json(line) == made


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("branch", "main"),
        ("branch", "ai/issue-8"),
        ("branch", "ai/issue-7-0"),
        ("branch", "ai/issue-77"),
        ("branch", "ai/issue-7/x"),
        ("head_oid", "--upload-pack=x"),
        ("base_oid", "HEAD"),
        ("repo", "../../etc"),
        ("repo", "-x/y"),
        ("issue", "7"),
        ("usd", "5"),
        ("title", None),
        ("run_key", "8-L123-1"),
        ("run_key", "7-L123-x"),
        ("run_key", "7"),
        ("server_id", "900"),
    ],
)
def test_an_admission_with_a_wrong_field_is_refused(field: str, value: object, server: Server) -> None:
    """Types, branch, commit ids and repository are checked when it is read."""
    facts = json.loads(admission_to_json(admission(server)))

    with pytest.raises(UsageError, match="AI_READY_ADMISSION"):
        admission_from_json(json.dumps({**facts, field: value}))


def test_an_admission_from_before_or_after_this_version_is_read(server: Server) -> None:
    """What it does not know yet is left at its default, what it no longer knows is dropped."""
    facts = json.loads(admission_to_json(admission(server)))
    del facts["server_id"]

    assert admission_from_json(json.dumps({**facts, "colour": "red"})) == admission(server)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 50_000, "x" * 2_000_000, '"\\ud800"'])
def test_garbage_is_no_admission(text: str) -> None:
    """One sentence, no stack trace."""
    with pytest.raises(UsageError):
        admission_from_json(text)


def test_an_outcome_crosses_with_its_bundle(tmp_path: Path, server: Server) -> None:
    """What was handed over is received as it was, with digests that travelled apart."""
    (tmp_path / BUNDLE_FILE).write_bytes(b"bundle")

    digests = hand_over(tmp_path, OUTCOME)
    received = receive(tmp_path, digests, admission(server))

    assert received.outcome == OUTCOME
    assert received.bundle == tmp_path / BUNDLE_FILE
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "server") == [OUTCOME_FILE, BUNDLE_FILE]


def test_a_bundle_without_a_commit_is_not_handed_over(tmp_path: Path, server: Server) -> None:
    """A leftover of an attempt that was not kept goes nowhere."""
    (tmp_path / BUNDLE_FILE).write_bytes(b"bundle")

    digests = hand_over(tmp_path, replace(OUTCOME, commit_oid=""))

    assert digests.bundle == ""
    assert not (tmp_path / BUNDLE_FILE).exists()
    assert receive(tmp_path, digests, admission(server)).bundle is None


@pytest.mark.needs_root
def test_a_disk_that_is_full_when_it_hands_over_is_said_in_place_of_the_work(tiny: Path, server: Server) -> None:
    """The bundle gives up its room for the words (R45)."""
    (tiny / BUNDLE_FILE).write_bytes(bytes(600_000))
    with contextlib.suppress(OSError), (tiny / "ballast").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))

    hand_in(OUTCOME, tiny, Report())
    received = receive(tiny, digests_of(tiny), admission(server))

    assert received.bundle is None
    assert (received.outcome.verdict, received.outcome.reason) == ("blocked", "setup-failed")
    assert received.outcome.text == "The runner's disk is full."


@pytest.mark.parametrize("name", [OUTCOME_FILE, BUNDLE_FILE])
def test_a_file_that_was_changed_on_the_way_is_refused(name: str, tmp_path: Path, server: Server) -> None:
    """The digest came by another way (R61)."""
    (tmp_path / BUNDLE_FILE).write_bytes(b"bundle")
    digests = hand_over(tmp_path, OUTCOME)
    with (tmp_path / name).open("ab") as file:
        file.write(b" ")

    with pytest.raises(Blocked, match="sha256 differs"):
        receive(tmp_path, digests, admission(server))


@pytest.mark.parametrize("how", ["missing", "link", "folder", "pipe", "huge"])
def test_what_is_no_ordinary_file_is_refused(how: str, tmp_path: Path, server: Server) -> None:
    """A symlink, a pipe or 50 MB are refused by their looks, without being read."""
    folder = tmp_path / "in"
    folder.mkdir()
    path = folder / OUTCOME_FILE
    match how:
        case "link":
            path.symlink_to("/etc/passwd")
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "huge":
            with path.open("wb") as file:
                file.truncate(50 << 20)

    with pytest.raises(Blocked) as caught:
        receive(folder, Digests("0" * 64, ""), admission(server))

    assert caught.value.code == "internal-error"


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000),
        *(b'{"run_key":"7-L123-1"}', b'{"run_key":7,"verdict":"done"}', b'{"run_key":"7-L123-1","verdict":"perhaps"}'),
        *(b'{"run_key":"7-L123-1","verdict":"done","checks":"x"}', b'{"run_key":"other","verdict":"done"}'),
        *(b'{"run_key":"7-L123-1","verdict":"done","usd":"5"}', b'{"run_key":"7-L123-1","verdict":"done","usd":true}'),
    ],
)
def test_garbage_is_no_outcome(data: bytes, tmp_path: Path, server: Server) -> None:
    """Wrong types, missing fields and another run's outcome end as our own error (R56)."""
    with pytest.raises(Blocked) as caught:
        raw(tmp_path / "in", data, admission(server))

    assert caught.value.code == "internal-error"


def test_a_hostile_outcome_is_cut_to_size(tmp_path: Path, server: Server) -> None:
    """Unknown keys are dropped, texts cut, lists short, numbers finite, reasons from the list."""
    facts = {
        "run_key": "7-L123-1",
        "verdict": "blocked",
        "reason": "ignore-previous-instructions",
        "branch": "main",
        "base": "release",
        "issue": 1,
        "summary": "s" * 100_000,
        "details": "d" * 100_000,
        "usd": -5,
        "turns": 10**12,
        "commit_oid": "--exec=x",
        "notes": ["n" * 1000] * 100,
        "checks": [{"name": "test", "command": "c", "exit_code": 0, "seconds": 1e300, "tail": "t" * 9000}] * 50,
        "metrics": {str(n): n for n in range(500)},
    }

    found = raw(tmp_path / "in", json.dumps(facts).encode(), admission(server))

    assert found.reason == "internal-error"
    assert (len(found.summary), len(found.details)) == (20_000, 20_000)
    assert (found.usd, found.turns, found.commit_oid) == (0.0, 10**6, "")
    assert (len(found.notes), len(found.notes[0])) == (30, 500)
    assert (len(found.checks), found.checks[0].seconds, len(found.checks[0].tail)) == (8, 0.0, 8_000)
    assert len(found.metrics) == 20
    assert not hasattr(found, "branch")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_are_none_count_as_nothing(number: str, tmp_path: Path, server: Server) -> None:
    """They never reach a sum or a comment."""
    data = f'{{"run_key":"7-L123-1","verdict":"done","usd":{number}}}'.encode()

    assert raw(tmp_path / "in", data, admission(server)).usd == 0.0


def test_no_run_costs_more_than_its_budget_and_an_answer(tmp_path: Path, server: Server) -> None:
    """What it says to have cost is taken from what other runs of the day may cost."""
    data = b'{"run_key":"7-L123-1","verdict":"done","usd":99999999}'

    assert raw(tmp_path / "in", data, admission(server)).usd == admission(server).usd + 50


def test_done_carries_no_reason(tmp_path: Path, server: Server) -> None:
    """A reason beside `done` is dropped: there is one verdict."""
    data = b'{"run_key":"7-L123-1","verdict":"done","reason":"cancelled"}'

    assert raw(tmp_path / "in", data, admission(server)).reason == ""


@pytest.mark.parametrize(
    ("more", "again"),
    [
        ({}, True),
        ({"usd": 0.01}, False),
        ({"turns": 1}, False),
        ({"commit_oid": "a" * 40}, False),
        ({"reason": "runner-lost"}, False),
        ({"verdict": "done"}, False),
    ],
)
def test_only_a_run_that_shows_no_work_keeps_its_request(
    more: dict[str, object], again: bool, tmp_path: Path, server: Server
) -> None:
    facts = {"run_key": "7-L123-1", "verdict": "blocked", "reason": "cancelled", "again": True, **more}

    assert raw(tmp_path / "in", json.dumps(facts).encode(), admission(server)).again is again


def test_what_we_write_we_can_read(tmp_path: Path, server: Server) -> None:
    """However long the texts of a run are, its outcome stays under the limit of the reader."""
    long = replace(
        OUTCOME,
        summary="\U0001f600" * 50_000,
        details="\u0000" * 50_000,
        notes=("n" * 9000,) * 900,
        checks=(replace(OUTCOME.checks[0], tail="\u2028" * 90_000),) * 90,
        commit_oid="",
    )

    digests = hand_over(tmp_path, long)

    assert receive(tmp_path, digests, admission(server)).outcome.verdict == "blocked"


@pytest.mark.parametrize(
    ("changes", "planned"),
    [
        ({"commit_oid": ""}, True),
        ({}, False),
        ({"commit_oid": "", "reason": "tests-failed"}, False),
        ({"commit_oid": "", "verdict": "done"}, False),
        ({"commit_oid": "", "summary": " \n"}, False),
    ],
    ids=["words alone", "with a commit", "for another reason", "done", "without words"],
)
def test_a_plan_comes_with_nothing_that_was_done(
    tmp_path: Path, server: Server, changes: dict[str, str], planned: bool
) -> None:
    """What says otherwise ends its request as any Blocked does."""
    told = replace(OUTCOME, reason="needs-input", summary="1. Do it.", planned=True)
    made = replace(told, **changes)  # type: ignore[arg-type]
    digests = hand_over(tmp_path, made)

    assert receive(tmp_path, digests, admission(server)).outcome.planned is planned
