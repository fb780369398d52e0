"""JSON of users, Apps, installations and repository hooks."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bot.sandbox.records import App, Hook, Installation, Json, Repo, User

if TYPE_CHECKING:
    from bot.sandbox.state import Hub


def stamp(moment: datetime | None) -> str | None:
    """A time as GitHub writes it: UTC, whole seconds, `Z`."""
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def user(hub: "Hub", record: User) -> Json:
    """A "simple user"."""
    api, login = f"{hub.api_url}/users/{record.login}", record.login
    return {
        "login": login,
        "id": record.id,
        "node_id": record.node_id,
        "avatar_url": f"{hub.url}/avatars/u/{record.id}",
        "gravatar_id": "",
        "url": api,
        "html_url": f"{hub.url}/{login}",
        "followers_url": f"{api}/followers",
        "following_url": f"{api}/following{{/other_user}}",
        "gists_url": f"{api}/gists{{/gist_id}}",
        "starred_url": f"{api}/starred{{/owner}}{{/repo}}",
        "subscriptions_url": f"{api}/subscriptions",
        "organizations_url": f"{api}/orgs",
        "repos_url": f"{api}/repos",
        "events_url": f"{api}/events{{/privacy}}",
        "received_events_url": f"{api}/received_events",
        "type": record.type,
        "site_admin": False,
    }


def user_full(hub: "Hub", record: User) -> Json:
    """`GET /user` and `GET /users/{login}`."""
    nothing = ("company", "blog", "location", "hireable", "bio", "twitter_username")
    zero: tuple[str, ...] = (
        "public_repos",
        "public_gists",
        "followers",
        "following",
        "private_gists",
        "total_private_repos",
    )
    zero += ("owned_private_repos", "disk_usage", "collaborators")
    made = stamp(record.created_at)
    own = {"name": record.name, "email": record.email, "created_at": made, "updated_at": made}
    return (
        user(hub, record) | own | dict.fromkeys(nothing) | dict.fromkeys(zero, 0) | {"two_factor_authentication": True}
    )


def organization(hub: "Hub", record: User) -> Json:
    """The organization of a webhook payload."""
    api = f"{hub.api_url}/orgs/{record.login}"
    return {
        "login": record.login,
        "id": record.id,
        "node_id": record.node_id,
        "url": api,
        "repos_url": f"{api}/repos",
        "events_url": f"{api}/events",
        "hooks_url": f"{api}/hooks",
        "issues_url": f"{api}/issues",
        "members_url": f"{api}/members{{/member}}",
        "public_members_url": f"{api}/public_members{{/member}}",
        "avatar_url": f"{hub.url}/avatars/u/{record.id}",
        "description": "",
    }


def association(repo: Repo, who: User) -> str:
    """`author_association`."""
    if who is repo.owner:
        return "OWNER"
    return "COLLABORATOR" if who.id in repo.collaborators else "NONE"


def app(hub: "Hub", record: App) -> Json:
    """`GET /app` and `performed_via_github_app`."""
    made = stamp(record.created_at)
    return {
        "id": record.id,
        "slug": record.slug,
        "node_id": record.node_id,
        "client_id": record.client_id,
        "owner": user(hub, record.owner),
        "name": record.name,
        "description": "",
        "external_url": f"{hub.url}/apps/{record.slug}",
        "html_url": f"{hub.url}/apps/{record.slug}",
        "created_at": made,
        "updated_at": made,
        "permissions": record.permissions,
        "events": list(record.events),
    }


def app_in_payload(hub: "Hub", record: App) -> Json:
    """An App inside a webhook payload: without its client id."""
    shown = app(hub, record)
    del shown["client_id"]
    return shown


def app_credentials(hub: "Hub", record: App) -> Json:
    """What a manifest's conversion answers: everything, once."""
    return app(hub, record) | {
        "client_secret": record.client_secret,
        "webhook_secret": record.hook.secret or None,
        "pem": record.private_pem,
    }


def installation(hub: "Hub", record: Installation) -> Json:
    """An installation, in REST and in payloads."""
    made = stamp(record.created_at)
    return {
        "id": record.id,
        "account": user(hub, record.account),
        "repository_selection": "all" if record.repos is None else "selected",
        "access_tokens_url": f"{hub.api_url}/app/installations/{record.id}/access_tokens",
        "repositories_url": f"{hub.api_url}/installation/repositories",
        "html_url": f"{hub.url}/settings/installations/{record.id}",
        "app_id": record.app.id,
        "app_slug": record.app.slug,
        "target_id": record.account.id,
        "target_type": "Organization" if record.account.type == "Organization" else "User",
        "permissions": record.permissions,
        "events": list(record.app.events),
        "created_at": made,
        "updated_at": made,
        "single_file_name": None,
        "suspended_at": made if record.suspended else None,
        "suspended_by": user(hub, record.suspended_by) if record.suspended_by else None,
    }


def app_hook(hub: "Hub", record: App) -> Json:
    """An App's hook, in its `ping`."""
    hook, made = record.hook, stamp(record.created_at)
    config = {"url": hook.url, "content_type": "json", "insecure_ssl": "0"}
    return {
        "type": "App",
        "id": hook.id,
        "name": "web",
        "active": hook.active,
        "events": list(record.events),
        "config": config | ({"secret": "********"} if hook.secret else {}),
        "updated_at": made,
        "created_at": made,
        "app_id": record.id,
        "deliveries_url": f"{hub.api_url}/app/hook/deliveries",
    }


def hook(hub: "Hub", repo: Repo, record: Hook) -> Json:
    """A repository webhook."""
    api = f"{hub.api_url}/repos/{repo.full_name}/hooks/{record.id}"
    made = stamp(repo.created_at)
    config = {"url": record.url, "content_type": "json", "insecure_ssl": "0"}
    return {
        "type": "Repository",
        "id": record.id,
        "name": "web",
        "active": record.active,
        "events": list(record.events),
        "config": config | ({"secret": "********"} if record.secret else {}),
        "updated_at": made,
        "created_at": made,
        "url": api,
        "test_url": f"{api}/test",
        "ping_url": f"{api}/pings",
        "deliveries_url": f"{api}/deliveries",
        "last_response": {"code": None, "status": "unused", "message": None},
    }
