"""`ai-ready setup --repo` as a person on the sandbox: a pull request with the files, the labels, and nothing twice."""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from bot.cli.commands import app
from bot.config import PersonEnv, parse_repo_config
from bot.core.names import LABEL_LOOKS
from bot.core.secret import Secret
from bot.core.settings import RepoConfig
from bot.errors import GitHubError, UsageError
from bot.github.action_client import PyGithubWire
from bot.github.courier import Courier, Timing, Wire
from bot.github.exchange import Answer, Request
from bot.reference import config_example
from bot.report import Report
from bot.sandbox.records import Issue
from bot.sandbox.server import serve
from bot.server.setup.bring import Brought
from bot.server.setup.person import persons_token, repository_name
from bot.server.setup.shipped import Mode, Release, caller, config_text, example, mode_of, release_of
from bot.server.setup.steps import RepositoryWish, repository_step, told
from tests.sandbox.world import World, small_world

OURS = Release("acme/ai-ready", "a" * 40, "0.1.0")
CALLER, CONFIG = ".github/workflows/ai-ready.yml", ".github/ai-ready.yml"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = small_world(tmp_path / "hub")
    with serve(made.hub):
        yield made


def brought(
    world: World,
    *,
    mode: Mode = Mode.SERVER,
    replace: bool = False,
    release: Release = OURS,
    by: str = "ada",
    repo: str = "acme/shop",
    refusal: tuple[str, str, Answer] | None = None,
) -> Brought:
    """As that person, with a courier that never waits."""
    hub = world.hub
    wire: Wire = PyGithubWire(hub.api_url, hub.tokens.personal(hub.user(by)).value)
    courier = Courier(Refusing(wire, *refusal) if refusal else wire, Timing(sleep=lambda _seconds: None))
    return repository_step(courier, RepositoryWish(repo, mode, hub.url, replace), release, config_example(), Report())


@dataclass(frozen=True)
class Refusing:
    """The sandbox, but for one request that GitHub refuses as documented."""

    wire: Wire
    verb: str
    path: str
    answer: Answer

    def send(self, request: Request) -> Answer:
        return self.answer if (request.verb, request.path) == (self.verb, self.path) else self.wire.send(request)


def pulls(world: World) -> list[Issue]:
    return [issue for issue in world.hub.issues.listing(world.shop) if issue.pull]


def text(world: World, path: str, ref: str = "ai/setup") -> str:
    return world.hub.repos.read(world.shop, ref, path) or ""


def test_a_pull_request_brings_workflow_config_and_labels(world: World) -> None:
    """As the person, on a branch below ai/; the default branch stays as it is."""
    before = world.hub.repos.branch_oid(world.shop, "main")
    done = brought(world)

    [pull] = pulls(world)
    assert (pull.title, pull.user.login, pull.pull and pull.pull.head) == ("Set up ai-ready", "ada", "ai/setup")
    assert text(world, CALLER) == caller(Mode.SERVER, OURS, world.hub.api_url)
    assert yaml.safe_load(text(world, CONFIG)) is None
    assert world.hub.repos.branch_oid(world.shop, "main") == before
    labels = {label.name: (label.color, label.description) for label in world.shop.labels.values()}
    assert {name: labels[name] for name in LABEL_LOOKS} == LABEL_LOOKS
    assert (done.added, set(done.labels)) == ((CALLER, CONFIG), set(LABEL_LOOKS))
    assert done.pull_url.endswith(f"/pull/{pull.number}")


def test_twice_makes_nothing_new(world: World) -> None:
    """Neither while the pull request is open nor once it is merged."""
    first = brought(world)
    head = world.hub.repos.branch_oid(world.shop, "ai/setup")
    again = brought(world)

    assert (again.pull_url, again.labels) == (first.pull_url, ())
    assert world.hub.repos.branch_oid(world.shop, "ai/setup") == head
    world.hub.pulls.merge(pulls(world)[0], world.by("ada"))
    before = len(world.hub.requests.api())
    merged = brought(world)
    assert {each.method for each in world.hub.requests.api()[before:]} == {"GET"}
    assert (merged.added, merged.unchanged, merged.pull_url) == ((), (CALLER, CONFIG), "")
    assert len(pulls(world)) == 1


def test_an_open_pull_request_is_brought_up_to_date(world: World) -> None:
    """Another release: one more commit on the same branch, on top of what people did there."""
    first = brought(world)
    world.hub.repos.commit_files(world.shop, "ai/setup", {"note.txt": "mine"}, world.by("bob"))
    again = brought(world, release=Release("acme/ai-ready", "b" * 40, "0.2.0"))

    assert again.pull_url == first.pull_url
    assert "b" * 40 in text(world, CALLER)
    assert text(world, "note.txt") == "mine"


def test_an_old_branch_that_was_left_behind_is_left_alone(world: World) -> None:
    world.hub.repos.commit_files(world.shop, "ai/setup", {"old.txt": "old"}, world.by("bob"))
    brought(world)

    [pull] = pulls(world)
    assert pull.pull
    assert pull.pull.head == "ai/setup-2"
    assert text(world, "old.txt") == "old"


def test_a_workflow_with_other_content_is_named_and_left(world: World) -> None:
    """A config of the repository's own is none of our business."""
    files = {CALLER: caller(Mode.SERVER, OURS).replace("contents: write", "contents: read"), CONFIG: "enabled: false\n"}
    world.hub.repos.commit_files(world.shop, "main", files, world.by("ada"))
    done = brought(world)

    assert (pulls(world), done.unchanged) == ([], (CONFIG,))
    [differing] = done.differing
    assert any(line.startswith("-") and "contents: read" in line for line in differing.lines)
    assert "was left as it is" in told("acme/shop", done)


def test_a_workflow_is_replaced_where_that_is_wished(world: World) -> None:
    world.hub.repos.commit_files(
        world.shop, "main", {CALLER: "name: old\n", CONFIG: "enabled: false\n"}, world.by("ada")
    )
    done = brought(world, mode=Mode.ACTION, replace=True)

    assert (done.added, done.differing) == ((CALLER,), ())
    assert text(world, CALLER) == caller(Mode.ACTION, OURS)
    assert text(world, CONFIG) == "enabled: false\n"


def test_labels_that_are_there_keep_their_looks(world: World) -> None:
    world.hub.repos.create_label(world.shop, "AI-Ready", color="000000")
    done = brought(world)

    assert "ai-ready" not in done.labels
    assert world.shop.labels["ai-ready"].color == "000000"


@pytest.mark.parametrize("by", ["rob", "eve"])
def test_who_may_not_write_is_told_so(world: World, by: str) -> None:
    with pytest.raises((UsageError, GitHubError)):
        brought(world, by=by)

    assert (pulls(world), world.hub.repos.branch_oid(world.shop, "ai/setup")) == ([], "")


def test_an_empty_repository_needs_a_commit_first(world: World) -> None:
    world.hub.create_repo("acme/empty", "ada")

    with pytest.raises(UsageError, match="is empty: push a first commit"):
        brought(world, repo="acme/empty")


def test_a_refused_pull_request_leaves_a_link(world: World) -> None:
    done = brought(world, refusal=("POST", "/repos/acme/shop/pulls", Answer(403, {"message": "GitHub says no"})))

    assert done.compare_url == f"{world.hub.url}/acme/shop/compare/main...ai/setup?expand=1"
    assert text(world, CALLER) == caller(Mode.SERVER, OURS, world.hub.api_url)
    assert "GitHub says no" in told("acme/shop", done)
    assert set(done.labels) == set(LABEL_LOOKS)


def test_a_token_without_the_scope_workflow_is_told_how_to_get_it(world: World) -> None:
    """GitHub answers 404 to it, in words that lead nowhere."""
    with pytest.raises(GitHubError, match="gh auth refresh --scopes workflow"):
        brought(world, refusal=("POST", "/repos/acme/shop/git/trees", Answer(404, {"message": "Not Found"})))


# --------------------------------------------------------------------------------------- what is shipped


@pytest.mark.parametrize("mode", list(Mode))
def test_the_shipped_workflow_is_pinned_and_otherwise_the_example(mode: Mode) -> None:
    made = caller(mode, OURS)

    assert "OWNER" not in made
    assert "0" * 40 not in made
    assert f"uses: acme/ai-ready/.github/workflows/ai-ready.yml@{'a' * 40} # v0.1.0" in made
    bare = re.sub(r"uses: \S+ # \S+", "uses: X", example(mode))
    assert yaml.safe_load(re.sub(r"uses: \S+ # \S+", "uses: X", made)) == yaml.safe_load(bare)


@pytest.mark.parametrize(
    ("server", "queues"),
    [
        ("https://github.com", True),
        ("https://acme.ghe.com", True),
        ("https://github.acme.example", False),
        ("https://ghe.com.acme.example", False),
    ],
)
def test_a_key_that_not_every_github_knows_is_for_those_that_do(server: str, queues: bool) -> None:
    """Q36: there a run that waits for another one of its issue is not pushed out by a third."""
    made = yaml.safe_load(caller(Mode.SERVER, OURS, server))

    whoever = {"group": "ai-ready-issue-${{ inputs.issue }}", "cancel-in-progress": False}
    assert made["concurrency"] == (whoever | {"queue": "max"} if queues else whoever)


def test_the_commented_config_changes_nothing_and_uncommented_is_the_default() -> None:
    made = config_text(config_example())
    uncommented = "\n".join(line.removeprefix("# ") for line in made.splitlines()[3:])

    assert parse_repo_config(made) == RepoConfig()
    assert parse_repo_config(uncommented) == RepoConfig()


@pytest.mark.parametrize("wrong", ["acme/ai-ready", "acme/ai-ready@main", f"acme@{'a' * 40}", f"a/b@{'a' * 39}"])
def test_a_release_is_a_repository_and_a_whole_commit(wrong: str) -> None:
    with pytest.raises(UsageError, match="all 40 digits"):
        release_of(wrong)


def test_a_release_may_be_given() -> None:
    assert str(release_of(f"acme/ai-ready@{'a' * 40}")) == f"acme/ai-ready@{'a' * 40}"


@pytest.mark.parametrize("wrong", ["", "acme", "acme/..", "../x", "acme/shop/x", "acme/sh op"])
def test_repositories_have_an_owner_and_a_name(wrong: str) -> None:
    with pytest.raises(UsageError):
        repository_name(wrong)


def test_modes() -> None:
    with pytest.raises(UsageError, match="action or server"):
        mode_of("both")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--repo shop", "--repo has to be owner/name"),
        ("--repo acme/shop --mode both", "--mode takes action or server"),
        ("--repo acme/shop --org acme", "leave --repo out for that"),
        ("--replace", "--mode, --replace and --release go with --repo"),
        ("--mode action", "--mode, --replace and --release go with --repo"),
        ("--url ftp://x", "--url has to be an address"),
        ("--org ../x", "--org has to be"),
    ],
)
def test_words_that_do_not_go_together_are_said(words: str, said: str) -> None:
    ended = CliRunner().invoke(app, ["setup", *words.split()])

    assert isinstance(ended.exception, UsageError)
    assert said in str(ended.exception)


# ------------------------------------------------------------------------------------------------ token


def gh(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An executable `gh` that does as told."""
    program = folder / "gh"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def env(token: str = "") -> PersonEnv:
    return PersonEnv(Secret(token), "https://ghe.example/api/v3", "https://ghe.example", Path("/nonexistent"))


def test_the_environments_token_wins_over_gh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gh(tmp_path, "echo from-gh", monkeypatch)

    assert persons_token(env("mine")).reveal() == "mine"
    assert persons_token(env()).reveal() == "from-gh"


def test_gh_is_asked_for_this_github(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gh(tmp_path, 'echo "$*"', monkeypatch)

    assert persons_token(env()).reveal() == "auth token --hostname ghe.example"


@pytest.mark.parametrize("script", ["exit 1", "exec true"])
def test_no_token_says_what_to_do(script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gh(tmp_path, script, monkeypatch)

    with pytest.raises(UsageError, match="gh auth login"):
        persons_token(env())


def test_no_gh_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(UsageError, match="gh auth login"):
        persons_token(env())


def test_the_release_of_a_checkout_is_its_origin_and_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Addresses in every form that git has."""
    from bot.server.setup import shipped  # noqa: PLC0415

    def git(*words: str) -> str:
        done = subprocess.run(("git", "-C", str(tmp_path), *words), capture_output=True, text=True, check=True)
        return done.stdout.strip()

    git("init", "-q")
    git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "one")
    git("remote", "add", "origin", "x")
    monkeypatch.setattr(shipped, "__file__", str(tmp_path / "bot" / "server" / "setup" / "shipped.py"))
    for url in ("https://github.com/o/r.git", "https://github.com/o/r", "git@github.com:o/r.git", "ssh://git@h/o/r"):
        git("remote", "set-url", "origin", url)
        assert (release_of("").repository, release_of("").commit) == ("o/r", git("rev-parse", "HEAD"))
    git("remote", "set-url", "origin", "/srv/somewhere")
    with pytest.raises(UsageError, match="--release"):
        release_of("")
