"""The server and prerequisites that are not plain issues of the same repository: elsewhere, and sub-issues.

Where the App is installed on both sides, a close there is heard at once; elsewhere the timer notices it. What an
installation's token for one repository can't read is invalid, and nobody learns whether it exists.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bot.sandbox.records import Issue, Repo
from tests.stories.server_town import BY_WEBHOOKS, Plan, ServerTown, check_server_town, quick_town

TWO = Plan(repos=("acme/shop", "acme/lib"))
Link = Callable[[ServerTown, Repo], tuple[Issue, Issue]]
"""Makes an issue in the shop, and what it waits for elsewhere."""


def by_text(town: ServerTown, there: Repo) -> tuple[Issue, Issue]:
    """Named in the description."""
    first = town.issue_in(there, "First")
    return town.issue("Second", f"Depends on {there.full_name}#{first.number}"), first


def by_dependency(town: ServerTown, there: Repo) -> tuple[Issue, Issue]:
    """GitHub's own *blocked by*."""
    first, second = town.issue_in(there, "First"), town.issue("Second")
    town.hub.links.block(second, first, town.maintainer)
    return second, first


def on_a_pull(town: ServerTown, there: Repo) -> tuple[Issue, Issue]:
    """A pull request, which has to be merged."""
    town.hub.repos.commit_files(there, "topic", {"topic.txt": "1\n"}, town.maintainer, "Topic")
    pull = town.hub.pulls.create(there, town.maintainer, title="First", head="topic", base="main")
    return town.issue("Second", f"Depends on {there.full_name}#{pull.number}"), pull


@pytest.mark.parametrize("link", [by_text, by_dependency, on_a_pull])
def test_a_close_in_a_repository_with_the_app_is_heard_at_once(tmp_path: Path, link: Link) -> None:
    with quick_town(tmp_path, TWO, rules=BY_WEBHOOKS) as town:
        second, first = link(town, town.repos[1])
        town.label(second)
        town.labelled(second, "ai-ready", "ai-waiting")
        town.until(lambda: f"| acme/lib#{first.number} |" in town.status(second), "said where")
        if first.pull:
            town.hub.pulls.merge(first, town.maintainer)
        else:
            town.close(first)

        assert town.verdict(second).startswith("Done")
        town.labelled(second, "ai-done")
        assert town.order() == [second.number]
        town.looks()
        check_server_town(town)


def test_reopened_elsewhere_while_the_run_is_queued_it_is_taken_back(tmp_path: Path) -> None:
    with quick_town(tmp_path, TWO, rules=BY_WEBHOOKS) as town:
        second, first = by_text(town, town.repos[1])
        town.close(first)
        town.actions.hold("queued")
        town.label(second)
        town.labelled(second, "ai-ready", "ai-queued")
        town.hub.issues.reopen(first, town.maintainer)
        assert "acme/lib#1" in town.verdict(second)
        town.labelled(second, "ai-ready", "ai-waiting")

        town.actions.hold("")
        town.close(first)
        assert town.verdict(second, 2).startswith("Done")
        town.labelled(second, "ai-done")
        town.looks()
        check_server_town(town)


def test_parents_in_two_repositories_that_close_at_once_start_it_once(tmp_path: Path) -> None:
    """P27: two lanes, two workers, one dispatch."""
    with quick_town(tmp_path, replace(TWO, repos=("acme/shop", "acme/lib", "acme/tool")), rules=BY_WEBHOOKS) as town:
        parents = [town.issue_in(repo, "Parent") for repo in town.repos[1:]]
        child = town.asked("Child", "Depends on acme/lib#1 and acme/tool#1")
        town.labelled(child, "ai-ready", "ai-waiting")
        with town.hub.lock:
            for parent in parents:
                town.close(parent)

        assert town.verdict(child).startswith("Done")
        town.labelled(child, "ai-done")
        town.looks()
        assert town.order() == [child.number]
        check_server_town(town)


def test_a_close_where_the_app_is_not_installed_is_seen_by_the_timer(tmp_path: Path) -> None:
    with quick_town(tmp_path) as town:
        elsewhere = town.hub.create_repo("other/tool", "mallory", files={})
        first = town.hub.issues.create(elsewhere, town.visitor, title="First")
        second = town.asked("Second", "Depends on https://github.com/other/tool/issues/1")
        town.until(lambda: "| other/tool#1 | named in the description | open |" in town.status(second), "said where")
        town.looks()
        assert town.order() == []

        town.hub.issues.close(first, town.visitor)
        assert town.verdict(second).startswith("Done")
        town.labelled(second, "ai-done")
        town.looks()
        check_server_town(town)


def test_what_can_not_be_read_is_invalid_whether_it_exists_or_not(tmp_path: Path) -> None:
    """P12: private with the App, private without it, or not there at all: the same words; then it is opened up."""
    with quick_town(tmp_path, TWO, rules=BY_WEBHOOKS) as town:
        town.repos[1].private = True
        vault = town.hub.create_repo("other/vault", "mallory", files={}, private=True)
        kept = [
            town.issue_in(town.repos[1], "With the App"),
            town.hub.issues.create(vault, town.visitor, title="Without"),
        ]
        names = ("acme/lib#1", "other/vault#1", "other/nothing#1")
        issues = [town.asked(f"Behind {name}", f"Depends on {name}") for name in names]
        for issue in issues:
            town.labelled(issue, "ai-ready", "ai-waiting")
        told = [town.status(issue).split("\n\n<!--")[0] for issue in issues]
        assert told[0] == (
            "**Can't start**: `acme/lib#1` does not exist or can't be read. Correct the reference; it is looked at "
            "again by itself."
        )
        assert {text.replace(name, "X") for text, name in zip(told, names, strict=True)} == {
            told[0].replace(names[0], "X")
        }
        for first in kept:
            town.hub.issues.close(first, town.hub.person(first.user.login))
        town.looks()
        assert town.order() == []

        town.repos[1].private = vault.private = False
        town.looks()
        for issue in issues[:2]:
            assert town.verdict(issue).startswith("Done")
            town.labelled(issue, "ai-done")
        town.looks()
        assert sorted(town.order()) == [issue.number for issue in issues[:2]]
        check_server_town(town)


# -------------------------------------------------------------------------------------------- sub-issues


def close_child(town: ServerTown, _parent: Issue, child: Issue) -> None:
    """It is done."""
    town.close(child)


def remove_child(town: ServerTown, parent: Issue, child: Issue) -> None:
    """It is a sub-issue no more: only the App hears of that."""
    town.hub.links.remove_child(parent, child, town.maintainer)


@pytest.mark.parametrize("release", [close_child, remove_child])
def test_a_parent_waits_for_its_open_sub_issues(
    tmp_path: Path, release: Callable[[ServerTown, Issue, Issue], None]
) -> None:
    """Those that are closed don't count; the last one that goes starts the parent at once, once."""
    with quick_town(tmp_path, rules=BY_WEBHOOKS) as town:
        parent = town.issue("Parent")
        children = [town.issue(f"Child {n}") for n in range(3)]
        for child in children:
            town.hub.links.add_child(parent, child, town.maintainer)
        town.close(children[0])
        town.label(parent)
        town.labelled(parent, "ai-ready", "ai-waiting")
        for child in children[1:]:
            assert f"| #{child.number} | sub-issue | open; nobody has asked for it |" in town.status(parent)
        assert f"| #{children[0].number} |" not in town.status(parent)

        release(town, parent, children[1])
        town.until(lambda: f"| #{children[1].number} |" not in town.status(parent), "one less")
        assert town.order() == []
        release(town, parent, children[2])
        assert town.verdict(parent).startswith("Done")
        town.labelled(parent, "ai-done")
        assert town.order() == [parent.number]
        town.looks()
        check_server_town(town)
