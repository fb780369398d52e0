"""The initializer's agent on a laptop: apart from us, in a copy of what is committed, with nothing that it could change.

A folder that is no git repository, or has no commit yet, has nothing that the agent could read: it plans by the spec alone.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path

from bot.agent.isolation import isolation_for
from bot.agent.places import run_root
from bot.agent.process import Cancel
from bot.config import LaptopEnv
from bot.core.verdict import Bounds
from bot.job.fetch import fetch_commits
from bot.job.git import make_git_folder
from bot.job.initializing import Commission, Draft, draft_plan
from bot.job.redact import Redactor
from bot.job.session import Agent, Ask, ModelAccess, agent_session
from bot.job.workspace import Ground
from bot.local.checkout import open_checkout
from bot.local.loan import lend
from bot.local.settings import LocalSettings
from bot.progress.events import Isolated
from bot.progress.journal import Journal, Listener

_LENT = "ai/init"


@dataclass(frozen=True, slots=True)
class Drafter:
    """Asks for plans."""

    settings: LocalSettings
    env: LaptopEnv
    log: Callable[[str], None] = lambda _line: None
    listeners: tuple[Listener, ...] = ()
    """Hear what the agent does."""
    cancel: Cancel = field(default_factory=Cancel)
    session: Callable[[ModelAccess, Ground], AbstractContextManager[Agent]] = field(default=agent_session)

    def __call__(self, commission: Commission) -> Draft:
        """One plan, or why there is none. Raises `ConfigError` without a key, `Blocked` where no agent can be run."""
        self.env.demand_model_key()
        os.umask(0o022)  # with a wider one the agent could write our git folder
        config = self.settings.repo
        screen = Redactor(self.env.secrets)
        journal = Journal("init", 0, screen=screen.text, log=self.log, listeners=self.listeners)
        with self._ground(journal, screen) as ground, journal.open():
            tree, has_code = self._tree(ground)
            asked = replace(commission, has_code=has_code, instructions=config.agent.instructions)
            seconds = float(self.settings.task_seconds)
            first = Ask("", tree, seconds, config.agent.max_turns, context=config.checkpoints.context)
            bounds = Bounds(config.limits.usd, config.limits.minutes, config.agent.max_turns)
            with self.session(self._access(), ground) as agent:
                return draft_plan(asked, first, bounds, agent.ask, screen)

    def _access(self) -> ModelAccess:
        env, config = self.env, self.settings.repo
        return ModelAccess.of(env, config.agent, config.agent.model, config.limits.usd)

    @contextlib.contextmanager
    def _ground(self, journal: Journal, screen: Redactor) -> Iterator[Ground]:
        root = run_root()
        with isolation_for(self.settings.repo.agent.isolation, root=root, log=journal.say) as isolation:
            try:
                journal.tell(Isolated(isolation.name))
                yield Ground(root, isolation, self.cancel, screen, journal.say, journal.tell, self.env.others)
            finally:
                isolation.kill_all()
                isolation.discard(root)

    def _tree(self, ground: Ground) -> tuple[Path, bool]:
        """The agent's folder, and whether there is anything in it."""
        name = self.settings.root.name
        tree = ground.root / (name if name not in {"", "home", "bin", "store.git", "lent.git"} else "repository")
        tree.mkdir(mode=0o755)
        head = self._check_out(tree, ground) if (self.settings.root / ".git").exists() else ""
        ground.isolation.own(tree)
        return tree, bool(head)

    def _check_out(self, tree: Path, ground: Ground) -> str:
        """The commit that is checked out; empty: there is none yet."""
        checkout = open_checkout(self.settings.root, self.env.others, redact=ground.screen.text)
        ran = checkout.own.attempt("rev-parse", "--quiet", "--verify", "HEAD^{commit}")
        head = ran.out.decode("ascii").strip() if ran.exit_code == 0 else ""
        if head:
            loan = lend(checkout, ground.root / "lent.git")
            loan.show(_LENT, head)
            git = make_git_folder(ground.root / "store.git", redact=ground.screen.text, stop=ground.cancel)
            fetch_commits(git, loan.remote, (head,), branches=(_LENT,), depth=1)
            git.on(tree)("checkout", "--quiet", "--force", "--detach", head, seconds=600)
        return head
