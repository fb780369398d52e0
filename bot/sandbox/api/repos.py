"""REST: the repository itself, its people, labels, milestones, branches and hooks."""

from typing import Any

from fastapi import APIRouter, Response

from bot.sandbox.api.asking import Ask, Asked, answer, done, paged
from bot.sandbox.errors import Refused, not_found
from bot.sandbox.records import ROLES, Hook, Json, Label, Milestone, Repo, Role, User
from bot.sandbox.shapes import accounts, deliveries
from bot.sandbox.shapes import repos as shapes

router = APIRouter(prefix="/repos/{owner}/{repo}")


@router.get("")
def get_repo(ask: Asked) -> Response:
    """The repository and what the asker may do there."""
    return answer(shapes.repository_full(ask.hub, ask.require("metadata", "read"), ask.by))


# ------------------------------------------------------------------------------------------- people


def _coarse(role: Role) -> str:
    """`permission`: maintain counts as write, triage as read."""
    return {"maintain": "write", "triage": "read"}.get(role, role)


def _collaborator(ask: Ask, user: User, role: Role) -> Json:
    rank = ROLES.index(role)
    words = {"pull": "read", "triage": "triage", "push": "write", "maintain": "maintain", "admin": "admin"}
    may = {word: rank >= ROLES.index(needed) for word, needed in _ranked(words)}
    return accounts.user(ask.hub, user) | {"role_name": role, "permissions": may}


def _ranked(words: dict[str, str]) -> list[tuple[str, Role]]:
    return [(word, role) for word, needed in words.items() for role in ROLES if role == needed]


@router.get("/collaborators")
def list_collaborators(ask: Asked) -> Response:
    """People with a role of their own."""
    people = list(ask.require("metadata", "read").collaborators.values())
    return paged(ask, people, lambda pair: _collaborator(ask, *pair))


@router.get("/collaborators/{login}")
def is_collaborator(ask: Asked, login: str) -> Response:
    """204 or 404."""
    if ask.hub.user(login).id not in ask.require("metadata", "read").collaborators:
        raise not_found()
    return done()


@router.put("/collaborators/{login}")
def add_collaborator(ask: Asked, login: str) -> Response:
    """At once (GitHub would invite): pull, triage, push, maintain, admin."""
    repo = ask.require("administration", "write")
    names: dict[str, Role] = {"pull": "read", "push": "write", "triage": "triage", "maintain": "maintain"}
    repo.set_collaborator(ask.hub.user(login), names.get(ask.text("permission", "push"), "admin"))
    return done()


@router.delete("/collaborators/{login}")
def remove_collaborator(ask: Asked, login: str) -> Response:
    """Take the role away."""
    ask.require("administration", "write").set_collaborator(ask.hub.user(login), "none")
    return done()


@router.get("/collaborators/{login}/permission")
def get_permission(ask: Asked, login: str) -> Response:
    """`permission` is admin, write, read or none; `role_name` is finer.

    https://docs.github.com/en/rest/collaborators/collaborators#get-repository-permissions-for-a-user
    """
    repo, user = ask.require("metadata", "read"), ask.hub.user(login)
    role = repo.role(user)
    shown = {"permission": _coarse(role), "role_name": role, "user": _collaborator(ask, user, role)}
    return answer(shown)


@router.get("/assignees")
def list_assignees(ask: Asked) -> Response:
    """Who can be assigned."""
    people = [user for user, _ in ask.require("metadata", "read").collaborators.values()]
    return paged(ask, people, lambda one: accounts.user(ask.hub, one))


@router.get("/assignees/{login}")
def is_assignable(ask: Asked, login: str) -> Response:
    """204 or 404."""
    return is_collaborator(ask, login)


# ------------------------------------------------------------------------------------------- labels


def _label(repo: Repo, name: str) -> Label:
    label = repo.labels.get(name.lower())
    if label is None:
        raise not_found()
    return label


@router.get("/labels")
def list_labels(ask: Asked) -> Response:
    """Of the repository."""
    repo = ask.require("issues", "read")
    return paged(ask, list(repo.labels.values()), lambda one: shapes.label(ask.hub, repo, one))


@router.post("/labels")
def create_label(ask: Asked) -> Response:
    """422 `already_exists`."""
    repo, text = ask.require("issues", "write"), ask.text
    made = ask.hub.repos.create_label(
        repo, text("name"), color=text("color", "ededed"), description=text("description", "")
    )
    return answer(shapes.label(ask.hub, repo, made), 201)


@router.get("/labels/{name:path}")
def get_label(ask: Asked, name: str) -> Response:
    """By name, any case."""
    repo = ask.require("issues", "read")
    return answer(shapes.label(ask.hub, repo, _label(repo, name)))


@router.patch("/labels/{name:path}")
def edit_label(ask: Asked, name: str) -> Response:
    """New name, colour, description."""
    repo = ask.require("issues", "write")
    label = _label(repo, name)
    ask.hub.repos.edit_label(repo, label, ask.body)
    return answer(shapes.label(ask.hub, repo, label))


@router.delete("/labels/{name:path}")
def delete_label(ask: Asked, name: str) -> Response:
    """From every issue as well."""
    repo = ask.require("issues", "write")
    ask.hub.repos.delete_label(repo, _label(repo, name))
    return done()


# --------------------------------------------------------------------------------------- milestones


def _milestone(repo: Repo, number: int) -> Milestone:
    if number not in repo.milestones:
        raise not_found()
    return repo.milestones[number]


@router.get("/milestones")
def list_milestones(ask: Asked) -> Response:
    """`state`: open, closed, all."""
    repo, state = ask.require("issues", "read"), ask.query.get("state", "open")
    found = [one for one in repo.milestones.values() if state == "all" or one.open == (state == "open")]
    return paged(ask, found, lambda one: shapes.milestone(ask.hub, repo, one))


@router.post("/milestones")
def create_milestone(ask: Asked) -> Response:
    """422 `already_exists`."""
    repo = ask.require("issues", "write")
    made = ask.hub.repos.create_milestone(repo, ask.text("title"), ask.by, description=ask.text("description", ""))
    return answer(shapes.milestone(ask.hub, repo, made), 201)


@router.get("/milestones/{number:int}")
def get_milestone(ask: Asked, number: int) -> Response:
    """One."""
    repo = ask.require("issues", "read")
    return answer(shapes.milestone(ask.hub, repo, _milestone(repo, number)))


@router.patch("/milestones/{number:int}")
def edit_milestone(ask: Asked, number: int) -> Response:
    """Title, description, state."""
    repo = ask.require("issues", "write")
    milestone = _milestone(repo, number)
    milestone.title = ask.text("title", milestone.title)
    milestone.description = ask.text("description", milestone.description)
    if "state" in ask.body:
        milestone.open = ask.text("state") == "open"
        milestone.closed_at = None if milestone.open else ask.hub.now()
    return answer(shapes.milestone(ask.hub, repo, milestone))


# ------------------------------------------------------------------------------------------- hooks


def _hook(repo: Repo, hook_id: int) -> Hook:
    hook = next((one for one in repo.hooks if one.id == hook_id), None)
    if hook is None:
        raise not_found()
    return hook


def _config(ask: Ask) -> dict[str, Any]:
    config = ask.body.get("config")
    if not isinstance(config, dict) or not isinstance(config.get("url"), str):
        raise Refused.validation("Hook", "config", "missing_field")
    return config


@router.get("/hooks")
def list_hooks(ask: Asked) -> Response:
    """Of the repository."""
    repo = ask.require("repository_hooks", "read")
    return paged(ask, repo.hooks, lambda one: accounts.hook(ask.hub, repo, one))


@router.post("/hooks")
def create_hook(ask: Asked) -> Response:
    """Body: `{"config": {"url": …, "secret": …}, "events": […], "active": true}`."""
    repo, config = ask.require("repository_hooks", "write"), _config(ask)
    events = tuple(ask.texts("events")) or ("push",)
    secret, active = str(config.get("secret") or ""), ask.body.get("active") is not False
    made = ask.hub.repos.add_hook(repo, config["url"], secret=secret, events=events, active=active)
    return answer(accounts.hook(ask.hub, repo, made), 201)


@router.get("/hooks/{hook_id:int}")
def get_hook(ask: Asked, hook_id: int) -> Response:
    """One."""
    repo = ask.require("repository_hooks", "read")
    return answer(accounts.hook(ask.hub, repo, _hook(repo, hook_id)))


@router.delete("/hooks/{hook_id:int}")
def delete_hook(ask: Asked, hook_id: int) -> Response:
    """No more deliveries."""
    repo = ask.require("repository_hooks", "write")
    repo.hooks.remove(_hook(repo, hook_id))
    return done()


@router.get("/hooks/{hook_id:int}/deliveries")
def list_hook_deliveries(ask: Asked, hook_id: int) -> Response:
    """Newest first."""
    hook = _hook(ask.require("repository_hooks", "read"), hook_id)
    return paged(ask, ask.hub.webhooks.of(hook), deliveries.delivery)


@router.post("/hooks/{hook_id:int}/deliveries/{delivery_id:int}/attempts")
def redeliver(ask: Asked, hook_id: int, delivery_id: int) -> Response:
    """Again, under the same GUID."""
    hook = _hook(ask.require("repository_hooks", "write"), hook_id)
    ask.hub.webhooks.redeliver(ask.hub.webhooks.get(hook, delivery_id))
    return answer({}, 202)
