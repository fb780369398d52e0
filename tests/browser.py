"""Debian's Chromium, driven by Playwright. Only where AI_READY_TEST_BROWSER is set."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright

needs_browser = [
    pytest.mark.needs_browser,
    pytest.mark.skipif(not os.environ.get("AI_READY_TEST_BROWSER"), reason="AI_READY_TEST_BROWSER is not set"),
]
"""`pytestmark = needs_browser`."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a window."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    assert path, "there is no Chromium: .ci/browser installs it"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()
