"""A channel of Slack."""

from collections.abc import Iterator

import pytest

from tests.notify.channel import Channel, slack_channel


@pytest.fixture
def channel() -> Iterator[Channel]:
    """It ends with an error where something was sent that Slack would refuse."""
    with slack_channel() as channel:
        yield channel
    assert channel.wrong == []
