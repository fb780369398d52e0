"""`ai-ready plan`: both spellings of the input, the JSON of design.md §4, the table, and every bad input."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.offline import plan_text, read
from bot.core.settings import OrderRules, RepoConfig
from bot.errors import UsageError


def rest(number: int, title: str, body: str | None = None, *, asked: bool = True, **more: Any) -> dict[str, Any]:
    """An issue as the REST API prints it, with what we use and some of what we don't."""
    labels = [{"id": 1, "name": "ai-ready", "color": "5319e7"}] if asked else []
    facts = {"number": number, "title": title, "body": body, "state": "open", "labels": labels, "milestone": None}
    return {"id": 1000 + number, "user": {"login": "ann"}, "state_reason": None, **facts, **more}


def gh(number: int, title: str, body: str = "", *, asked: bool = True, **more: Any) -> dict[str, Any]:
    """An issue as `gh issue list --json` prints it."""
    labels = [{"id": "LA_1", "name": "ai-ready", "description": "", "color": "5319e7"}] if asked else []
    facts = {"number": number, "title": title, "body": body, "state": "OPEN", "stateReason": "", "labels": labels}
    return {**facts, **more}


def plan(entries: object, *, every: bool = False, config: RepoConfig | None = None) -> dict[str, Any]:
    text = plan_text(json.dumps(entries), as_json=True, every=every, config=config or RepoConfig())
    result: dict[str, Any] = json.loads(text)
    return result


def shown(entries: object, *, every: bool = False) -> str:
    return plan_text(json.dumps(entries), as_json=False, every=every, config=RepoConfig())


def refusal(raw: bytes | str) -> str:
    with pytest.raises(UsageError) as caught:
        read(raw)
    return str(caught.value)


# --------------------------------------------------------------------------------------------- output


def test_the_documented_shape() -> None:
    """Every key of design.md's example, from REST's spelling."""
    entries = [
        rest(1, "[AUTH-1.1] Create", asked=False),
        rest(3, "[auth-1.2] Login"),
        rest(4, "META: board", asked=False),
        rest(5, "1.2 Setup", asked=False),
        rest(6, "[ARK-123] Fix"),
        rest(8, "a", "Depends on #9"),
        rest(9, "b", "Depends on #8"),
        rest(10, "c", "Depends on #77, other/repo#5 and #2"),
        rest(2, "closed", state="closed", state_reason="completed"),
    ]

    assert plan(entries) == {
        "keys": {
            "1": {"kind": "keyed", "prefix": "AUTH", "phase": 1, "task": 1, "suffix": ""},
            "2": {"kind": "unkeyed"},
            "3": {"kind": "keyed", "prefix": "AUTH", "phase": 1, "task": 2, "suffix": ""},
            "4": {"kind": "meta"},
            "5": {"kind": "unkeyed"},
            "6": {"kind": "id", "prefix": "ARK", "task": 123},
            "8": {"kind": "unkeyed"},
            "9": {"kind": "unkeyed"},
            "10": {"kind": "unkeyed"},
        },
        "order": [4, 3, 6, 8, 9, 10],
        "ready": [6],
        "waiting": [
            {"number": 3, "on": [{"number": 1, "source": "phase", "state": "open"}], "on_total": 1},
            {
                "number": 10,
                "on": [
                    {"number": 77, "source": "text", "state": "unknown"},
                    {"number": 5, "repo": "other/repo", "source": "text", "state": "unknown"},
                ],
                "on_total": 2,
            },
        ],
        "invalid": [
            {"number": 8, "reason": "cycle", "path": [8, 9, 8]},
            {"number": 9, "reason": "cycle", "path": [9, 8, 9]},
        ],
        "notes": [
            {
                "number": 5,
                "note": "near-miss: the form is `1.2: ` or `1.2 - `, with numbers from 0 to 99; no key was read",
            }
        ],
    }


def test_both_spellings_say_the_same() -> None:
    """REST's and gh's JSON of the same issues give the same plan."""
    titles = {1: "[A-1.1] x", 2: "[A-1.2] x", 3: "y", 4: "z"}
    bodies = {3: "Requires #1", 4: "blocked by #9"}
    by_rest = [rest(n, title, bodies.get(n)) for n, title in titles.items()]
    by_gh = [gh(n, title, bodies.get(n, "")) for n, title in titles.items()]
    by_rest.append(rest(9, "w", state="closed", state_reason="not_planned"))
    by_gh.append(gh(9, "w", state="CLOSED", stateReason="NOT_PLANNED"))

    for rules in (OrderRules(), OrderRules(closed_as_not_planned="hold")):
        assert plan(by_rest, config=RepoConfig(order=rules)) == plan(by_gh, config=RepoConfig(order=rules))


def test_hold_reads_the_reason() -> None:
    """`closed_as_not_planned: hold` sees the reason in the file."""
    entries = [gh(1, "x", state="CLOSED", stateReason="NOT_PLANNED"), gh(2, "y", "Requires #1")]
    held = plan(entries, config=RepoConfig(order=OrderRules(closed_as_not_planned="hold")))

    assert plan(entries)["ready"] == [2]
    assert held["waiting"][0]["on"] == [{"number": 1, "source": "text", "state": "not_planned"}]


def test_candidates_are_requested_or_all_open_issues_never_pull_requests() -> None:
    """Without the label an issue only blocks; `--all` takes every open one; pull requests are never candidates."""
    entries = [
        rest(1, "a", asked=False),
        rest(2, "b"),
        rest(3, "c", pull_request={"url": "u", "merged_at": None}),
        rest(4, "d", state="closed"),
        {"number": 5, "title": "e", "labels": ["ai-ready"]},
    ]

    assert plan(entries)["order"] == [2, 5]
    assert plan(entries, every=True)["order"] == [1, 2, 5]


def test_state_labels_play_no_part() -> None:
    """An issue that is running, done or blocked is planned like any other."""
    labels = [{"name": "ai-ready"}, {"name": "ai-running"}, {"name": "ai-blocked"}]

    assert plan([rest(1, "x", labels=labels)])["ready"] == [1]


@pytest.mark.parametrize(
    ("pull", "ready"),
    [
        ({"pull_request": {"merged_at": "2026-01-01T00:00:00Z"}, "state": "closed"}, True),
        ({"pull_request": {"merged_at": None}, "state": "closed"}, False),
        ({"pull_request": {"merged_at": None}}, False),
        ({"pull_request": {}, "state": "closed"}, False),
        ({"state": "MERGED"}, True),
        ({"url": "https://github.com/o/r/pull/1", "state": "CLOSED"}, False),
        ({"url": "https://github.com/o/r/issues/1", "state": "CLOSED"}, True),
    ],
)
def test_pull_requests_release_when_merged(pull: dict[str, Any], ready: bool) -> None:
    """A pull request in the file counts as satisfied only when it was merged."""
    assert (plan([rest(1, "x", **pull), rest(2, "y", "Depends on #1")])["ready"] == [2]) is ready


@pytest.mark.parametrize("key", ["html_url", "url"])
def test_own_repository_and_host_by_the_urls(key: str) -> None:
    """With URLs in the file `owner/repo#n` and issue URLs of that server are local; github.com's are not."""
    body = "Depends on acme/shop#1, requires https://ghe.example:8443/Acme/Shop/issues/2 and https://github.com/a/b/issues/3"
    url = "https://ghe.example:8443/Acme/Shop/issues/"
    entries = [rest(n, "x", body if n == 4 else "") | {key: f"{url}{n}"} for n in (1, 2, 4)]

    assert [blocker["number"] for blocker in plan(entries)["waiting"][0]["on"]] == [1, 2]


def test_fifty_of_many() -> None:
    """`on` holds the nearest 50, `on_total` counts all."""
    waiting = plan([rest(n, f"[A-1.{n}] x") for n in range(1, 81)])["waiting"][-1]

    assert [blocker["number"] for blocker in waiting["on"]] == list(range(79, 29, -1))
    assert waiting["on_total"] == 79


def test_milestones_make_series() -> None:
    """Objects (REST, gh) and plain strings."""
    entries = [rest(1, "1.1: x", milestone={"title": "M"}), rest(2, "1.2: x", milestone="M"), rest(3, "1.2: x")]

    assert [w["number"] for w in plan(entries)["waiting"]] == [2]


def test_what_the_file_only_counts_is_said() -> None:
    """REST counts native dependencies without naming them: noted, for what is planned."""
    summary = {"blocked_by": 2, "blocking": 0, "total_blocked_by": 3}
    parts = {"total": 3, "completed": 1, "percent_completed": 33}
    entries = [
        rest(1, "x", issue_dependencies_summary=summary, sub_issues_summary=parts),
        rest(2, "y", asked=False, issue_dependencies_summary=summary),
        rest(3, "z", issue_dependencies_summary={"blocked_by": 0}, sub_issues_summary={"total": 1, "completed": 1}),
    ]

    assert [(note["number"], "4 open" in note["note"]) for note in plan(entries)["notes"]] == [(1, True)]


def test_nothing_to_plan() -> None:
    """An empty file and one without requests are answers, not errors."""
    assert plan([]) == {"keys": {}, "order": [], "ready": [], "waiting": [], "invalid": [], "notes": []}
    assert shown([]) == "No open issue has the label `ai-ready`: nothing to plan. `--all` plans every open issue.\n"
    assert shown([], every=True) == "There is no open issue: nothing to plan.\n"


def test_the_table() -> None:
    """One line per issue with why it waits, then notes, then a count."""
    entries = [
        gh(4, "META: Board", asked=False),
        gh(1, "[AUTH-1.1] Log in"),
        gh(2, "[AUTH-1.2] Session", "Depends on #9 and o/r#4"),
        gh(3, "認証", "requires #3"),
        gh(5, "1.2 Setup", asked=False),
    ]

    assert shown(entries) == (
        "ISSUE  KEY       TITLE               STATE\n"
        "#4     META      META: Board         tracker, never run\n"
        "#1     AUTH-1.1  [AUTH-1.1] Log in   ready\n"
        "#2     AUTH-1.2  [AUTH-1.2] Session  waits for #9 (its text; not in the file), "
        "o/r#4 (its text; not in the file), #1 AUTH-1.1 (phase order)\n"
        "#3               認証                invalid: it names itself as a prerequisite\n"
        "\n"
        "Notes:\n"
        "  #5 1.2 Setup: near-miss: the form is `1.2: ` or `1.2 - `, with numbers from 0 to 99; no key was read\n"
        "\n"
        "1 ready, 1 waiting, 1 invalid.\n"
    )


def test_the_table_says_what_waits_for_something_that_stays() -> None:
    """A prerequisite that nobody asks for, or that can't start, is what a person has to look at."""
    entries = [gh(1, "x", asked=False), gh(2, "y", "requires #2"), gh(3, "z", "requires #1 and #2")]

    assert "waits for #1 (its text; nobody asks for it), #2 (its text; can't start)\n" in shown(entries)
    assert "nobody asks" not in shown(entries, every=True)


def test_the_table_is_bounded_and_safe_for_terminals() -> None:
    """Long titles are cut, long lists counted, long cycles shortened; escapes, bidi marks and surrogates are gone."""
    ring = [gh(n, "r", f"Depends on #{n % 30 + 1}") for n in range(1, 31)]
    many = gh(
        50, "\x1b[31m" + "x" * 10_000 + "\u202e\ud800", "Depends on " + ", ".join(f"#{n}" for n in range(100, 120))
    )
    text = shown([*ring, many])

    assert max(map(len, text.splitlines())) < 300
    assert not set(text) & set("\x1b\u202e\ud800")
    assert "and 15 more" in text
    assert "#1 → #2 → #3 → #4 → #5 → #6 → #7 → #8 → #9 → #10 → … → #1" in text


def test_json_is_ascii() -> None:
    """Whatever the titles hold, stdout of any encoding can take the JSON."""
    assert plan_text(json.dumps([gh(1, "[ÄÖ-1.1] \ud800")]), as_json=True, every=False, config=RepoConfig()).isascii()


# ---------------------------------------------------------------------------------------------- input


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_encodings(encoding: str) -> None:
    """PowerShell writes UTF-16; byte order marks are fine."""
    assert read(json.dumps([gh(1, "ü")], ensure_ascii=False).encode(encoding)).issues[1].title == "ü"


@pytest.mark.parametrize("facts", [{}, {"body": None}, {"labels": None}, {"milestone": None}, {"state": None}])
def test_what_may_be_absent(facts: dict[str, Any]) -> None:
    """Number and title are needed; the rest has defaults."""
    issue = read(json.dumps([{"number": 1, "title": "x", **facts}])).issues[1]

    assert (issue.body, issue.labels, issue.open, issue.milestone) == ("", frozenset(), True, "")


BAD = {
    "": "not valid JSON",
    " ": "not valid JSON",
    "{": "not valid JSON: Expecting property name",
    "[1,]": "not valid JSON",
    "[]x": "Extra data (line 1, column 3)",
    "{}": "one JSON array, not an object",
    '{"issues": []}': "one JSON array, not an object",
    "null": "one JSON array, not null",
    "3": "one JSON array, not a number",
    "true": "one JSON array, not a boolean",
    '"x"': "one JSON array, not a string",
    "[1]": "Entry 1 of the issues must be an object, not a number",
    "[[]]": "Entry 1 of the issues must be an object, not an array",
    "[null]": "Entry 1 of the issues must be an object, not null",
    "[NaN]": "NaN is no JSON value",
    "[Infinity]": "Infinity is no JSON value",
    "[" * 100_000: "nested too deeply",
    '{"a":' * 100_000: "nested too deeply",
    '[{"number":' + "9" * 5000 + "}]": "not valid JSON",
    '[{"title": "x"}]': "Entry 1 of the issues has no `number`",
    '[{"number": 1}]': "Issue #1 has no `title`",
    '[{"number": 0, "title": "x"}]': "`number` must be a positive integer",
    '[{"number": -1, "title": "x"}]': "`number` must be a positive integer",
    '[{"number": true, "title": "x"}]': "`number` must be a positive integer",
    '[{"number": 1.0, "title": "x"}]': "`number` must be a positive integer",
    '[{"number": "1", "title": "x"}]': "`number` must be a positive integer",
    '[{"number": 9223372036854775808, "title": "x"}]': "`number` must be a positive integer",
    '[{"number": 1, "title": 2}]': "Issue #1: `title` must be a string, not a number",
    '[{"number": 1, "title": "x", "body": []}]': "Issue #1: `body` must be a string, not an array",
    '[{"number": 1, "title": "x", "state": "maybe"}]': "Issue #1: `state` must be open or closed",
    '[{"number": 1, "title": "x", "state": 1}]': "Issue #1: `state` must be a string",
    '[{"number": 1, "title": "x", "stateReason": {}}]': "Issue #1: `stateReason` must be a string, not an object",
    '[{"number": 1, "title": "x", "labels": "ai-ready"}]': "Issue #1: `labels` must be an array",
    '[{"number": 1, "title": "x", "labels": {}}]': "Issue #1: `labels` must be an array",
    '[{"number": 1, "title": "x", "labels": [1]}]': "Issue #1: `labels` must be an array",
    '[{"number": 1, "title": "x", "labels": [{"id": 1}]}]': "Issue #1: `labels` must be an array",
    '[{"number": 1, "title": "x", "milestone": 3}]': "Issue #1: `milestone` must be",
    '[{"number": 1, "title": "x", "pull_request": true}]': "Issue #1: `pull_request` must be an object",
    '[{"number": 1, "title": "x"}, {"number": 1, "title": "x"}]': "Issue #1 is in the file twice (again as entry 2)",
}


@pytest.mark.parametrize("raw", BAD, ids=[raw[:40] for raw in BAD])
def test_bad_input(raw: str) -> None:
    """Each bad input is refused in one line that names what is wrong."""
    message = refusal(raw)

    assert BAD[raw] in message
    assert "\n" not in message
    assert len(message) < 300


@pytest.mark.parametrize("raw", [b"\xff\xfe\xff", b'["\xff"]', b"\x00\x00\x00[", b"\x80"])
def test_bytes_that_are_no_text(raw: bytes) -> None:
    """Broken encodings are refused like broken JSON."""
    assert "not valid JSON" in refusal(raw)


_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
_JSON = (
    _SCALARS | st.lists(_SCALARS, max_size=2) | st.dictionaries(st.sampled_from(["name", "title", "total"]), _SCALARS)
)
_KEYS = [
    "body",
    "state",
    "stateReason",
    "state_reason",
    "labels",
    "milestone",
    "pull_request",
    "html_url",
]
_KEYS += ["url", "issue_dependencies_summary", "sub_issues_summary"]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            {"number": st.integers(1, 5), "title": st.just("x")}, optional=dict.fromkeys(_KEYS, _JSON)
        ),
        max_size=4,
        unique_by=lambda entry: str(entry["number"]),
    )
)
def test_any_json_is_planned_or_refused(entries: list[dict[str, Any]]) -> None:
    """No shape of input is an error of ours."""
    with contextlib.suppress(UsageError):
        assert set(plan(entries)) == {"keys", "order", "ready", "waiting", "invalid", "notes"}
