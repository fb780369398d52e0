"""Apps as their owners meet them: made of a manifest, installed, suspended; and what becomes of renamed repositories."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest

from bot.sandbox.records import App
from tests.sandbox.world import APP_PERMISSIONS, World

MANIFEST = {
    "name": "Ai Ready (shop)",
    "url": "https://example.com",
    "hook_attributes": {"url": "http://127.0.0.1:9/webhook"},
    "redirect_url": "http://127.0.0.1:9/created?from=setup",
    "public": False,
    "default_permissions": {"issues": "write", "actions": "write", "metadata": "read"},
    "default_events": ["issues", "workflow_run"],
}
ELSEWHERE = {"Origin": "http://127.0.0.1:9"}


@pytest.fixture
def web(served: World) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=served.hub.url, trust_env=False) as client:
        yield client


def as_app(world: World, app: App, **claims: Any) -> httpx.Client:
    now = int(world.clock.moment.timestamp())
    token = jwt.encode({"iat": now, "exp": now + 540, "iss": str(app.id)} | claims, app.private_pem, algorithm="RS256")
    return httpx.Client(base_url=world.hub.api_url, headers={"Authorization": f"Bearer {token}"}, trust_env=False)


def create(web: httpx.Client, where: str = "/settings/apps", **more: Any) -> httpx.Response:
    form = {"manifest": json.dumps(MANIFEST | more), "state": "s&1"}
    return web.post(where, data=form)


# ------------------------------------------------------------------------------------------- the key


def test_an_app_is_known_by_its_id_and_by_its_client_id(served: World) -> None:
    app, _ = served.app()
    for issuer in (str(app.id), app.client_id):
        with as_app(served, app, iss=issuer) as client:
            assert client.get("/app").json()["slug"] == "ai-ready"


@pytest.mark.parametrize(
    ("claims", "message"),
    [
        ({"exp": 0}, "'Expiration time' claim ('exp') must be a numeric value representing the future time at which"),
        ({"exp": 99999999999}, "'Expiration time' claim ('exp') is too far in the future"),
        ({"iat": 1795251600 + 61}, "'Issued at' claim ('iat') must be an Integer representing the time that the"),
        ({"iss": "1"}, "Integration not found"),
    ],
)
def test_a_bad_key_is_refused_in_githubs_words(served: World, claims: dict[str, Any], message: str) -> None:
    app, _ = served.app()
    with as_app(served, app, **claims) as client:
        answer = client.get("/app")

    assert (answer.status_code, answer.json()["message"][: len(message)]) == (401, message)


def test_a_clock_that_is_a_minute_ahead_is_forgiven(served: World) -> None:
    app, _ = served.app()
    with as_app(served, app, iat=int(served.clock.moment.timestamp()) + 59) as client:
        assert client.get("/app").status_code == 200


# ------------------------------------------------------------------------------------------- tokens


def test_tokens_of_an_installation(served: World) -> None:
    """For named repositories, with fewer rights, never more; none while suspended or once it is gone."""
    app, installation = served.app()
    served.hub.create_repo("acme/other", "ada", files={}, private=True)
    path, issues = f"/app/installations/{installation.id}/access_tokens", {"issues": "write"}
    with as_app(served, app) as client:
        narrow = client.post(path, json={"repository_ids": [served.shop.id], "permissions": issues})
        wider = client.post(path, json={"permissions": {"administration": "write"}})
        elsewhere = client.post(path, json={"repository_ids": [1]})
        bearer = {"Authorization": f"Bearer {narrow.json()['token']}"}
        reached = client.get("/installation/repositories", headers=bearer).json()
        refused = client.post("/repos/acme/shop/git/refs", json={"ref": "refs/heads/x"}, headers=bearer)
        served.hub.app_registry.suspend(installation, served.by("ada"))
        suspended = client.post(path), client.get("/installation/repositories", headers=bearer)
        listed = client.get("/app/installations").json()
        served.hub.app_registry.uninstall(installation, served.by("ada"))
        gone = client.post(path), client.get("/installation/repositories", headers=bearer)

    assert (narrow.status_code, wider.status_code, elsewhere.status_code) == (201, 422, 422)
    assert narrow.json()["permissions"] == {"issues": "write", "metadata": "read"}
    assert [repo["full_name"] for repo in reached["repositories"]] == ["acme/shop"]
    assert refused.status_code == 403
    assert [one.status_code for one in suspended] == [403, 403]
    assert [one["suspended_by"]["login"] for one in listed] == ["ada"]
    assert [one.status_code for one in gone] == [404, 401]


def test_installations_come_in_pages(served: World) -> None:
    app, _ = served.app()
    for number in range(4):
        repo = served.hub.create_repo(f"org{number}/one", "ada", files={})
        served.hub.app_registry.install(app, repo.owner)
    with as_app(served, app) as client:
        first = client.get("/app/installations", params={"per_page": 2})
        last = client.get(first.links["last"]["url"])

    assert (len(first.json()), len(last.json())) == (2, 1)


def test_the_hook_can_be_moved(served: World) -> None:
    app, _ = served.app()
    with as_app(served, app) as client:
        assert client.get("/app/hook/config").json()["url"] == ""
        moved = client.patch("/app/hook/config", json={"url": "http://127.0.0.1:9/webhook", "secret": "new"}).json()

    assert (moved["url"], moved["secret"]) == ("http://127.0.0.1:9/webhook", "********")
    assert (app.hook.active, app.hook.secret) == (True, "new")


# ------------------------------------------------------------------------------------------ manifest


def test_two_clicks_make_an_app(served: World, web: httpx.Client) -> None:
    """Another site posts the manifest; the page asks; the button leads back with a code and the state."""
    page = web.post("/settings/apps/new?state=s%261", data={"manifest": json.dumps(MANIFEST)}, headers=ELSEWHERE)
    made = create(web)
    back = urlsplit(made.headers["location"])
    query = parse_qs(back.query)
    converted = web.post(f"/api/v3/app-manifests/{query['code'][0]}/conversions")
    again = web.post(f"/api/v3/app-manifests/{query['code'][0]}/conversions")

    assert "Create GitHub App</button>" in page.text
    assert 'name="state" value="s&amp;1"' in page.text
    assert "form-action 'self' http://127.0.0.1:9;" in page.headers["content-security-policy"]
    assert (made.status_code, back.netloc, query["from"], query["state"]) == (302, "127.0.0.1:9", ["setup"], ["s&1"])
    credentials = converted.json()
    assert (converted.status_code, again.status_code) == (201, 404)
    assert (credentials["slug"], credentials["name"]) == ("ai-ready-shop", "Ai Ready (shop)")
    assert credentials["owner"]["login"] == "ada"
    assert credentials["pem"].startswith("-----BEGIN RSA PRIVATE KEY-----")
    assert len(credentials["webhook_secret"]) == 40
    app = served.hub.app("ai-ready-shop")
    assert (app.events, app.hook.url) == (("issues", "workflow_run"), "http://127.0.0.1:9/webhook")


def test_a_code_ends_after_an_hour(served: World, web: httpx.Client) -> None:
    code = parse_qs(urlsplit(create(web).headers["location"]).query)["code"][0]
    served.clock.advance(3601)

    assert web.post(f"/api/v3/app-manifests/{code}/conversions").status_code == 404


def test_another_site_can_not_press_the_button(served: World, web: httpx.Client) -> None:
    form = {"manifest": json.dumps(MANIFEST)}

    assert web.post("/settings/apps", data=form, headers=ELSEWHERE).status_code == 403
    assert served.hub.apps == {}


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"url": ""}, "&#39;url&#39; is missing"),
        ({"hook_attributes": {}}, "&#39;hook_attributes.url&#39; is missing"),
        ({"default_events": ["check_suite"]}, "Default events unsupported: check_suite"),
        ({"default_events": ["issues", "installation"]}, "Default events unsupported: installation"),
        ({"name": "n" * 35}, "Name is too long"),
    ],
)
def test_a_manifest_that_github_refuses(served: World, web: httpx.Client, more: dict[str, Any], words: str) -> None:
    page = web.post("/settings/apps/new", data={"manifest": json.dumps(MANIFEST | more)}, headers=ELSEWHERE)

    assert (page.status_code, words in page.text) == (422, True)
    assert create(web, **more).status_code == 422
    assert served.hub.apps == {}


def test_a_name_is_taken_once(web: httpx.Client) -> None:
    assert [create(web).status_code for _ in range(2)] == [302, 422]


def test_an_organizations_app_is_made_by_those_who_run_it(served: World, web: httpx.Client) -> None:
    mine = create(web, "/organizations/acme/settings/apps")
    web.cookies.set("person", "bob")
    theirs = create(web, "/organizations/acme/settings/apps", name="Other")

    assert (mine.status_code, theirs.status_code) == (302, 404)
    assert [app.owner.login for app in served.hub.apps.values()] == ["acme"]


def test_an_app_without_a_hook_is_told_nothing(served: World, web: httpx.Client) -> None:
    create(web, hook_attributes={"url": "http://127.0.0.1:9/webhook", "active": False})

    assert served.hub.webhooks.deliveries == []


# ---------------------------------------------------------------------------------------- installing


def test_one_click_installs_it(served: World, web: httpx.Client) -> None:
    create(web, "/organizations/acme/settings/apps", setup_url="http://127.0.0.1:9/installed")
    page = web.get("/apps/ai-ready-shop/installations/new")
    done = web.post("/apps/ai-ready-shop/installations", data={"account": "acme", "repository": "acme/shop"})

    assert "Install</button>" in page.text
    [installation] = served.hub.app("ai-ready-shop").installations
    assert done.headers["location"] == (
        f"http://127.0.0.1:9/installed?installation_id={installation.id}&setup_action=install"
    )
    assert (installation.account.login, installation.repos) == ("acme", [served.shop])
    assert web.post("/apps/ai-ready-shop/installations", data={"account": "acme"}).status_code == 422


def test_a_private_app_is_for_its_owners_account_only(served: World, web: httpx.Client) -> None:
    create(web)
    create(web, name="Public", public=True)

    assert web.post("/apps/ai-ready-shop/installations", data={"account": "acme"}).status_code == 404
    assert web.post("/apps/public/installations", data={"account": "acme"}).status_code == 303
    assert web.post("/apps/public/installations", data={"account": "rob"}).status_code == 404


def test_an_installation_is_suspended_and_ended_by_its_page(served: World, web: httpx.Client) -> None:
    app, installation = served.app()
    address = f"/settings/installations/{installation.id}"

    assert "acme/shop" in web.get(address).text
    web.post(f"{address}/suspend")
    assert installation.suspended
    web.post(f"{address}/unsuspend")
    assert not installation.suspended
    assert web.post(f"{address}/nonsense").status_code == 404
    web.post(f"{address}/uninstall")
    assert app.installations == []
    assert web.get(address).status_code == 404


# -------------------------------------------------------------------------------------- repositories


def test_an_old_name_leads_to_the_repository_until_another_one_takes_it(served: World) -> None:
    issue = served.issue("first")
    served.hub.repos.rename(served.shop, "store", served.by("ada"))
    token = served.hub.tokens.personal(served.hub.user("ada")).value
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=served.hub.api_url, headers=headers, trust_env=False) as client:
        moved = client.get("/repos/acme/shop/issues/1")
        followed = client.get(moved.headers["location"])
        asked = {"query": 'query { repository(owner: "acme", name: "shop") { databaseId nameWithOwner } }'}
        known = client.post(served.hub.graphql_url, json=asked).json()["data"]["repository"]
        other = served.hub.create_repo("acme/shop", "ada", files={"README.md": "# New\n"})
        taken = client.get("/repos/acme/shop").json()

    assert (moved.status_code, followed.json()["id"]) == (301, issue.id)
    assert moved.headers["location"].endswith(f"/repositories/{served.shop.id}/issues/1")
    assert known == {"databaseId": served.shop.id, "nameWithOwner": "acme/store"}
    assert (taken["id"], taken["full_name"]) == (other.id, "acme/shop")
    assert served.hub.repos.read(served.shop, "main", "README.md") == "# Shop\n"


def test_a_repository_that_left_is_out_of_reach(served: World) -> None:
    """Transferred or deleted: the installation hears of it and its token no longer gets there."""
    _, installation = served.app()
    token = served.hub.tokens.for_installation(installation)
    other = served.hub.create_repo("acme/other", "ada", files={}, private=True)
    events = served.events()
    served.hub.repos.transfer(served.shop, "eve", served.by("ada"))
    served.hub.repos.delete(other, served.by("ada"))

    told = [(one.name, one.action) for one in events]
    assert told == [
        ("repository", "transferred"),
        ("installation_repositories", "removed"),
        ("repository", "deleted"),
        ("installation_repositories", "removed"),
    ]
    assert not token.may(served.shop, "issues", "write")
    assert served.hub.repo("acme/shop") is served.shop
    assert served.shop.full_name == "eve/shop"
    assert token.permissions == APP_PERMISSIONS
