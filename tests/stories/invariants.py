"""What holds after every story, whatever happened in it (design.md §5)."""

import subprocess
from collections import Counter
from collections.abc import Iterable

from bot.core.markers import reveal
from bot.core.names import UNPUSHED, VERDICT_MARKER, StateLabel
from bot.sandbox.records import Issue, Repo
from bot.sandbox.stage import MODEL_KEY
from bot.sandbox.state import Hub
from tests.stories.town import Town

BY_REQUEST = ("job", "pat")
"""The bot acts with a job's token, on a laptop with a personal one; what people do by hand in a story is neither."""


def check_town(town: Town, printed: list[str]) -> None:
    """Every invariant of a town whose runs are all over, and that looking once more changes nothing."""
    town.hub.faults.clear()
    check_end(town.hub, town.repo, admitted=town.admitted)
    before = len(town.events)
    if town.branch("main"):
        town.start().all_jobs()
    assert [(e.name, e.action) for e in town.events[before:] if e.token_kind in BY_REQUEST] == []
    check_writes(town)
    files = [path for path in (town.folder / "runs").rglob("*") if path.is_file()]
    left = [path.read_text(errors="replace") for path in files]
    check_secrets([*printed, *left], town.repo, [token.value for token in town.tokens])


def check_end(hub: Hub, repo: Repo, *, admitted: Iterable[str] | None = None) -> None:
    """No issue is left running, no claim is left; and what holds at any moment."""
    refs = hub.repos.refs(repo, "refs/heads/")
    assert [ref for ref in refs if ref.startswith("refs/heads/ai/claim-")] == []
    issues = [issue for issue in repo.issues.values() if not issue.pull]
    assert [issue.number for issue in issues if issue.has_label(StateLabel.RUNNING)] == []
    keys = check_moment(hub, repo)
    assert admitted is None or set(admitted) <= set(keys)


def check_moment(hub: Hub, repo: Repo) -> Counter[str]:
    """One verdict a run, one open pull request an issue, one status comment; the run keys that have a verdict."""
    issues = [issue for issue in repo.issues.values() if not issue.pull]
    pulls = [issue.pull.head for issue in repo.issues.values() if issue.pull and issue.open]
    heads = Counter(head.split("-")[1] for head in pulls if head.startswith("ai/issue-"))
    assert {number: count for number, count in heads.items() if count > 1} == {}
    keys = Counter(key for issue in issues for key in verdict_keys(issue))
    assert {key: count for key, count in keys.items() if count > 1} == {}
    for issue in issues:
        _check_words(issue)
    assert hub.requests.unknown == []
    return keys


def verdict_keys(issue: Issue) -> list[str]:
    """The run key of each verdict comment on an issue."""
    return [str(block["run"]) for body in _bodies(issue) if (block := reveal(VERDICT_MARKER, body))]


def _bodies(issue: Issue) -> list[str]:
    return [comment.body for comment in issue.comments]


def _check_words(issue: Issue) -> None:
    """At most one status comment and one state label; each verdict ends with the command that comes next."""
    bodies = _bodies(issue)
    assert sum("ai-ready:status" in body for body in bodies) <= 1, issue.number
    assert sum(issue.has_label(label) for label in StateLabel) <= 1, issue.labels
    for body in bodies:
        assert len(body) <= 60_000
        if "ai-ready:verdict" in body:
            assert body.splitlines()[0].startswith(("Done: ", "Blocked (")), body
            assert body.rstrip().splitlines()[-1].startswith("/ai "), body
            for reason in UNPUSHED:
                assert f"Blocked ({reason})" not in body or "/compare/" not in body, body


def check_writes(town: Town) -> None:
    """The bot wrote no ref but its own branches, and main is where people left it."""
    by_bot = [
        event for event in town.events if event.name in ("push", "create", "delete") and event.token_kind in BY_REQUEST
    ]
    assert [event.ref for event in by_bot if not _own(event.ref)] == []
    by_people = [e.oid for e in town.events if e.name == "push" and e.ref == "refs/heads/main"]
    assert not by_people or town.branch("main") == by_people[-1]


def _own(ref: str) -> bool:
    return ref.removeprefix("refs/heads/").startswith("ai/")


def check_secrets(texts: Iterable[str], repo: Repo, secrets: Iterable[str]) -> None:
    """No key and no token anywhere that people see: comments, pull requests, commits, logs, artifacts."""
    places = list(texts)
    for issue in repo.issues.values():
        places += [issue.title, issue.body, *(comment.body for comment in issue.comments)]
    log = ("git", "log", "--all", "-p", "--format=%an %ae %cn %ce %B")
    places.append(subprocess.run(log, cwd=repo.path, capture_output=True, check=True).stdout.decode(errors="replace"))
    for secret in {MODEL_KEY, *secrets}:
        assert [place[:200] for place in places if secret in place] == []
