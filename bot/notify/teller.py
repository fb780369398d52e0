"""From a notice to a post: which webhook, whether at all, without secrets. What fails is one line of the log."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from bot.config import SlackHooks
from bot.core.settings import Notify
from bot.notify.message import message
from bot.notify.notice import Notice
from bot.notify.slack import SECONDS, post

ASKED_FOR: Final = Notify().slack_webhook_env
"""The variable of those whose config names none."""


@dataclass(frozen=True, slots=True)
class Teller:
    """Tells Slack, one post at a time; each takes at most `seconds`."""

    hooks: SlackHooks
    screen: Callable[[str], str]
    """Takes secrets out of a text."""
    log: Callable[[str], None]
    seconds: float = SECONDS

    def tell(self, notify: Notify, notice: Notice) -> float:
        """Post it, where it is wanted. Seconds for which Slack wants to hear nothing more; 0: no such wish."""
        address = self.hooks.addresses.get(notify.slack_webhook_env)
        if not notice.wanted(notify) or not self.reaches(notify) or address is None:
            return 0.0
        clean = replace(notice, title=self.screen(notice.title), sentence=self.screen(notice.sentence))
        answer = post(address, message(clean), seconds=self.seconds)
        if answer.problem:
            self.log(f"Slack was not told ({answer.problem}); nothing else depends on it.")
        return answer.retry_after

    def reaches(self, notify: Notify) -> bool:
        """Whether there is an address to post to; where one was meant and is none, that is said."""
        name = notify.slack_webhook_env
        if name in self.hooks.addresses:
            return True
        if name != ASKED_FOR or self.hooks.stray:
            self.log(
                f"Slack was not told: {name} holds no address of a webhook such as https://hooks.slack.com/services/…; "
                "set it, or correct notify.slack_webhook_env (docs/slack.md)."
            )
        return False
