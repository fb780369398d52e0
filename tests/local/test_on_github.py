"""Where `origin` is GitHub and there is a token: pushed, draft pull request, read back; the sandbox is GitHub."""

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.core.secret import Secret
from bot.local.checkout import Checkout, open_checkout
from bot.local.origin import origin_of
from bot.sandbox.records import Issue, Repo
from bot.sandbox.server import serve
from bot.sandbox.state import Hub
from tests.job.stage import git, writes
from tests.local.run_stage import CONFIG, Laptop, killed, make_laptop

TEXT = "---\nstatus: todo\n---\n# [ENG-1.1] Add a greeting\n\nSay hello.\n"


@dataclass
class World:
    """A repository on GitHub and a checkout of it."""

    hub: Hub
    repo: Repo
    laptop: Laptop

    def pulls(self) -> list[Issue]:
        return [issue for issue in self.repo.issues.values() if issue.pull]

    def tip(self, branch: str) -> str:
        return self.hub.repos.branch_oid(self.repo, branch)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    hub = Hub(tmp_path / "hub")
    hub.create_user("ann")
    repo = hub.create_repo("acme/shop", "ann", files={"app.py": "x = 1\n", ".github/ai-ready.yml": CONFIG})
    with serve(hub):
        laptop = make_laptop(tmp_path / "ann")
        laptop.git("remote", "add", "origin", f"{hub.url}/acme/shop.git")
        laptop.git("fetch", "-q", "origin")
        laptop.git("reset", "-q", "--hard", "origin/main")
        token = hub.tokens.personal(hub.user("ann")).value
        laptop.environ |= {"GITHUB_TOKEN": token, "GITHUB_API_URL": hub.api_url, "GITHUB_SERVER_URL": hub.url}
        yield World(hub, repo, laptop)


def test_RU4_a_done_task_is_a_draft_pull_request(world: World) -> None:
    """One, from the task's branch, named by the task; its address is the result; the checkout has the branch, too."""
    laptop = world.laptop
    task = laptop.task("greet", TEXT)
    result = laptop.run(task, writes({"hello.py": "1\n"}))

    [pull] = world.pulls()
    assert result.outcome.verdict == "done", result
    assert pull.pull is not None
    assert (pull.pull.draft, pull.pull.head, pull.pull.base) == (True, "ai/task-greet", "main")
    assert pull.title == "[ENG-1.1] Add a greeting (greet)"
    assert "For greet." in pull.body
    assert result.pull == f"{world.hub.url}/acme/shop/pull/{pull.number}"
    assert result.commit == world.tip("ai/task-greet") == laptop.branch("ai/task-greet")
    assert laptop.environ["GITHUB_TOKEN"] not in str(laptop.lines) + str(laptop.heard)


def test_the_base_is_what_github_has(world: World) -> None:
    """Commits that were pushed meanwhile are in it, those of this machine alone are not, and that is said."""
    laptop = world.laptop
    laptop.commit({"mine.py": "1\n"})
    theirs = world.hub.repos.commit_files(world.repo, "main", {"theirs.py": "1\n"}, world.hub.person("ann"), "theirs")
    before = laptop.git("status", "--porcelain=v2", "--branch")
    result = laptop.run(laptop.task("greet", TEXT), writes({"hello.py": "1\n"}))

    assert laptop.git("rev-parse", f"{result.commit}^") == theirs
    assert any("are not on GitHub yet were left out" in note for note in result.outcome.notes)
    assert laptop.git("status", "--porcelain=v2", "--branch", "--", ":!.ai-ready") == before


def test_peoples_commits_on_the_branch_are_gone_on_from(world: World) -> None:
    """The next attempt brings them here, builds on them and reuses the open pull request."""
    laptop = world.laptop
    task = laptop.task("greet", TEXT)
    first = laptop.run(task, writes({"hello.py": "1\n"}))
    ann = world.hub.person("ann")
    theirs = world.hub.repos.commit_files(world.repo, "ai/task-greet", {"better.py": "1\n"}, ann, "better")
    again = laptop.run(task, writes({"more.py": "1\n"}), number=2)

    assert again.outcome.verdict == "done", again
    assert laptop.git("rev-parse", f"{again.commit}^") == theirs
    assert again.pull == first.pull
    assert len(world.pulls()) == 1
    assert world.tip("ai/task-greet") == again.commit


def test_a_refused_pull_request_is_blocked_with_what_to_do(world: World) -> None:
    """The work is pushed and on the branch; the sentence has the address that opens one by hand."""
    world.hub.faults.fail("POST .*/pulls$", 403, times=9)
    result = world.laptop.run(world.laptop.task("greet", TEXT), writes({"hello.py": "1\n"}))

    assert (result.outcome.verdict, result.outcome.reason, result.pull) == ("blocked", "pr-failed", "")
    assert f"{world.hub.url}/acme/shop/compare/main...ai/task-greet?expand=1" in result.outcome.text
    assert world.tip("ai/task-greet") == world.laptop.branch("ai/task-greet") == result.commit


def test_a_lost_answer_makes_no_second_pull_request(world: World) -> None:
    """Opened, and the connection broke: it is found."""
    world.hub.faults.drop_after("POST .*/pulls$")
    result = world.laptop.run(world.laptop.task("greet", TEXT), writes({"hello.py": "1\n"}))

    assert result.outcome.verdict == "done", result
    assert len(world.pulls()) == 1


def test_a_token_that_may_not_push_is_blocked_and_the_work_is_here(world: World) -> None:
    world.hub.create_user("eve")
    world.laptop.environ["GITHUB_TOKEN"] = world.hub.tokens.personal(world.hub.user("eve")).value
    result = world.laptop.run(world.laptop.task("greet", TEXT), writes({"hello.py": "1\n"}))

    assert (result.outcome.reason, result.pull, world.tip("ai/task-greet")) == ("push-rejected", "", "")
    assert "The work is on the branch ai/task-greet of this checkout." in result.outcome.text
    assert laptop_has(world.laptop, result.commit)


def laptop_has(laptop: Laptop, commit: str) -> bool:
    return laptop.branch("ai/task-greet") == commit


@pytest.mark.parametrize("step", ["bot.local.finishing.open_draft", "bot.local.finishing.write_result"])
def test_killed_around_the_pull_request_there_is_one(world: World, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before it is opened, and before its result is put down."""
    laptop = world.laptop
    task = laptop.task("greet", TEXT)

    def act() -> None:
        monkeypatch.setattr(step, lambda *_args, **_more: os.kill(os.getpid(), signal.SIGKILL))
        laptop.run(task, writes({"hello.py": "1\n"}))

    killed(act)
    result = laptop.run(task, writes({"hello.py": "1\n"}))

    assert result.outcome.verdict == "done", result
    assert laptop.agent.asks == []
    assert len(world.pulls()) == 1
    assert result.commit == world.tip("ai/task-greet")


def test_without_a_token_the_branch_is_the_result(world: World) -> None:
    del world.laptop.environ["GITHUB_TOKEN"]
    result = world.laptop.run(world.laptop.task("greet", TEXT), writes({"hello.py": "1\n"}))

    assert (result.outcome.verdict, result.pull, world.pulls()) == ("done", "", [])
    assert world.tip("ai/task-greet") == ""


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    root = tmp_path / "shop"
    root.mkdir()
    git(root, "init", "-q", "--initial-branch=main")
    return open_checkout(root, {})


@pytest.mark.parametrize(
    ("url", "repo", "address"),
    [
        ("https://github.com/acme/shop.git", "acme/shop", "https://github.com/acme/shop.git"),
        ("https://github.com/acme/shop/", "acme/shop", "https://github.com/acme/shop.git"),
        ("https://ann:pw@github.com/acme/shop", "acme/shop", "https://github.com/acme/shop.git"),
        ("git@github.com:acme/shop.git", "acme/shop", "https://github.com/acme/shop.git"),
        ("ssh://git@github.com:22/acme/shop.js", "acme/shop.js", "https://github.com/acme/shop.js.git"),
        ("https://github.com:444/acme/shop", "", "https://github.com:444/acme/shop"),
        ("https://github.com.evil.example/acme/shop", "", "https://github.com.evil.example/acme/shop"),
        ("https://example.org/acme/shop", "", "https://example.org/acme/shop"),
    ],
)
def test_where_origin_is(checkout: Checkout, url: str, repo: str, address: str) -> None:
    """Our token goes to one server only."""
    git(checkout.root, "remote", "add", "origin", url)
    found = origin_of(checkout, "https://github.com", Secret("t"))

    assert found is not None
    assert (found.repo, found.remote.url) == (repo, address)
    assert bool(found.remote.token) == bool(repo)


@pytest.mark.parametrize(
    "url", ["git@example.org:acme/shop", "https://a:b@example.org/x", "/nowhere/at/all", "ext::sh -c x"]
)
def test_what_only_the_users_own_git_can_open_is_left_to_it(checkout: Checkout, url: str) -> None:
    git(checkout.root, "remote", "add", "origin", url)

    assert origin_of(checkout, "https://github.com", Secret("t")) is None


def test_no_origin_and_one_in_a_folder(checkout: Checkout, tmp_path: Path) -> None:
    assert origin_of(checkout, "https://github.com", Secret("t")) is None
    (tmp_path / "bare.git").mkdir()
    git(checkout.root, "remote", "add", "origin", "../bare.git")
    found = origin_of(checkout, "https://github.com", Secret("t"))

    assert found is not None
    assert (found.repo, found.remote.url) == ("", (tmp_path / "bare.git").as_uri())
