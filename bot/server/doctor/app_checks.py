"""The App: its key, rights, events, installations and webhook. Stories, told as the App itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from bot.core.model import Json
from bot.github.exchange import Answer, Story, get
from bot.server.doctor.finding import Finding, failed, passed, skipped, unreadable
from bot.server.setup.manifest import EVENTS, PERMISSIONS, WEBHOOK_PATH

LEVELS: Final = ("", "read", "write", "admin")
"""Of a permission, weakest first."""
DELIVERIES: Final = 30


@dataclass(frozen=True, slots=True)
class AppLooks:
    """What the App says of itself; None: GitHub does not know the key."""

    about: Json | None
    finding: Finding


def look(app_id: str) -> Story[AppLooks]:
    """Whether the key is the App's: everything else hangs on it."""
    answer = yield get("/app")
    if not answer.ok or not isinstance(answer.body, dict):
        return AppLooks(None, _no_app(answer, app_id))
    slug, number = str(answer.body.get("slug") or "?"), answer.body.get("id")
    if app_id.isdigit() and number != int(app_id):
        fix = "set AI_READY_APP_ID to the id on the App's settings page"
        return AppLooks(None, failed("app-key", f"The key is of the App {number}, not of {app_id}.", fix))
    return AppLooks(answer.body, passed("app-key", f"The key belongs to the App {slug} (id {number})."))


def _no_app(answer: Answer, app_id: str) -> Finding:
    if answer.status == 0 or answer.status >= 500:
        return failed("app-key", f"{answer.message}.", "check the network and GITHUB_API_URL")
    fix = "compare AI_READY_APP_ID with the App's settings page, and make a new private key there if need be"
    return failed("app-key", f"GitHub does not take the key for the App {app_id} ({answer.message}).", fix)


def permissions(about: Json) -> Finding:
    """Rights that are missing, and stronger ones than the server needs."""
    has = _levels(about.get("permissions"))
    missing = _lacking(has, PERMISSIONS)
    if missing:
        fix = "App settings → Permissions & events; then accept the change in each installation"
        return failed("app-permissions", f"Missing: {_listed(missing)}.", fix)
    extra = {area: level for area, level in has.items() if _rank(level) > max(1, _rank(PERMISSIONS.get(area, "")))}
    if extra:
        fix = "take them away under App settings → Permissions & events: the server has no use for them"
        return failed("app-permissions", f"More than it needs: {_listed(extra)}.", fix)
    return passed("app-permissions", f"It may do what it needs: {_listed(PERMISSIONS)}.")


def events(about: Json, *, polls: bool) -> Finding:
    """Events that the App does not subscribe to."""
    if polls:
        return skipped("app-events", "AI_READY_WEBHOOKS is off: the server polls, and needs no events.")
    has = about.get("events")
    missing = [event for event in EVENTS if event not in (has if isinstance(has, list) else ())]
    if missing:
        fix = "App settings → Permissions & events → Subscribe to events"
        return failed("app-events", f"Not subscribed: {', '.join(missing)}.", fix)
    return passed("app-events", "It is told of everything it needs.")


def installations(install_url: str) -> Story[Finding]:
    """Where it is installed, suspended, or waits for its new rights to be accepted."""
    answer = yield get("/app/installations?per_page=100")
    if not answer.ok or not isinstance(answer.body, list):
        return unreadable("installations", "The installations", answer, "the App's key")
    if not answer.body:
        return failed("installations", "It is installed nowhere.", f"install it: {install_url}")
    suspended = [_account(one) for one in answer.body if one.get("suspended_at")]
    if suspended:
        fix = "unsuspend it in the account's settings → Applications, or uninstall it there"
        return failed("installations", f"Suspended in {', '.join(suspended)}.", fix)
    old = [_account(one) for one in answer.body if _lacking(_levels(one.get("permissions")), PERMISSIONS)]
    if old:
        fix = "somebody there has to accept them: the account's settings → Applications → Review request"
        return failed("installations", f"New rights are not accepted yet in {', '.join(old)}.", fix)
    return passed("installations", f"Installed in {', '.join(_account(one) for one in answer.body)}.")


def webhook(*, polls: bool) -> Story[Finding]:
    """Where deliveries go, and how."""
    if polls:
        return skipped("webhook", "AI_READY_WEBHOOKS is off: the server polls.")
    answer = yield get("/app/hook/config")
    if not answer.ok or not isinstance(answer.body, dict) or not answer.body.get("url"):
        fix = f"App settings → General → Webhook: active, https://your.server{WEBHOOK_PATH}, with a secret; or AI_READY_WEBHOOKS=off"
        return failed("webhook", "The App has no webhook.", fix)
    url, kind = str(answer.body["url"]), answer.body.get("content_type")
    if urlsplit(url).path.rstrip("/").rpartition("/")[2] != WEBHOOK_PATH.strip("/"):
        return failed("webhook", f"Deliveries go to {url}.", f"the address has to end with {WEBHOOK_PATH}")
    if kind != "json":
        return failed("webhook", f"Deliveries come as {kind}.", "set the content type to application/json")
    if not answer.body.get("secret"):
        fix = "App settings → General → Webhook secret: the value of AI_READY_WEBHOOK_SECRET"
        return failed("webhook", "The webhook has no secret, so that every delivery is refused.", fix)
    if str(answer.body.get("insecure_ssl", "0")) != "0":
        return failed("webhook", "GitHub does not check the server's certificate.", "enable SSL verification there")
    return passed("webhook", f"Deliveries go to {url}.")


def webhook_root() -> Story[str]:
    """The server's public address by the App's settings; empty: it has none."""
    answer = yield get("/app/hook/config")
    url = str(answer.body.get("url") or "") if answer.ok and isinstance(answer.body, dict) else ""
    return url.rstrip("/").removesuffix(WEBHOOK_PATH)


def reachable(root: str) -> Story[Finding]:
    """Whether the server answers at its public address: from here, which is not quite from GitHub."""
    if not root:
        return skipped("reachable", "There is no public address to try.")
    answer = yield get(f"{root}/healthz")
    if answer.status == 200:
        return passed("reachable", f"{root} answers.")
    said = "does not answer" if answer.status == 0 else f"answers {answer.status}"
    fix = "is `ai-ready serve` running, and does the proxy hand /healthz and /webhook on to it?"
    return failed("reachable", f"{root}/healthz {said}.", fix)


def deliveries(*, polls: bool) -> Story[Finding]:
    """What became of the last deliveries; a 401 says that the secrets differ."""
    if polls:
        return skipped("deliveries", "AI_READY_WEBHOOKS is off: there are none.")
    answer = yield get(f"/app/hook/deliveries?per_page={DELIVERIES}")
    if not answer.ok or not isinstance(answer.body, list):
        return unreadable("deliveries", "The last deliveries", answer, "the App's key")
    if not answer.body:
        return skipped("deliveries", "GitHub has delivered nothing yet.", "label an issue, and look again")
    newest, statuses = answer.body[0], [_status(one) for one in answer.body]
    good = sum(200 <= status < 300 for status in statuses)
    if _status(newest) == 401:
        fix = "App settings → General → Webhook secret and AI_READY_WEBHOOK_SECRET have to be the same; redeliver then"
        return failed("deliveries", "The newest delivery was refused with 401: the secrets differ.", fix)
    if not 200 <= _status(newest) < 300:
        said = str(newest.get("status") or _status(newest))[:80]
        fix = "App settings → Advanced → Recent Deliveries shows why; the server asks for failed ones again every hour"
        return failed(
            "deliveries", f"The newest delivery failed: {said}. {good} of the last {len(statuses)} came through.", fix
        )
    return passed("deliveries", f"{good} of the last {len(statuses)} deliveries came through, the newest too.")


# ------------------------------------------------------------------------------------------- one value


def _levels(found: Any) -> dict[str, str]:
    return {str(area): str(level) for area, level in found.items()} if isinstance(found, dict) else {}


def _rank(level: str) -> int:
    return LEVELS.index(level) if level in LEVELS else 0


def _lacking(has: Mapping[str, str], needed: Mapping[str, str]) -> dict[str, str]:
    return {area: level for area, level in needed.items() if _rank(has.get(area, "")) < _rank(level)}


def _listed(levels: Mapping[str, str]) -> str:
    return ", ".join(f"{area}: {level}" for area, level in sorted(levels.items()))


def _account(installation: Json) -> str:
    return str((installation.get("account") or {}).get("login") or "?")


def _status(delivery: Json) -> int:
    code = delivery.get("status_code")
    return code if isinstance(code, int) else 0


def covers(repo: str) -> Story[Finding]:
    """Whether one of its installations reaches the repository."""
    answer = yield get(f"/repos/{repo}/installation")
    if answer.ok:
        return passed("installation", f"The App is installed for {repo}.")
    if answer.status == 404:
        fix = "the account's settings → Applications → Configure → Repository access"
        return failed("installation", f"The App is not installed for {repo}.", fix)
    return unreadable("installation", f"The installation for {repo}", answer, "the App's key")
