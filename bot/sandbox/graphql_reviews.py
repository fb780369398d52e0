"""GraphQL's read resolvers of a pull request's commits, reviews and conversations, and of a commit's checks."""

from collections.abc import Callable
from typing import Any

from bot.sandbox.connections import Page, paginate
from bot.sandbox.graphql_fields import THING, Args, Resolver, attr, connection, constant, fields, time, url
from bot.sandbox.graphql_records import Asker, PullCommit, Tip, tips
from bot.sandbox.pulls import part
from bot.sandbox.records import Issue, Repo, Review, ReviewComment
from bot.sandbox.runs import WorkflowRun
from bot.sandbox.shapes.runs import ACTIONS_APP_ID


def _reviews(_ask: Asker, issue: Issue, args: Args) -> Page[Review]:
    found = [one for one in part(issue).reviews if not args.get("states") or one.state in args["states"]]
    found = [one for one in found if not args.get("author") or one.user.graphql_login == args["author"]]
    return paginate(found, "reviews", args)


def _commits(ask: Asker, issue: Issue, args: Args) -> Page[PullCommit]:
    repo, oids = issue.repo, ask.hub.pulls.commits(issue)
    page = paginate(oids, "commits", args)
    found = tips(repo, page.nodes)
    return Page([PullCommit(issue, found[oid]) for oid in page.nodes], page.totalCount, page.pageInfo)


def _suites(ask: Asker, tip: Tip, args: Args) -> Page[WorkflowRun]:
    """A commit's check suites: one for each workflow run on it."""
    ask.token.require(tip.repo, "checks", "read")
    wanted = args.get("filterBy") or {}
    runs = [run for run in reversed(ask.hub.actions.listing(tip.repo)) if run.head_oid == tip.oid]
    found = [run for run in runs if wanted.get("appId") in (None, ACTIONS_APP_ID)]
    return paginate(found, "checkSuites", args)


def _check_runs(_ask: Asker, run: WorkflowRun, args: Args) -> Page[Any]:
    wanted = args.get("filterBy") or {}
    statuses = wanted.get("statuses") or ([wanted["status"]] if wanted.get("status") else None)
    found = [job for job in run.jobs if not statuses or job.status.upper() in statuses]
    found = [job for job in found if not wanted.get("conclusions") or job.conclusion.upper() in wanted["conclusions"]]
    found = [job for job in found if wanted.get("checkName") in (None, job.name)]
    return paginate(found, "checkRuns", args)


def _own_review(_ask: Asker, comment: ReviewComment, _args: Args) -> Review | None:
    return next((one for one in part(comment.thread.issue).reviews if one.id == comment.review_id), None)


def _reply_to(_ask: Asker, comment: ReviewComment, _args: Args) -> ReviewComment | None:
    return next((one for one in comment.thread.comments if one.id == comment.in_reply_to), None)


def _tip_of(oid: Callable[[Any], tuple[Repo, str]]) -> Resolver:
    def read(_ask: Asker, source: Any, _args: Args) -> Tip | None:
        repo, wanted = oid(source)
        return tips(repo, [wanted]).get(wanted)

    return read


def _shouted(name: str) -> Resolver:
    """An enum's value; null for what is not known yet."""
    return lambda _ask, source, _args: getattr(source, name).upper() or None


REVIEWS: dict[tuple[str, str], Resolver] = {
    **fields(["PullRequest"], {
        "reviews": _reviews, "reviewThreads": connection("reviewThreads", "pull.threads"), "commits": _commits,
    }),
    **fields(["Commit"], {"checkSuites": _suites}),
    **fields(["PullRequestReview"], {
        **THING, "createdAt": time("submitted_at"), "submittedAt": time("submitted_at"),
        "commit": _tip_of(lambda review: (review.issue.repo, review.commit_id)),
        "url": lambda ask, review, args: f"{url(ask, review.issue, args)}#pullrequestreview-{review.id}",
    }),
    **fields(["PullRequestReviewThread"], {
        "id": attr("node_id"), "comments": connection("comments", "comments"), "path": attr("path"),
        "diffSide": constant("RIGHT"), "subjectType": constant("LINE"), "startLine": constant(None),
        "isOutdated": lambda _ask, thread, _args: not thread.line,
        "isResolved": lambda _ask, thread, _args: thread.resolved_by is not None, "resolvedBy": attr("resolved_by"),
        "line": lambda _ask, thread, _args: thread.line or None, "originalLine": attr("original_line"),
        "viewerCanReply": lambda ask, thread, _args: ask.token.may(thread.issue.repo, "pull_requests", "write"),
    }),
    **fields(["PullRequestReviewComment"], {
        **THING, "lastEditedAt": constant(None), "path": attr("thread.path"), "diffHunk": attr("thread.diff_hunk"),
        "pullRequestReview": _own_review, "replyTo": _reply_to,
        "url": lambda ask, one, args: f"{url(ask, one.thread.issue, args)}#discussion_r{one.id}",
    }),
    **fields(["PullRequestCommit"], {"id": attr("node_id"), "commit": attr("tip")}),
    **fields(["CheckSuite"], {
        "id": lambda _ask, run, _args: f"CS_{run.node_id}", "databaseId": attr("id"), "workflowRun": lambda _ask, run, _args: run,
        "app": constant({"id": "A_actions", "databaseId": ACTIONS_APP_ID, "name": "GitHub Actions", "slug": "github-actions"}),
        "checkRuns": _check_runs, "commit": _tip_of(lambda run: (run.repo, run.head_oid)),
        "createdAt": time("created_at"), "updatedAt": time("updated_at"),
        "status": _shouted("status"), "conclusion": _shouted("conclusion"),
    }),
    **fields(["CheckRun"], {
        "id": attr("node_id"), "databaseId": attr("id"), "name": attr("name"),
        "status": _shouted("status"), "conclusion": _shouted("conclusion"),
    }),
    **fields(["WorkflowRun"], {
        "id": attr("node_id"), "databaseId": attr("id"), "event": attr("event"), "runNumber": attr("run_number"),
        "url": lambda ask, run, _args: f"{ask.hub.url}/{run.repo.full_name}/actions/runs/{run.id}",
        # The record's own workflow has no repository: its address needs the run's.
        "workflow": lambda _ask, run, _args: {
            "id": run.workflow.node_id, "databaseId": run.workflow.id, "name": run.workflow.name,
            "resourcePath": f"/{run.repo.full_name}/actions/workflows/{run.workflow.path.rpartition('/')[2]}",
        },
    }),
}  # fmt: skip
