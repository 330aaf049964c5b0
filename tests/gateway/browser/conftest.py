"""A browser that all tests share, and a page for each."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.harness.browser import NO_BROWSER, Browser, Page, find_browser


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The browser. Without one: a skip at home, a failure with CI=true."""
    path = find_browser()
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail(NO_BROWSER)
        pytest.skip(NO_BROWSER)
    with Browser.open(path) as found:
        yield found


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """An empty page."""
    with browser.page() as found:
        yield found
