"""REST as clients meet it: PyGithub without throttling, pages, conditional reads, refusals, the request log."""

from typing import Any

import httpx
import pytest
from github import Auth, Github, GithubException

from tests.sandbox.world import World


def pygithub(world: World, **options: Any) -> Github:
    token = world.hub.tokens.personal(world.hub.user("ada")).value
    options |= {"seconds_between_requests": 0, "seconds_between_writes": 0}
    return Github(base_url=world.hub.api_url, auth=Auth.Token(token), retry=None, **options)


def rest(world: World, token: str = "") -> httpx.Client:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.Client(base_url=world.hub.api_url, headers=headers, trust_env=False)


def test_pygithub_tells_the_whole_story(served: World) -> None:
    """Issue, label, comment, reaction, branch, file, pull request, merge: all through PyGithub."""
    repo = pygithub(served).get_repo("acme/shop")
    issue = repo.create_issue("[AUTH-1.1] Log in", body="please")
    issue.add_to_labels("ai-ready")
    issue.create_comment("on it").create_reaction("eyes")
    repo.create_git_ref("refs/heads/ai/issue-1", repo.get_branch("main").commit.sha)
    repo.create_file("login.py", "Log in", "print('in')\n", branch="ai/issue-1")
    pull = repo.create_pull(title="Log in", head="ai/issue-1", base="main", body="Closes #1", draft=False)
    pull.create_review(body="hm", event="COMMENT")

    assert [event.event for event in issue.get_timeline()] == ["labeled", "commented"]
    assert [label.name for label in repo.get_issue(1).labels] == ["ai-ready"]
    assert (pull.mergeable, [file.filename for file in pull.get_files()]) == (True, ["login.py"])
    assert pull.merge().merged
    assert repo.get_issue(1).state == "closed"
    assert served.hub.repos.read(served.shop, "main", "login.py") == "print('in')\n"
    assert repo.get_collaborator_permission("tim") == "read"


def test_lists_come_in_pages_of_any_size(served: World) -> None:
    for number in range(5):
        served.issue(f"issue {number}")

    repo = pygithub(served, per_page=2).get_repo("acme/shop")

    assert sorted(issue.number for issue in repo.get_issues(state="all")) == [1, 2, 3, 4, 5]
    assert len(served.hub.requests.api()) == 4


def test_link_headers_name_the_other_pages(served: World) -> None:
    for number in range(5):
        served.issue(f"issue {number}")
    with rest(served) as client:
        pages = [client.get("/repos/acme/shop/issues", params={"per_page": 2, "page": page}) for page in (1, 2, 3, 4)]
        capped = client.get("/repos/acme/shop/issues", params={"per_page": 1000})

    assert [sorted(str(rel) for rel in page.links) for page in pages] == [
        ["last", "next"],
        ["first", "last", "next", "prev"],
        ["first", "prev"],
        ["first", "prev"],
    ]
    assert [len(page.json()) for page in pages] == [2, 2, 1, 0]
    assert len(capped.json()) == 5


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ({}, [3, 1]),
        ({"state": "closed"}, [2]),
        ({"state": "all", "direction": "asc"}, [1, 2, 3]),
        ({"labels": "ai-ready,bug"}, [1]),
        ({"labels": "bug"}, [3, 1]),
        ({"assignee": "bob"}, [3]),
        ({"assignee": "none"}, [1]),
        ({"milestone": "1"}, [3]),
        ({"creator": "rob"}, []),
        ({"since": "2026-11-21T09:01:00Z", "state": "all"}, [2]),
    ],
)
def test_issue_lists_filter(served: World, query: dict[str, str], numbers: list[int]) -> None:
    issues, shop, ada = served.hub.issues, served.shop, served.by("ada")
    served.hub.repos.create_milestone(shop, "M1", ada)
    issues.create(shop, ada, title="1", labels=["ai-ready", "bug"])
    second = issues.create(shop, ada, title="2")
    issues.create(shop, ada, title="3", labels=["bug"], assignees=["bob"], milestone=1)
    served.clock.advance(60)
    issues.close(second, ada)

    with rest(served) as client:
        answer = client.get("/repos/acme/shop/issues", params=query)

    assert [issue["number"] for issue in answer.json()] == numbers


def test_a_conditional_read_answers_304_until_something_changes(served: World) -> None:
    issue = served.issue()
    with rest(served) as client:
        first = client.get("/repos/acme/shop/issues/1")
        same = client.get("/repos/acme/shop/issues/1", headers={"If-None-Match": first.headers["etag"]})
        served.hub.issues.edit(issue, served.by("ada"), title="New")
        changed = client.get("/repos/acme/shop/issues/1", headers={"If-None-Match": first.headers["etag"]})

    assert (first.status_code, same.status_code, changed.status_code) == (200, 304, 200)
    assert same.content == b""
    assert changed.json()["title"] == "New"


def test_every_answer_counts_down_the_rate_limit(served: World) -> None:
    token = served.hub.tokens.for_job(served.shop, {"issues": "read"}).value
    with rest(served, token) as client:
        left = [int(client.get("/repos/acme/shop/issues").headers["x-ratelimit-remaining"]) for _ in range(2)]
        assert client.get("/rate_limit").json()["rate"]["limit"] == 1000

    assert left == [999, 998]


def test_refusals_use_githubs_status_and_words(served: World) -> None:
    served.hub.create_repo("acme/secret", "ada", files={}, private=True)
    job = served.hub.tokens.for_job(served.shop, {"issues": "read"}).value
    served.issue()
    with rest(served, job) as client:
        answers = {
            "forbidden": client.post("/repos/acme/shop/issues/1/comments", json={"body": "x"}),
            "not me": client.get("/user"),
            "hidden": client.get("/repos/acme/secret"),
            "absent": client.get("/repos/acme/shop/issues/9"),
            "broken": client.post("/repos/acme/shop/issues", content=b"{"),
        }
    with rest(served, "ghp_wrong") as client:
        answers["bad token"] = client.get("/repos/acme/shop")
    with rest(served) as client:
        answers["nobody"] = client.post("/repos/acme/shop/issues", json={"title": "x"})

    assert {name: (answer.status_code, answer.json()["message"]) for name, answer in answers.items()} == {
        "forbidden": (403, "Resource not accessible by integration"),
        "not me": (403, "Resource not accessible by integration"),
        "hidden": (404, "Not Found"),
        "absent": (404, "Not Found"),
        "broken": (400, "Problems parsing JSON"),
        "bad token": (401, "Bad credentials"),
        "nobody": (401, "Requires authentication"),
    }


def test_a_transferred_issue_redirects(served: World) -> None:
    other = served.hub.create_repo("acme/other", "ada", files={})
    moved = served.hub.issues.transfer(served.issue("wander"), other, served.by("ada"))

    with rest(served) as client:
        plain = client.get("/repos/acme/shop/issues/1")
        followed = client.get("/repos/acme/shop/issues/1", follow_redirects=True)

    assert plain.status_code == 301
    assert followed.json()["node_id"] == moved.node_id


def test_a_ref_is_made_once(served: World) -> None:
    """The claim's lock: the second create answers 422."""
    repo = pygithub(served).get_repo("acme/shop")
    main = repo.get_branch("main").commit
    claim = repo.create_git_commit('{"issue": 7}', main.commit.tree, [main.commit])
    repo.create_git_ref("refs/heads/ai/claim-7", claim.sha)

    with pytest.raises(GithubException, match="Reference already exists") as refusal:
        repo.create_git_ref("refs/heads/ai/claim-7", main.sha)

    assert refusal.value.status == 422
    assert served.hub.repos.message(served.shop, "refs/heads/ai/claim-7") == '{"issue": 7}'


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"ref": "main", "inputs": {"issue": "7"}}, 204),
        ({"ref": "main", "inputs": {"issue": "7"}, "return_run_details": True}, 200),
        ({"ref": "main", "inputs": {}}, 422),
        ({"ref": "main", "inputs": {"issue": "7", "other": "x"}}, 422),
        ({"ref": "nowhere", "inputs": {"issue": "7"}}, 422),
    ],
    ids=["old answer", "with details", "required input missing", "unknown input", "unknown ref"],
)
def test_a_dispatch_is_checked_and_makes_a_run(served: World, body: dict[str, Any], status: int) -> None:
    job = served.hub.tokens.for_job(served.shop, {"actions": "write"})
    with rest(served, job.value) as client:
        answer = client.post("/repos/acme/shop/actions/workflows/ai.yml/dispatches", json=body)
        runs = client.get("/repos/acme/shop/actions/runs").json()["workflow_runs"]

    assert answer.status_code == status
    assert [run["event"] for run in runs] == (["workflow_dispatch"] if status < 300 else [])
    if status == 200:
        assert answer.json()["workflow_run_id"] == runs[0]["id"]


def test_an_artifact_downloads_through_a_redirect(served: World, tmp_path: Any) -> None:
    actions = served.hub.actions
    workflow = actions.find_workflow(served.shop, "ai.yml")
    run = actions.create_run(served.shop, workflow, event="issues", actor=served.hub.user("ada"))
    packed = tmp_path / "out.zip"
    packed.write_bytes(b"PK")
    artifact = actions.add_artifact(run, "out", packed, "sha256:0")

    with rest(served) as client:
        first = client.get(f"/repos/acme/shop/actions/artifacts/{artifact.id}/zip")

    assert first.status_code == 302
    assert httpx.get(first.headers["location"], trust_env=False).content == b"PK"


def test_unknown_routes_are_remembered(served: World) -> None:
    with rest(served) as client:
        assert client.get("/repos/acme/shop/nonsense").status_code == 404

    assert served.hub.requests.unknown == ["GET /api/v3/repos/acme/shop/nonsense"]
    served.hub.requests.clear()


def test_the_request_log_says_which_job_asked_what(served: World) -> None:
    gate = served.hub.tokens.for_job(served.shop, {"issues": "write"}, job="gate")
    with rest(served, gate.value) as client:
        client.get("/repos/acme/shop/issues")
        client.post("/repos/acme/shop/issues", json={"title": "x"})

    assert served.hub.requests.count() == {("gate", "GET"): 1, ("gate", "POST"): 1}
    assert [request.login for request in served.hub.requests.api()] == ["github-actions[bot]"] * 2
