"""git over HTTP with the real git: clone, push, who may, and what a push moves."""

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bot.sandbox.pulls import part
from tests.sandbox.world import World

ENV = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_AUTHOR_NAME": "x",
    "GIT_AUTHOR_EMAIL": "x@example.com",
    "GIT_COMMITTER_NAME": "x",
    "GIT_COMMITTER_EMAIL": "x@example.com",
}


def git(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", "-C", str(folder), *args], capture_output=True, text=True, env=ENV, check=False)


def address(world: World, token: str = "", repo: str = "acme/shop") -> str:
    host = world.hub.url.removeprefix("http://")
    return f"http://x-access-token:{token}@{host}/{repo}.git" if token else f"http://{host}/{repo}.git"


def cloned(world: World, tmp_path: Path, permissions: dict[str, str]) -> Path:
    token = world.hub.tokens.for_job(world.shop, permissions).value
    folder = tmp_path / "clone"
    done = git(tmp_path, "clone", "--quiet", address(world, token), str(folder))
    assert done.returncode == 0, done.stderr
    return folder


def commit(folder: Path, path: str, text: str) -> None:
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_text(text)
    git(folder, "add", "-A")
    git(folder, "commit", "--quiet", "-m", f"Change {path}")


def test_a_job_clones_pushes_and_its_pull_request_follows(served: World, tmp_path: Path) -> None:
    """A push of more than a packet (chunked, gzipped negotiation) arrives; the events are those of a job."""
    pull = served.pull("ai/issue-1")
    folder = cloned(served, tmp_path, {"contents": "write"})
    git(folder, "checkout", "--quiet", "ai/issue-1")
    commit(folder, "big.bin", "\n".join(str(number) for number in range(300_000)))
    events = served.events()

    pushed = git(folder, "push", "--quiet", "origin", "HEAD")

    assert pushed.returncode == 0, pushed.stderr
    head = git(folder, "rev-parse", "HEAD").stdout.strip()
    assert part(pull).head_oid == served.hub.repos.branch_oid(served.shop, "ai/issue-1") == head
    assert [(event.name, event.action, event.token_kind) for event in events] == [
        ("push", "", "job"),
        ("pull_request", "synchronize", "job"),
    ]
    assert events[0].payload["commits"][0]["added"] == ["big.bin"]


def test_new_and_deleted_branches_are_told(served: World, tmp_path: Path) -> None:
    folder = cloned(served, tmp_path, {"contents": "write"})
    events = served.events()

    git(folder, "push", "--quiet", "origin", "HEAD:refs/heads/new")
    git(folder, "push", "--quiet", "origin", ":refs/heads/new")

    assert [event.name for event in events] == ["create", "push", "delete", "push"]
    assert [event.payload["created"] for event in events if event.name == "push"] == [True, False]


def test_contents_read_fetches_but_does_not_push(served: World, tmp_path: Path) -> None:
    folder = cloned(served, tmp_path, {"contents": "read"})
    commit(folder, "a", "1")

    pushed = git(folder, "push", "--quiet", "origin", "HEAD:refs/heads/x")

    assert pushed.returncode != 0
    assert "403" in pushed.stderr
    assert served.hub.repos.branch_oid(served.shop, "x") == ""


def test_jobs_may_not_push_workflow_files(served: World, tmp_path: Path) -> None:
    folder = cloned(served, tmp_path, {"contents": "write"})
    commit(folder, ".github/workflows/evil.yml", "on: push\n")
    commit(folder, "harmless.txt", "1")

    pushed = git(folder, "push", "origin", "HEAD:refs/heads/x")

    assert "without `workflows` permission" in pushed.stderr
    assert served.hub.repos.branch_oid(served.shop, "x") == ""


def test_people_may_push_workflow_files(served: World, tmp_path: Path) -> None:
    token = served.hub.tokens.personal(served.hub.user("bob")).value
    git(tmp_path, "clone", "--quiet", address(served, token), "clone")
    commit(tmp_path / "clone", ".github/workflows/fine.yml", "on: push\n")

    assert git(tmp_path / "clone", "push", "--quiet", "origin", "HEAD:refs/heads/x").returncode == 0


def test_a_private_repository_is_not_there_for_strangers(served: World, tmp_path: Path) -> None:
    served.hub.create_repo("acme/secret", "ada", files={"a": "1"}, private=True)
    stranger = served.hub.tokens.personal(served.hub.user("eve")).value
    owner = served.hub.tokens.personal(served.hub.user("ada")).value

    anonymous = git(tmp_path, "clone", address(served, "", "acme/secret"), "no")
    other = git(tmp_path, "clone", address(served, stranger, "acme/secret"), "no")
    own = git(tmp_path, "clone", "--quiet", address(served, owner, "acme/secret"), "yes")

    assert "could not read Username" in anonymous.stderr
    assert "not found" in other.stderr
    assert own.returncode == 0


def test_anybody_clones_a_public_repository(served: World, tmp_path: Path) -> None:
    assert git(tmp_path, "clone", "--quiet", address(served), "clone").returncode == 0
    assert (tmp_path / "clone" / "README.md").read_text() == "# Shop\n"


def test_a_bearer_header_works_too(served: World, tmp_path: Path) -> None:
    """What `http.extraheader` of actions/checkout sends."""
    served.hub.create_repo("acme/secret", "ada", files={"a": "1"}, private=True)
    token = served.hub.tokens.personal(served.hub.user("ada")).value
    header = f"http.extraheader=AUTHORIZATION: bearer {token}"

    assert git(tmp_path, "-c", header, "clone", "--quiet", address(served, "", "acme/secret"), "c").returncode == 0


def test_pull_request_refs_can_be_fetched_but_not_pushed(served: World, tmp_path: Path) -> None:
    pull = served.pull()
    folder = cloned(served, tmp_path, {"contents": "write"})

    assert git(folder, "fetch", "--quiet", "origin", f"refs/pull/{pull.number}/head").returncode == 0
    assert git(folder, "push", "--quiet", "origin", f"HEAD:refs/pull/{pull.number}/head").returncode != 0


def test_many_read_at_once(served: World, tmp_path: Path) -> None:
    """A backend that has answered before its (empty) body was passed on is no error."""
    with ThreadPoolExecutor(4) as pool:
        asked = list(pool.map(lambda _: git(tmp_path, "ls-remote", address(served)), range(40)))

    assert [each.stderr for each in asked if each.returncode] == []
