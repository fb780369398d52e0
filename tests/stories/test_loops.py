"""The bot never answers itself, nor a bot that answers it: a hundred rounds in which all that it said comes back (C11)."""

import hashlib
import hmac
import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from bot.core.commands import parse_command
from bot.sandbox.model import Scene, done, needs_input, write
from bot.sandbox.records import Event, Issue, Repo
from bot.sandbox.state import Hub
from bot.sandbox.webhooks import Delivery
from tests.stories.conftest import Opens
from tests.stories.server_town import ServerTown, check_server_town, quick_town
from tests.stories.town import Town

ROUNDS = 100
GATES = 30
"""Each of them takes as long as several of the server's looks; they plan by the same code."""
MOST = 24
"""Comments of the others while ours still has something to say."""
SAID = ("/ai why", "/ai status", "/ai help", "/ai runn", "/ai run --model gpt-9")
"""One of each kind of answer."""


class Parrots:
    """Two accounts with write. A bot makes commands of what ours says; a program in a person's name repeats it."""

    def __init__(self, hub: Hub, repo: Repo) -> None:
        self._hub = hub
        bot, machine = hub.create_user("parrot[bot]", bot=True), hub.create_user("echo")
        for user in (bot, machine):
            hub.repos.set_collaborator(repo, user.login, "write")
        self.logins = {bot.login, machine.login}
        self._bot, self._machine = hub.tokens.personal(bot), hub.tokens.personal(machine)
        self.spoke = 0

    def answer(self, issue: Issue) -> None:
        """The newest word of ours, as command, as quotation, and as it is with all that is hidden in it."""
        said = [issue.body, *self.ours(issue)][-1]
        quoted = "\n".join(f"> {line}" for line in said.splitlines())
        last = said.rstrip().splitlines()[-1]
        assert parse_command(said) is None
        for body in (f"/ai run\n{quoted}", f"{last}\n\n{said}"):
            self._hub.issues.add_comment(issue, self._bot, body)
        for body in (f"{quoted}\n\n/ai run", said):
            self._hub.issues.add_comment(issue, self._machine, body)
        self.spoke += 4

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Inside, they answer whatever our bot says, or writes into an issue, as soon as it does."""

        def heard(event: Event) -> None:
            ours = event.token_kind in ("job", "installation") and event.repo is not None
            if ours and event.name in ("issue_comment", "issues") and self.spoke < MOST:
                assert event.repo is not None
                self.answer(event.repo.issues[event.payload["issue"]["number"]])

        deaf = self._hub.subscribe(heard)
        try:
            yield
        finally:
            deaf()

    def ours(self, issue: Issue) -> list[str]:
        """What our bot said on an issue."""
        return [c.body for c in issue.comments if c.user.type == "Bot" and c.user.login not in self.logins]

    def leave(self, repo: Repo) -> None:
        """They take back all that they said: whoever counts what was said at the end, counts ours."""
        for issue in repo.issues.values():
            for comment in [each for each in issue.comments if each.user.login in self.logins]:
                self._hub.issues.delete_comment(comment, self._machine)

    def written_by_others(self, repo: Repo) -> object:
        """All that there is but for what they say."""
        return [
            (
                issue.number,
                issue.open,
                issue.title,
                issue.body,
                sorted(label.name for label in issue.labels),
                [
                    (
                        comment.id,
                        comment.body,
                        len(comment.edits),
                        [(r.content, r.user.login) for r in comment.reactions],
                    )
                    for comment in issue.comments
                    if comment.user.login not in self.logins or comment.reactions
                ],
            )
            for issue in repo.issues.values()
        ], self._hub.repos.refs(repo, "refs/heads/")


def test_a_gate_does_nothing_about_all_that_was_said(opens: Opens) -> None:
    """Gates are started for everything that happens, also for what GitHub would start none for."""
    scenes = (Scene("Ask me", needs_input("Which one?")), Scene("", write("hello.py", "1\n"), done("Ok.")))
    town = opens(*scenes)
    parrots = Parrots(town.hub, town.repo)
    with parrots.at_once():
        town.issue("META: SHOP A shop", "## Goals\n")
        town.asked("[SHOP-1.1] First")
        asking, later = town.asked("Ask me"), town.asked("[SHOP-1.2] Later")
        for words in SAID:
            town.comment(later, words)
        town.settle(2 * MOST)
        town.start().all_jobs()
        town.settle(2 * MOST)
    assert town.labels(asking) == {"ai-blocked"}
    assert len(town.admitted) == 2
    before, events = parrots.written_by_others(town.repo), tuple(town.events)

    for number in range(GATES):
        if number % 10 == 0:
            parrots.answer(later)
        gate_for(town, events[-1 - number % len(events)])

    assert parrots.written_by_others(town.repo) == before
    parrots.leave(town.repo)
    town.handled = len(town.events)


def gate_for(town: Town, event: Event) -> None:
    """The gate that this event would start, whoever was behind it."""
    run = town.start(event.name, event.payload)
    run.gate()
    assert not run.is_admitted
    run.end()


def test_the_server_does_nothing_about_all_that_was_said(tmp_path: Path) -> None:
    """Every delivery once more, as if somebody else had sent it, while the others talk on."""
    with quick_town(tmp_path) as town:
        parrots = Parrots(town.hub, town.repo)
        with parrots.at_once():
            meta = town.issue("META: SHOP A shop", "## Goals\n")
            first, later = town.asked("[SHOP-1.1] First"), town.asked("[SHOP-1.2] Later")
            for words in SAID:
                town.comment(later, words)
            town.labelled(first, "ai-done")
            town.until(lambda: any("up for review" in body for body in parrots.ours(later)), "all is said")
            town.until(lambda: all(c.reactions for c in later.comments if c.body in SAID), "all is answered")
            town.looks(3)
        before, runs = parrots.written_by_others(town.repo), len(town.runs())
        heard = [each for each in town.hub.webhooks.deliveries if each.event != "workflow_run"]
        assert meta.edits

        for number in range(ROUNDS):
            if number % 5 == 0:
                parrots.answer((first, later, meta)[number % 3])
            send_again(town, heard[number % len(heard)])
        town.looks(3)

        assert parrots.written_by_others(town.repo) == before
        assert len(town.runs()) == runs
        parrots.leave(town.repo)
        check_server_town(town)


def send_again(town: ServerTown, delivery: Delivery) -> None:
    """The same news in another delivery, from somebody whom the server does not take for itself."""
    payload = json.loads(delivery.body) | {"sender": {"id": 4711, "login": "parrot[bot]", "type": "Bot"}}
    body = json.dumps(payload).encode()
    assert town.server is not None
    signature = hmac.digest(town.app.hook.secret.encode(), body, hashlib.sha256).hex()
    headers = {
        "Content-Type": "application/json",
        "X-GitHub-Event": delivery.event,
        "X-GitHub-Delivery": str(uuid.uuid4()),
        "X-Hub-Signature-256": f"sha256={signature}",
    }
    answer = httpx.post(f"{town.server.url}/webhook", content=body, headers=headers, trust_env=False)
    assert answer.status_code == 202, answer.text
