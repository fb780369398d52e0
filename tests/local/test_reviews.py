"""What becomes of tasks in review when their pull requests were merged or closed: real task files, the sandbox as GitHub."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot.github.action_client import Access, ActionGitHub
from bot.github.courier import Timing
from bot.local.carrying import Parts
from bot.local.loop import Wish
from bot.local.patience import Patience
from bot.local.reviews import Place as Repository
from bot.local.reviews import Reviews
from bot.sandbox.records import Issue
from bot.sandbox.server import serve
from bot.sandbox.state import Hub
from bot.trackers.file_source import FileTracker
from bot.trackers.tracker import Listing, Status, Task
from tests.local.loop_stage import AGENT, Died, Place, done

ADVICE = "Set the task to `todo` to try again: a next run goes on from the branch."


@dataclass
class Shop:
    """A runner's place, and the repository on GitHub where its pull requests are."""

    hub: Hub
    place: Place
    made: list[Issue] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.hub.create_user("ann")
        self.repo = self.hub.create_repo("acme/shop", "ann", files={"a.txt": "a"})
        self.ann = self.hub.person("ann")
        self.place.follow = self.follow

    def follow(self, parts: Parts, patience: Patience) -> Callable[[Listing], bool]:
        token = self.hub.tokens.personal(self.hub.user("ann")).value
        access = Access("acme/shop", token, self.hub.api_url)
        github = ActionGitHub(access, timing=Timing(sleep=lambda _: None))
        return Reviews(parts, patience, github, Repository("acme/shop", self.hub.url)).follow

    def pull(self, branch: str) -> str:
        """Opens a pull request with one new file; its address."""
        self.hub.repos.commit_files(self.repo, branch, {f"{branch}.txt": "x"}, self.ann)
        self.made.append(self.hub.pulls.create(self.repo, self.ann, title=branch, head=branch, base="main"))
        return f"{self.hub.url}/acme/shop/pull/{self.made[-1].number}"

    def reviewed(self, title: str = "[A-1.1] One") -> Task:
        """A task of ours whose pull request waits for somebody."""
        task = self.place.task(title)
        self.place.work.says = lambda _task, attempt, _watch: done(attempt, pull=self.pull(attempt.branch))
        assert self.place.run() == 0
        assert self.place.status(task) is Status.IN_REVIEW
        return task

    def merge(self, number: int = 0) -> str:
        """Merges; what a note says then."""
        self.hub.pulls.merge(self.made[number], self.ann)
        return f"#{self.made[number].number} was merged"

    def close(self) -> str:
        """Closes unmerged; what a note says then."""
        self.hub.issues.close(self.made[-1], self.ann)
        return f"#{self.made[-1].number} was closed without being merged"

    def asked(self) -> int:
        """How often GitHub was asked."""
        return len(self.hub.requests.api())


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    (tmp_path / "place").mkdir()
    hub = Hub(tmp_path / "hub")
    with serve(hub):
        yield Shop(hub, Place(tmp_path / "place"))


def test_a_merged_pull_request_makes_its_task_done_and_later_phases_go_on(shop: Shop) -> None:
    first = shop.reviewed()
    second = shop.place.task("[A-2.1] Two")
    shop.place.run()
    assert shop.place.worked_on() == ["A-1.1"]
    why = shop.merge()

    assert shop.place.run() == 0

    assert shop.place.status(first) is Status.DONE
    assert shop.place.text(first).count(f"{why}.") == 1
    assert f"✓ A-1.1 is done now: {why}." in shop.place.voice.said
    assert shop.place.worked_on() == ["A-1.1", "A-2.1"]
    assert shop.place.status(second) is Status.IN_REVIEW


def test_a_pull_request_that_was_closed_blocks_its_task_and_says_what_to_do(shop: Shop) -> None:
    task = shop.reviewed()
    why = shop.close()

    shop.place.run()

    assert shop.place.status(task) is Status.BLOCKED
    assert shop.place.text(task).count(f"{why}. {ADVICE}") == 1
    assert f"⚠ A-1.1 is blocked now: {why}." in shop.place.voice.said

    shop.place.tracker.set_status(shop.place.tracker.get(task.id), Status.TODO)
    shop.hub.repos.delete_ref(shop.repo, "refs/heads/ai/task-A-1.1", shop.ann)
    shop.place.run()  # a next attempt, a next pull request: the closed one counts no longer
    shop.place.tracker.attach(task, "", "")  # somebody took the link away: what the runner knows decides
    shop.merge(1)
    shop.place.run()

    assert shop.place.status(task) is Status.DONE


def test_a_kill_between_note_and_status_leaves_one_note(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    task = shop.reviewed()
    why = shop.merge()

    def dies(*_: object) -> Task:
        raise Died

    with monkeypatch.context() as killed:
        killed.setattr(FileTracker, "set_status", dies)
        with pytest.raises(Died):
            shop.place.run()
    assert shop.place.status(task) is Status.IN_REVIEW
    assert why in shop.place.text(task)

    shop.place.run()

    assert shop.place.status(task) is Status.DONE
    assert shop.place.text(task).count(why) == 1


def test_a_person_who_moves_the_task_meanwhile_wins(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between our note and our status: the status that we read is no more, so it is not written over."""
    task = shop.reviewed()
    shop.close()
    comment = FileTracker.comment

    def and_somebody_moves_it(self: FileTracker, task: Task, text: str, *, once: str = "") -> None:
        comment(self, task, text, once=once)
        person = FileTracker(self.folder, "ann")
        person.set_status(person.get(task.id), Status.CANCELLED)

    monkeypatch.setattr(FileTracker, "comment", and_somebody_moves_it)
    shop.place.run()

    assert shop.place.status(task) is Status.CANCELLED


def test_github_away_is_said_once_and_waited_for_while_other_tasks_go_on(shop: Shop) -> None:
    task = shop.reviewed()
    why = shop.merge()
    shop.hub.faults.fail("/graphql", 502, times=-1)
    rounds = 0
    plain = shop.place.follow

    def counted(parts: Parts, patience: Patience) -> Callable[[Listing], bool]:
        follow = plain(parts, patience)

        def look(listing: Listing) -> bool:
            nonlocal rounds
            rounds += 1
            if rounds == 3:
                shop.hub.faults.clear()
            moved = follow(listing)
            if rounds >= 3 and shop.place.status(task) is Status.DONE:
                shop.place.cancel.set()
            assert rounds < 60
            return moved

        return look

    shop.place.follow = counted
    other = shop.place.task("Another")
    shop.place.limits(idle_seconds=0)

    assert shop.place.run(Wish()) == 0

    away = [line for line in shop.place.voice.said if "GitHub does not say what became of" in line]
    assert len(away) == 1
    assert shop.place.status(other) is Status.IN_REVIEW
    assert shop.place.status(task) is Status.DONE
    assert shop.place.text(task).count(why) == 1


def test_all_tasks_are_asked_for_in_one_request_and_no_more_often_than_every_idle_seconds(shop: Shop) -> None:
    first, second, waits = shop.reviewed("One"), shop.reviewed("Two"), shop.reviewed("Waits")
    shop.place.limits(idle_seconds=3600)
    shop.merge(0)
    shop.merge(1)
    for name in ("Three", "Four", "Five"):
        shop.place.task(name)
    shop.place.work.says = lambda _task, _attempt, _watch: None
    before = shop.asked()

    shop.place.run()

    assert shop.asked() - before == 1
    assert [shop.place.status(each) for each in (first, second)] == [Status.DONE, Status.DONE]
    assert shop.place.status(waits) is Status.IN_REVIEW


def test_without_a_task_of_ours_in_review_nothing_is_asked(shop: Shop) -> None:
    """Somebody put this one into review, and linked a pull request of theirs: it is theirs to end."""
    theirs = shop.place.task("Theirs", status=Status.IN_REVIEW)
    shop.place.tracker.attach(theirs, shop.pull("topic"), "")
    shop.merge()

    shop.place.run()

    assert shop.asked() == 0
    assert shop.place.status(theirs) is Status.IN_REVIEW


def test_a_runner_that_knows_nothing_any_more_goes_by_the_link_of_the_task(shop: Shop) -> None:
    task = shop.reviewed()
    shop.merge()
    shutil.rmtree(shop.place.state.runs)
    shop.place.state.make()

    shop.place.run()

    assert shop.place.status(task) is Status.DONE


def test_a_pull_request_that_a_person_linked_instead_decides(shop: Shop) -> None:
    task = shop.reviewed()
    shop.place.tracker.attach(task, shop.pull("topic"), "")
    shop.merge(0)
    shop.place.run()
    assert shop.place.status(task) is Status.IN_REVIEW

    shop.merge(1)
    shop.place.run()

    assert shop.place.status(task) is Status.DONE


def test_who_puts_a_task_back_into_review_is_not_contradicted(shop: Shop) -> None:
    task = shop.reviewed()
    shop.close()
    shop.place.limits(idle_seconds=0)
    patience = Patience(shop.place.cancel, shop.place.voice)
    parts = shop.place.loop()._parts  # looked through twice with the same
    follow = shop.follow(parts, patience)
    assert follow(shop.place.tracker.list())
    person = FileTracker(shop.place.folder / "tasks", AGENT)
    person.set_status(person.get(task.id), Status.IN_REVIEW)

    follow(shop.place.tracker.list())

    assert shop.place.status(task) is Status.IN_REVIEW


def test_a_pull_request_that_cannot_be_seen_is_said_and_left(shop: Shop) -> None:
    task = shop.place.task("One")
    url = f"{shop.hub.url}/acme/shop/pull/99"
    shop.place.work.says = lambda _task, attempt, _watch: done(attempt, pull=url) if attempt.name == "One" else None
    shop.place.task("Two")
    shop.place.task("Three")
    shop.place.limits(idle_seconds=0)

    shop.place.run()

    said = [line for line in shop.place.voice.said if "#99 can't be seen" in line]
    assert len(said) == 1
    assert shop.place.status(task) is Status.IN_REVIEW
