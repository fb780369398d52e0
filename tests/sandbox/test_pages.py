"""The pages: what a person sees, what the buttons do, and that nothing in an issue becomes active."""

from collections.abc import Iterator

import httpx
import pytest

from bot.sandbox.pulls import part
from bot.sandbox.records import Issue
from tests.sandbox.world import World

HOSTILE = """<script>alert(1)</script> <img src=x onerror=alert(1)> [click](javascript:alert(1)) ![p](http://evil/x.png)
<details open><summary>fine</summary>

<!-- hidden: {"run": 1} -->

**bold** ~~gone~~ #1 `#2` <b onclick=x>b</b>

</details>"""


@pytest.fixture
def web(served: World) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=served.hub.url, trust_env=False, follow_redirects=True) as client:
        yield client


def become(web: httpx.Client, login: str) -> None:
    web.post("/_become", data={"person": login, "path": "/"})


def test_a_person_sees_an_issue_with_its_story(served: World, web: httpx.Client) -> None:
    issue = served.issue("[AUTH-1.1] Log in", body="| a | b |\n|---|---|\n| 1 | 2 |")
    served.hub.issues.add_labels(issue, ["ai-ready"], served.by("bob"))
    served.hub.issues.add_comment(issue, served.by("tim"), "**soon**")

    page = web.get("/acme/shop/issues/1").text

    assert "[AUTH-1.1] Log in" in page
    assert "<td>1</td>" in page
    assert "<strong>bob</strong> added the label" in page
    assert "<strong>soon</strong>" in page


def test_nothing_in_an_issue_becomes_active(served: World, web: httpx.Client) -> None:
    """Scripts, handlers, images and dangerous links are shown as text; comments vanish; harmless tags stay."""
    served.issue("<script>title</script>", body=HOSTILE)

    answer = web.get("/acme/shop/issues/1")
    page = answer.text

    assert "<script>" not in page
    assert "<img" not in page
    assert "<b onclick" not in page
    assert 'href="javascript:' not in page
    assert "hidden:" not in page
    assert "<details open><summary>fine</summary>" in page
    assert '<strong>bold</strong> <s>gone</s> <a href="/acme/shop/issues/1">#1</a> <code>#2</code>' in page
    assert "script-src 'self'" in answer.headers["content-security-policy"]


def test_buttons_act_as_the_chosen_person(served: World, web: httpx.Client) -> None:
    issue = served.issue()
    become(web, "bob")

    web.post("/acme/shop/issues/1/label", data={"name": "ai-ready"})
    web.post("/acme/shop/issues/1/comment", data={"body": "/ai run\r\nplease"})
    web.post("/acme/shop/issues/1/close", data={"reason": "not_planned"})

    assert [(event.event, event.actor.login) for event in issue.timeline] == [("labeled", "bob"), ("closed", "bob")]
    assert [(comment.body, comment.user.login) for comment in issue.comments] == [("/ai run\nplease", "bob")]
    assert issue.state_reason == "not_planned"


@pytest.mark.parametrize(
    ("verb", "status"), [("label", 403), ("close", 403), ("merge", 403), ("comment", 200), ("nonsense", 404)]
)
def test_a_reader_may_only_talk(served: World, web: httpx.Client, verb: str, status: int) -> None:
    pull = served.pull()
    become(web, "rob")

    answer = web.post(f"/acme/shop/pull/{pull.number}/{verb}", data={"body": "hi", "name": "bug"})

    assert answer.status_code == status
    assert (pull.open, pull.labels) == (True, [])


def test_a_reviewer_reads_the_diff_approves_and_merges(served: World, web: httpx.Client) -> None:
    issue = served.issue()
    pull = served.pull(body="Closes #1", draft=True)

    page = web.get(f"/acme/shop/pull/{pull.number}").text
    assert '<span class="add">+1\n</span>' in page
    assert "still a draft" in page
    for verb, form in (("ready", {}), ("review", {"event": "APPROVE", "body": "nice"}), ("merge", {})):
        assert web.post(f"/acme/shop/pull/{pull.number}/{verb}", data=form).status_code == 200

    assert [review.state for review in part(pull).reviews] == ["APPROVED"]
    assert pull.merged
    assert not issue.open


def test_a_conversation_stands_below_its_review_on_the_line_that_it_is_about(served: World, web: httpx.Client) -> None:
    """The answers are below it, and not told as reviews of their own; what is settled says so."""
    pull = served.pull()
    line = {"path": "1.txt", "line": 1, "body": "**Why?** <script>alert(1)</script>"}
    served.hub.reviews.submit(pull, served.by("ada"), event="REQUEST_CHANGES", body="No.", comments=[line])
    thread = part(pull).threads[0]
    served.hub.reviews.answer(thread, served.by("bob"), "Because.")
    served.hub.reviews.resolve(thread, served.by("bob"))

    page = web.get(f"/acme/shop/pull/{pull.number}").text

    assert page.index("requested changes") < page.index("1.txt") < page.index("<strong>Why?</strong>")
    assert page.index("<strong>Why?</strong>") < page.index("Because.")
    assert "resolved" in page
    assert "<script>alert(1)" not in page
    assert page.count("</strong> reviewed <time>") == 0


def test_a_branch_link_offers_a_pull_request(served: World, web: httpx.Client) -> None:
    """What the bot links to when Actions may not create pull requests."""
    served.hub.repos.commit_files(served.shop, "ai/issue-1", {"a.txt": "1\n"}, served.by("bob"))

    page = web.get("/acme/shop/compare/main...ai/issue-1?expand=1")
    web.post("/acme/shop/compare/main...ai/issue-1", data={"title": "Mine", "body": ""})

    assert "a.txt" in page.text
    made = served.hub.pulls.open_for(served.shop, "ai/issue-1")
    assert isinstance(made, Issue)
    assert made.title == "Mine"


def test_a_runs_log_grows_while_somebody_looks(served: World, web: httpx.Client) -> None:
    actions = served.hub.actions
    workflow = actions.find_workflow(served.shop, "ai.yml")
    run = actions.create_run(served.shop, workflow, event="issues", actor=served.hub.user("ada"), title="ai-ready #7")
    job = actions.add_job(run, "gate")
    actions.update_job(job, status="in_progress")
    actions.append_log(job, "\x1b[32mfirst\x1b[0m\n")
    address = f"/acme/shop/actions/runs/{run.id}"

    assert "ai-ready #7" in web.get("/acme/shop/actions").text
    assert "first" in web.get(address).text
    actions.append_log(job, "<second>\n")
    live = web.get(f"{address}/live").json()
    actions.update_run(run, status="completed", conclusion="success")

    lines = [["", "first"], ["", "<second>"]]
    assert live == {"state": "queued", "over": False, "jobs": {str(job.id): ["in_progress", lines]}}
    assert web.get(f"{address}/live").json()["over"]


def test_a_log_shows_the_runners_marks_as_headings(served: World, web: httpx.Client) -> None:
    """`##[group]`, `##[error]` and the like are what the runner writes, not what a person should have to read."""
    actions = served.hub.actions
    workflow = actions.find_workflow(served.shop, "ai.yml")
    run = actions.create_run(served.shop, workflow, event="issues", actor=served.hub.user("ada"), title="ai-ready #7")
    job = actions.add_job(run, "gate")
    actions.append_log(job, "##[group]Run <Gate>\nall well\n##[endgroup]\n##[error]no such issue\n\nlast\n")

    page = web.get(f"/acme/shop/actions/runs/{run.id}").text

    assert "##[" not in page
    assert '<span class="group">&lt;Gate&gt;\n</span><span>all well\n</span>' in page
    assert '<span class="error">no such issue\n</span><span>\n</span><span>last\n</span></pre>' in page


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/acme/shop",
        "/acme/shop/tree/ai/issue-1",
        "/acme/shop/blob/main/README.md",
        "/acme/shop/pulls",
        "/_assets/style.css",
    ],
)
def test_every_page_opens(served: World, web: httpx.Client, path: str) -> None:
    served.pull()

    assert web.get(path).status_code == 200


def test_what_is_not_there_says_so(served: World, web: httpx.Client) -> None:
    served.hub.create_repo("acme/secret", "ada", files={}, private=True)
    become(web, "eve")

    assert [web.get(path).status_code for path in ("/acme/secret", "/acme/shop/issues/9", "/x/y")] == [404, 404, 404]


def test_forms_of_other_sites_are_refused(served: World, web: httpx.Client) -> None:
    served.issue()

    answer = web.post("/acme/shop/issues/1/comment", data={"body": "x"}, headers={"Origin": "http://evil.example"})

    assert answer.status_code == 403
    assert served.shop.issues[1].comments == []
