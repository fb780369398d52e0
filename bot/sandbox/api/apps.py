"""REST: GitHub Apps, installations and their tokens, the App's hook; accounts and the rate limit."""

from fastapi import APIRouter, Response

from bot.sandbox.api.asking import Ask, Asked, answer, done, paged
from bot.sandbox.errors import Refused, not_found
from bot.sandbox.records import App, Installation, Json, Repo
from bot.sandbox.shapes import accounts, deliveries
from bot.sandbox.shapes.repos import repository_full

router = APIRouter()


def _app(ask: Ask) -> App:
    if ask.by.kind != "app" or ask.by.app is None:
        raise Refused(401, "A JSON web token could not be decoded")
    return ask.by.app


def _installation(ask: Ask, installation_id: int) -> Installation:
    found = next((one for one in _app(ask).installations if one.id == installation_id), None)
    if found is None:
        raise not_found()
    return found


@router.get("/app")
def get_app(ask: Asked) -> Response:
    """The App whose JWT asks."""
    app = _app(ask)
    return answer(accounts.app(ask.hub, app) | {"installations_count": len(app.installations)})


@router.get("/apps/{slug}")
def get_app_by_slug(ask: Asked, slug: str) -> Response:
    """Public."""
    return answer(accounts.app(ask.hub, ask.hub.app(slug)))


@router.get("/app/installations")
def list_installations(ask: Asked) -> Response:
    """Of the App."""
    return paged(ask, _app(ask).installations, lambda one: accounts.installation(ask.hub, one))


@router.get("/app/installations/{installation_id:int}")
def get_installation(ask: Asked, installation_id: int) -> Response:
    """One."""
    return answer(accounts.installation(ask.hub, _installation(ask, installation_id)))


@router.delete("/app/installations/{installation_id:int}")
def delete_installation(ask: Asked, installation_id: int) -> Response:
    """Uninstall."""
    ask.hub.app_registry.uninstall(_installation(ask, installation_id), ask.by)
    return done()


@router.post("/app/installations/{installation_id:int}/access_tokens")
def create_installation_token(ask: Asked, installation_id: int) -> Response:
    """One hour; `repositories` | `repository_ids` and `permissions` narrow it (422 beyond what was granted)."""
    found = _installation(ask, installation_id)
    if found.suspended:
        raise Refused(403, "This installation has been suspended")
    chosen = _chosen(ask, found)
    token = ask.hub.tokens.for_installation(found, repos=chosen, permissions=ask.body.get("permissions"))
    shown: Json = {
        "token": token.value,
        "expires_at": accounts.stamp(token.expires_at),
        "permissions": token.permissions,
        "repository_selection": "selected" if chosen or found.repos is not None else "all",
    }
    if chosen:
        shown["repositories"] = [repository_full(ask.hub, repo, token) for repo in chosen]
    return answer(shown, 201)


def _chosen(ask: Ask, found: Installation) -> tuple[Repo, ...] | None:
    names, ids = ask.body.get("repositories"), ask.body.get("repository_ids")
    if names is None and ids is None:
        return None
    covered = [repo for repo in ask.hub.repositories.values() if found.covers(repo)]
    chosen = tuple(repo for repo in covered if repo.name in (names or ()) or repo.id in (ids or ()))
    if len(chosen) != len(names or ()) + len(ids or ()):
        raise Refused(422, "There is at least one repository that does not exist or is not accessible to the parent.")
    return chosen


@router.get("/repos/{owner}/{repo}/installation")
def get_repo_installation(ask: Asked, owner: str, repo: str) -> Response:
    """The App's installation that covers this repository."""
    where = ask.hub.repo(f"{owner}/{repo}")  # not `ask.repo`: an App's own key sees no repository
    found = next((one for one in _app(ask).installations if one.covers(where)), None)
    if found is None:
        raise not_found()
    return answer(accounts.installation(ask.hub, found))


@router.get("/orgs/{login}/installation")
@router.get("/users/{login}/installation")
def get_account_installation(ask: Asked, login: str) -> Response:
    """The App's installation in this account."""
    found = next((one for one in _app(ask).installations if one.account.login.lower() == login.lower()), None)
    if found is None:
        raise not_found()
    return answer(accounts.installation(ask.hub, found))


@router.get("/installation/repositories")
def list_installation_repositories(ask: Asked) -> Response:
    """What an installation token reaches."""
    if ask.by.kind != "installation":
        raise Refused(403, "Resource not accessible by integration")
    found = [repo for repo in ask.hub.repositories.values() if ask.by.reaches(repo)]
    return paged(ask, found, lambda repo: repository_full(ask.hub, repo, ask.by), under="repositories")


@router.delete("/installation/token")
def revoke_installation_token(ask: Asked) -> Response:
    """End the token that asks."""
    if ask.by.kind not in ("installation", "job"):
        raise Refused(403, "Resource not accessible by integration")
    ask.hub.tokens.revoke(ask.by)
    return done()


@router.post("/app-manifests/{code}/conversions")
def convert_manifest(ask: Asked, code: str) -> Response:
    """Once per code: everything of the App, key included."""
    return answer(accounts.app_credentials(ask.hub, ask.hub.app_registry.convert(code)), 201)


# --------------------------------------------------------------------------------------- App's hook


@router.get("/app/hook/config")
def get_hook_config(ask: Asked) -> Response:
    """Where deliveries go."""
    hook = _app(ask).hook
    shown = {"url": hook.url, "content_type": "json", "insecure_ssl": "0"}
    return answer(shown | ({"secret": "********"} if hook.secret else {}))


@router.patch("/app/hook/config")
def set_hook_config(ask: Asked) -> Response:
    """New address or secret."""
    hook = _app(ask).hook
    hook.url, hook.secret = ask.text("url", hook.url), ask.text("secret", hook.secret)
    hook.active = bool(hook.url)
    return get_hook_config(ask)


@router.get("/app/hook/deliveries")
def list_deliveries(ask: Asked) -> Response:
    """Newest first; `status=failure|success`; `cursor` goes on (its Link header names the next)."""
    found = ask.hub.webhooks.of(_app(ask).hook)
    status = ask.query.get("status")
    if status is not None:
        found = [one for one in found if one.ok == (status == "success")]
    size = min(int(ask.query.get("per_page", "30")), 100)
    start = ask.query.get("cursor", "")
    if start.isdigit():
        found = [one for one in found if one.id <= int(start)]
    response = answer([deliveries.delivery(one) for one in found[:size]])
    if len(found) > size:
        more = f"per_page={size}&cursor={found[size].id}" + (f"&status={status}" if status else "")
        response.headers["Link"] = f'<{ask.hub.api_url}/app/hook/deliveries?{more}>; rel="next"'
    return response


@router.get("/app/hook/deliveries/{delivery_id:int}")
def get_delivery(ask: Asked, delivery_id: int) -> Response:
    """With what was sent and answered."""
    return answer(deliveries.delivery_full(ask.hub.webhooks.get(_app(ask).hook, delivery_id)))


@router.post("/app/hook/deliveries/{delivery_id:int}/attempts")
def redeliver(ask: Asked, delivery_id: int) -> Response:
    """Again, under the same GUID."""
    ask.hub.webhooks.redeliver(ask.hub.webhooks.get(_app(ask).hook, delivery_id))
    return answer({}, 202)


# ----------------------------------------------------------------------------------------- accounts


@router.get("/user")
def get_me(ask: Asked) -> Response:
    """Integrations are nobody: 403, as for GITHUB_TOKEN."""
    if ask.by.is_integration:
        raise Refused(403, "Resource not accessible by integration")
    if ask.by.kind == "anonymous":
        raise Refused(401, "Requires authentication")
    return answer(accounts.user_full(ask.hub, ask.by.user))


@router.get("/users/{login}")
def get_user(ask: Asked, login: str) -> Response:
    """Anybody."""
    return answer(accounts.user_full(ask.hub, ask.hub.user(login)))


@router.get("/user/{user_id:int}")
def get_user_by_id(ask: Asked, user_id: int) -> Response:
    """By the number that never changes."""
    if user_id not in ask.hub.users:
        raise not_found()
    return answer(accounts.user_full(ask.hub, ask.hub.users[user_id]))


@router.get("/user/repos")
def list_my_repos(ask: Asked) -> Response:
    """Where the person has a role."""
    if ask.by.is_integration or ask.by.kind == "anonymous":
        raise Refused(403, "Resource not accessible by integration")
    found = [repo for repo in ask.hub.repositories.values() if ask.by.user.id in repo.collaborators]
    return paged(ask, found, lambda repo: repository_full(ask.hub, repo, ask.by))


@router.get("/rate_limit")
def rate_limit(ask: Asked) -> Response:
    """Costs nothing."""
    core = ask.hub.rates.of(ask.by)
    return answer({"resources": {"core": core, "search": core, "graphql": core}, "rate": core})
