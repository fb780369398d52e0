"""Pages for GitHub Apps: made of a manifest that another site posts, installed with one click, suspended, uninstalled.

https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
"""

from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse

from bot.sandbox.apps import checked_manifest
from bot.sandbox.errors import Refused, not_found
from bot.sandbox.page import ForeignForm, Form, go_to, hub_of, me_of, show
from bot.sandbox.records import App, Installation, User

if TYPE_CHECKING:
    from bot.sandbox.state import Hub


def add_app_pages(app: FastAPI) -> None:
    """Routes; before those of repositories, whose names could be the same."""
    for root in ("/settings", "/organizations/{login}/settings"):
        app.add_api_route(f"{root}/apps/new", _blank, methods=["GET"], response_model=None)
        app.add_api_route(f"{root}/apps/new", _look, methods=["POST"], response_model=None)
        app.add_api_route(f"{root}/apps", _create, methods=["POST"], response_model=None)
        app.add_api_route(f"{root}/installations/{{number:int}}", _installed, methods=["GET"], response_model=None)
    app.add_api_route("/settings/installations/{number:int}/{verb}", _change, methods=["POST"], response_model=None)
    app.add_api_route("/apps/{slug}", _app, methods=["GET"], response_model=None)
    app.add_api_route("/apps/{slug}/installations/new", _app, methods=["GET"], response_model=None)
    app.add_api_route("/apps/{slug}/installations", _install, methods=["POST"], response_model=None)


# ------------------------------------------------------------------------------------------ a new App


def _owner(request: Request) -> User:
    """Whose App it will be: the organization's that the person administers, else the person's. Raises `Refused` 404."""
    login = request.path_params.get("login")
    wanted = hub_of(request).user(str(login)) if login else me_of(request).user
    if wanted not in _accounts(request):
        raise not_found()
    return wanted


def _accounts(request: Request) -> list[User]:
    """The person, and the organizations in which they administer something."""
    hub, me = hub_of(request), me_of(request).user
    owners = [repo.owner for repo in hub.repositories.values() if repo.role(me) == "admin"]
    return list(dict.fromkeys([me, *(owner for owner in owners if owner.type == "Organization")]))


def _blank(request: Request) -> Response:
    """Nobody posted a manifest."""
    return show(request, "app_new.html", owner=_owner(request), manifest=None)


def _look(request: Request, form: ForeignForm) -> Response:
    """The manifest is shown; nothing is made before the person presses the button."""
    text = form.get("manifest", "")
    manifest = checked_manifest(text)
    target = urlsplit(str(manifest.get("redirect_url") or ""))
    back = f"{target.scheme}://{target.netloc}" if target.netloc else ""
    facts = {"text": text, "state": request.query_params.get("state", form.get("state", ""))}
    return show(request, "app_new.html", leads_to=back, owner=_owner(request), manifest=manifest, **facts)


def _create(request: Request, form: Form) -> Response:
    """The person pressed it: back to where the manifest came from, with a code."""
    manifest, owner = checked_manifest(form.get("manifest", "")), _owner(request)
    manifest["name"] = form.get("name") or manifest.get("name")
    registry = hub_of(request).app_registry
    code = registry.from_manifest(manifest, owner)
    address = str(manifest.get("redirect_url") or "")
    if not address:
        return go_to("/")
    query = urlencode({"code": code} | ({"state": form["state"]} if form.get("state") else {}))
    return RedirectResponse(f"{address}{'&' if '?' in address else '?'}{query}", status_code=302)


# ------------------------------------------------------------------------------------------ installing


def _app(request: Request) -> Response:
    """What it asks for, and a button for each account that may install it."""
    hub, app = hub_of(request), hub_of(request).app(request.path_params["slug"])
    accounts = [one for one in _accounts(request) if app.public or one is app.owner]
    repos = {one.login: [repo for repo in hub.repositories.values() if repo.owner is one] for one in accounts}
    done = [one for one in app.installations if one.account in accounts]
    target = urlsplit(app.setup_url)
    back = f"{target.scheme}://{target.netloc}" if target.netloc else ""
    return show(request, "app.html", leads_to=back, app=app, accounts=accounts, repos=repos, installed=done)


def _install(request: Request, form: Form) -> Response:
    """One click: for all repositories of the account, or for one."""
    hub = hub_of(request)
    app, account = hub.app(request.path_params["slug"]), hub.user(form.get("account", ""))
    if account not in _accounts(request) or not (app.public or account is app.owner):
        raise not_found()
    if any(one.account is account for one in app.installations):
        raise Refused(422, f"{app.name} is installed in {account.login} already.")
    repos = [hub.repo(form["repository"])] if form.get("repository") else None
    made = hub.app_registry.install(app, account, repos=repos)
    if app.setup_url:
        query = urlencode({"installation_id": made.id, "setup_action": "install"})
        return RedirectResponse(f"{app.setup_url}?{query}", status_code=302)
    return go_to(f"/settings/installations/{made.id}")


def _installation(request: Request) -> Installation:
    found = hub_of(request).app_registry.installation(int(request.path_params["number"]))
    if found.account not in _accounts(request):
        raise not_found()
    return found


def _installed(request: Request) -> Response:
    """An installation, for whoever may end it."""
    found = _installation(request)
    return show(request, "installation.html", installation=found, repos=_reached(hub_of(request), found))


def _reached(hub: "Hub", installation: Installation) -> list[str]:
    return [repo.full_name for repo in hub.repositories.values() if installation.covers(repo)]


def _change(request: Request, form: Form) -> Response:  # noqa: ARG001 - read for the check of where it came from
    """Suspend, unsuspend, uninstall."""
    registry, found, me = hub_of(request).app_registry, _installation(request), me_of(request)
    app: App = found.app
    match request.path_params["verb"]:
        case "uninstall":
            registry.uninstall(found, me)
            return go_to(f"/apps/{app.slug}")
        case "suspend" | "unsuspend" as verb:
            registry.suspend(found, me, suspended=verb == "suspend")
            return go_to(f"/settings/installations/{found.id}")
    raise not_found()
