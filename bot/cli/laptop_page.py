"""The page of `ai-ready start --page`."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from ipaddress import ip_network

from bot.config import laptop_env, page_env
from bot.errors import ConfigError, UsageError
from bot.job.redact import Redactor
from bot.local.checkout import open_checkout
from bot.local.settings import LocalSettings
from bot.local.state import StateFolder
from bot.local.watching import Watching
from bot.page.access import Access
from bot.page.sockets import listen
from bot.trackers.tracker import Listing


@contextmanager
def laptop_page(settings: LocalSettings, environ: Mapping[str, str]) -> Iterator[tuple[str, Callable[[Listing], None]]]:
    """Serve it as long as this lasts: its address, and what is to be shown the tasks.

    Raises `ConfigError` where it can't be served as it is set.
    """
    try:
        from bot.page.listener import Listener  # noqa: PLC0415 (brings templates and a framework)
    except ImportError as missing:
        raise UsageError(f"--page needs the package {missing.name}: install ai-ready-bot[laptop].") from missing
    page, env = page_env(environ), laptop_env(environ)
    if page.port is None:
        raise UsageError("--page and AI_READY_PAGE_PORT=off contradict each other: leave one of them out.")
    try:
        bound = listen(page.host, page.port)
    except OSError as error:
        if page.chosen:
            why = error.strerror or str(error)
            raise ConfigError(f"The page can't listen on {page.host} port {page.port} ({why}).") from error
        bound = listen(page.host, 0)  # the usual port is somebody else's: any other will do
    checkout = open_checkout(settings.root, env.others, redact=Redactor(env.secrets).text)
    folder = StateFolder(settings.state_dir)
    watching = Watching(folder, settings.agent_id, checkout, settings.repo.order, settings.repo.local)
    access = Access(page.password, page.header, tuple(map(ip_network, page.proxies)), page.hosts)
    listener = Listener(watching, access, bound)
    listener.start()
    try:
        yield listener.url, watching.show
    finally:
        listener.stop()
