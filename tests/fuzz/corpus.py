"""One delivery of every event and action that the sandbox makes, in GitHub's shapes: what mutations begin from."""

from pathlib import Path
from typing import Any, NamedTuple

from tests.sandbox.world import World, small_world


class Seed(NamedTuple):
    """A good delivery."""

    event: str
    payload: dict[str, Any]


def seeds(folder: Path) -> tuple[Seed, ...]:
    """In a fixed order."""
    world = small_world(folder)
    heard = world.events()
    _play(world)
    found = {(each.name, each.action): {"installation": {"id": 5}} | each.payload for each in heard}
    ping: dict[str, Any] = {"zen": "Keep it logically awesome.", "hook_id": 1, "hook": {"type": "App"}}
    found.setdefault(("ping", ""), ping)
    return tuple(Seed(event, payload) for (event, _), payload in sorted(found.items()))


def _play(world: World) -> None:
    hub, ada, shop = world.hub, world.by("ada"), world.shop
    first, second = world.issue("[A-1.1] one"), world.issue("[A-1.2] two", body="Depends on #1")
    hub.issues.add_labels(first, ["ai-ready"], ada)
    hub.issues.set_labels(first, [], ada)
    hub.issues.add_comment(first, ada, "/ai run")
    hub.links.block(second, first, ada)
    hub.links.add_child(second, first, ada)
    hub.issues.close(first, ada)
    pull = world.pull("ai/issue-2", body="Closes #2")
    hub.reviews.submit(pull, ada, event="COMMENT", body="hm")
    hub.pulls.merge(pull, ada)
    _, installation = world.app()
    flow = hub.actions.find_workflow(shop, "ai.yml")
    hub.actions.dispatch(shop, flow, ada, ref="main", inputs={"issue": "1", "run_key": "1-L1-1"})
    hub.actions.cancel(hub.actions.listing(shop)[0])
    for chosen in ([], [shop]):
        hub.app_registry.choose(installation, chosen, ada)
    hub.app_registry.uninstall(installation, ada)
