"""The manifest flow against the sandbox's own pages: two clicks, and the credentials are in files only we can read."""

import re
import stat
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html import unescape
from itertools import count
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from bot.config import PersonEnv
from bot.core.secret import Secret
from bot.errors import AiReadyError, ConfigError, GitHubError, UsageError
from bot.report import Report
from bot.sandbox.server import serve
from bot.sandbox.state import Hub
from bot.server.setup import flow as flows
from bot.server.setup.credentials import Cabinet
from bot.server.setup.flow import Flow, Order, open_page, run_flow
from bot.server.setup.manifest import EVENTS, PERMISSIONS, checked_name, checked_organization, checked_url, converted
from bot.server.setup.person import NobodysWire
from bot.server.setup.steps import AppWish, app_step
from tests.sandbox.world import small_world


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    with serve(small_world(tmp_path_factory.mktemp("hub")).hub) as served:
        yield served


_NUMBERS = count(1)


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A person who never comes back is waited for a little only."""
    monkeypatch.setattr(flows, "PATIENCE", 20.0)


def env(hub: Hub, state: Path) -> PersonEnv:
    return PersonEnv(Secret(""), hub.api_url, hub.url, state)


@dataclass
class Browser:
    """A person who presses the buttons; what they saw is kept. Runs where `webbrowser.open` would."""

    name: str = field(default_factory=lambda: f"Bot {next(_NUMBERS)}")
    """No two Apps of one GitHub have the same."""
    spoil: Callable[[str], str] = lambda url: url
    """Changes the address that GitHub sends the person back to."""
    before_coming_back: Callable[[], object] = lambda: None
    """Called when the changed address was refused, before the right one is opened."""
    pages: list[httpx.Response] = field(default_factory=list)
    trouble: list[BaseException] = field(default_factory=list)

    def __call__(self, address: str) -> None:
        try:
            with httpx.Client(follow_redirects=False, timeout=10) as client:
                self._press(client, address)
        except BaseException as error:
            self.trouble.append(error)
            raise

    def _press(self, client: httpx.Client, address: str) -> None:
        start = self._keep(client.get(address))
        theirs = self._keep(client.post(attribute(start.text, "action"), data=hidden(start.text)))
        assert theirs.status_code == 200, theirs.text
        create = str(theirs.url.join(attribute(form_of(theirs.text), "action")))
        fields = hidden(form_of(theirs.text)) | {"name": self.name}
        back = self._keep(client.post(create, data=fields, headers={"Origin": str(theirs.url.join("/")).rstrip("/")}))
        assert back.status_code == 302, back.text
        came = self._keep(client.get(self.spoil(back.headers["location"])))
        if came.status_code == 400:
            self.before_coming_back()
            came = self._keep(client.get(back.headers["location"]))
        if came.status_code == 303:
            self._keep(client.get(came.url.join(came.headers["location"])))

    def _keep(self, page: httpx.Response) -> httpx.Response:
        self.pages.append(page)
        return page


def form_of(html: str) -> str:
    return html[html.rindex("<form class") :]


def attribute(html: str, name: str) -> str:
    found = re.search(rf'<form[^>]* {name}="([^"]*)"', html)
    assert found
    return unescape(found[1])


def hidden(html: str) -> dict[str, str]:
    return {name: unescape(value) for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', html)}


def made(hub: Hub, folder: Path, browser: Callable[[str], None], **wishes: str) -> str:
    """Run `ai-ready setup` with that person at the browser; what it printed is not returned, what it kept is."""
    lines: list[str] = []

    class Heard(Report):
        def log(self, line: str) -> None:
            lines.append(line)

    app_step(env(hub, folder), AppWish(folder=folder, **wishes), Heard(), opens=browser)  # type: ignore[arg-type]
    return "\n".join(lines)


def test_two_clicks_make_the_app_and_keep_its_credentials(hub: Hub, tmp_path: Path) -> None:
    """Rights and events as the design has them; files 0600; neither key nor secret is ever printed or shown."""
    browser, folder = Browser("Shop bot"), tmp_path / "state"
    printed = made(hub, folder, browser, url=f"{hub.url}/hook/")

    app = hub.app("shop-bot")
    assert (dict(app.permissions), set(app.events)) == (PERMISSIONS, set(EVENTS))
    assert app.hook.url == f"{hub.url}/hook/webhook"
    assert (folder / "private-key.pem").read_text() == app.private_pem
    assert Cabinet(folder).read() == {
        "AI_READY_APP_ID": str(app.id),
        "AI_READY_PRIVATE_KEY_PATH": str(folder / "private-key.pem"),
        "AI_READY_WEBHOOK_SECRET": app.hook.secret,
        "GITHUB_API_URL": hub.api_url,
    }
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    shown = printed + "".join(page.text for page in browser.pages)
    assert app.hook.secret not in shown
    assert app.private_pem.splitlines()[1] not in shown
    assert app.client_secret not in "".join(path.read_text() for path in folder.iterdir())
    assert f"{hub.url}/apps/shop-bot/installations/new" in browser.pages[-1].text
    assert "ai-ready serve" in printed


def test_without_an_address_the_app_has_no_webhook_and_the_server_polls(hub: Hub, tmp_path: Path) -> None:
    made(hub, tmp_path, Browser("Polling bot"))
    app = hub.app("polling-bot")

    assert not app.hook.active
    assert app.events == ()
    assert Cabinet(tmp_path).read()["AI_READY_WEBHOOKS"] == "off"
    assert "AI_READY_WEBHOOK_SECRET" not in Cabinet(tmp_path).read()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda url: re.sub(r"state=[^&]+", "state=guessed", url),
        lambda url: re.sub(r"&?state=[^&]+", "", url),
        lambda url: re.sub(r"state=[^&]+", "state=%C3%A9", url),
        lambda url: re.sub(r"code=[^&]+", "code=..%2F..%2Fapp", url),
    ],
    ids=["another state", "no state", "not ASCII", "a path for a code"],
)
def test_an_answer_that_we_did_not_ask_for_is_refused(hub: Hub, tmp_path: Path, spoil: Callable[[str], str]) -> None:
    """Nothing is kept of it, and it takes nothing away from the answer that we asked for."""
    kept: list[list[Path]] = []
    browser = Browser(spoil=spoil, before_coming_back=lambda: kept.append(list(tmp_path.iterdir())))
    made(hub, tmp_path, browser)

    assert [page.status_code for page in browser.pages] == [200, 200, 302, 400, 303, 200]
    assert kept == [[]]
    assert "AI_READY_APP_ID" in Cabinet(tmp_path).read()


def test_nobody_is_waited_for_for_ever(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flows, "PATIENCE", 0.05)

    with pytest.raises(UsageError, match="Nobody came back"):
        made(hub, tmp_path, lambda _address: None)

    assert list(tmp_path.iterdir()) == []


def test_a_state_is_good_once(hub: Hub, tmp_path: Path) -> None:
    """Who presses "back" or sees the address later gets nothing; nor does a code that GitHub does not know."""
    seen: list[str] = []
    flow = Flow(order(hub, lambda _app: "there"), NobodysWire(hub.api_url))

    def press(address: str) -> None:
        Browser(spoil=lambda url: seen.append(url) or url)(address)  # type: ignore[func-returns-value]

    with open_page(0) as listener:
        run_flow(flow, listener, press)

    assert parse_qs(urlsplit(seen[0]).query)["state"] != [flow.state]
    assert flow.state == ""


def order(hub: Hub, keep: Callable[..., str]) -> Order:
    return Order("Shop bot", "", "", hub.url, hub.url, keep)


def test_a_code_that_github_does_not_know_ends_it_with_githubs_words(hub: Hub, tmp_path: Path) -> None:
    browser = Browser(spoil=lambda url: re.sub(r"code=[^&]+", "code=0123456789abcdef", url))

    with pytest.raises(GitHubError, match=r"could not hand over the new App's credentials: Not Found"):
        made(hub, tmp_path, browser)

    assert "Not Found" in browser.pages[-1].text


def test_a_key_that_can_not_be_kept_says_what_to_do_with_the_app(hub: Hub) -> None:
    """GitHub hands it out once: the App that exists now has to be deleted."""

    def keep(_app: object) -> str:
        raise ConfigError("delete the App in its settings")

    browser = Browser()
    with open_page(0) as listener, pytest.raises(ConfigError):
        run_flow(Flow(order(hub, keep), NobodysWire(hub.api_url)), listener, browser)

    assert "delete the App" in browser.pages[-1].text


def test_pages_are_closed_to_scripts_and_other_names(hub: Hub, tmp_path: Path) -> None:
    """A name in the manifest is text; another Host is refused; nothing is cached; the address leaks to nobody."""
    seen: list[httpx.Response] = []

    def look(address: str) -> None:
        seen.append(httpx.get(address))
        seen.append(httpx.get(address, headers={"Host": "evil.example"}))
        Browser()(address)

    flow = Flow(Order('<b>"x"&', "", "", hub.url, hub.url, lambda _: "there"), NobodysWire(hub.api_url))
    with open_page(0) as listener:
        run_flow(flow, listener, look)

    assert "<b>" not in seen[0].text
    assert "&lt;b&gt;&quot;x&quot;&amp;" in seen[0].text
    policy = seen[0].headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "unsafe-inline" not in policy
    assert (seen[0].headers["referrer-policy"], seen[0].headers["cache-control"]) == ("strict-origin", "no-store")
    assert seen[1].status_code == 400


def test_an_app_that_is_set_up_is_never_overwritten(hub: Hub, tmp_path: Path) -> None:
    """Said before anybody presses anything."""
    (tmp_path / "private-key.pem").write_text("mine")
    browser = Browser()

    with pytest.raises(UsageError, match=r"private-key.pem is there already"):
        made(hub, tmp_path, browser)

    assert browser.pages == []
    assert (tmp_path / "private-key.pem").read_text() == "mine"


def test_a_folder_that_env_files_trip_over_is_refused_before_anything_is_made(hub: Hub, tmp_path: Path) -> None:
    browser = Browser()

    with pytest.raises(UsageError, match="give another --dir"):
        made(hub, tmp_path / "my key's folder", browser)

    assert browser.pages == []


def test_a_port_in_use_is_said_in_one_sentence() -> None:
    said = r"^Port \d+ of 127.0.0.1 can't be used: Address already in use; give another --port.$"
    with open_page(0) as listener, pytest.raises(UsageError, match=said):
        open_page(listener.getsockname()[1])


GITHUB = "https://api.github.com"


@pytest.mark.parametrize(
    ("text", "api", "url"),
    [
        ("https://bot.example.com", GITHUB, "https://bot.example.com"),
        (" https://bot.example.com/ai/webhook ", GITHUB, "https://bot.example.com/ai"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:9/api/v3", "http://127.0.0.1:8080"),
    ],
)
def test_public_addresses_that_will_do(text: str, api: str, url: str) -> None:
    assert checked_url(text, api) == url


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("bot.example.com", "has to be an address"),
        ("https://", "has to be an address"),
        ("https://bot:99999", "has to be an address"),
        ("https://[bad", "has to be an address"),
        ("https://bot.example.com/?x=1", "has to be an address"),
        ("https://me:pw@bot.example.com", "user name"),
        ("https://localhost:8080", "GitHub can't reach localhost"),
        ("http://bot.example.com", "begin with https"),
    ],
)
def test_public_addresses_that_will_not_do(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        checked_url(text, GITHUB)


@pytest.mark.parametrize("wrong", ["", "x" * 35, "a\x00b"])
def test_names_that_github_would_refuse(wrong: str) -> None:
    with pytest.raises(UsageError):
        checked_name(wrong)


def test_an_organization_is_a_login() -> None:
    with pytest.raises(UsageError):
        checked_organization("../x")


@pytest.mark.parametrize("body", [None, [], {}, {"id": 1}, {"id": 1, "pem": "no key"}])
def test_an_answer_of_another_shape_is_no_app(body: object) -> None:
    with pytest.raises(AiReadyError):
        converted(body)


def test_a_full_disk_after_the_exchange_names_the_app(hub: Hub, tmp_path: Path) -> None:
    app = converted({"id": 7, "pem": "-----BEGIN RSA PRIVATE KEY-----\n", "html_url": "https://x/apps/y"})
    cabinet = Cabinet(tmp_path / "gone")

    with pytest.raises(ConfigError, match=r"https://x/apps/y exists.*delete the App"):
        cabinet.keep(app, api_url=GITHUB)


def test_the_page_stops_when_it_is_done(hub: Hub, tmp_path: Path) -> None:
    """No thread and no open port is left."""
    before = set(threading.enumerate())
    made(hub, tmp_path, Browser())

    left = {each for each in threading.enumerate() if each not in before and not each.daemon}
    for each in left:  # told to end already; on a busy machine it takes them a moment
        each.join(10)
    assert not [each for each in left if each.is_alive()]
