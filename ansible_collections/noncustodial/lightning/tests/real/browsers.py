# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Headless Chromium for tests, of the distribution's packages, and what it says of the pages that it was on."""

from __future__ import annotations

import json
import shutil
import typing as t
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from ansible_collections.noncustodial.lightning.tests.real.daemons import until

PHONE, DESKTOP = (360, 740), (1200, 900)


class Browser:
    """One Chromium with an empty profile.

    Args:
        url: the only origin that its pages should talk to.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        options = webdriver.ChromeOptions()
        options.binary_location = _program("chromium")
        for argument in (
            "--headless=new",
            # Chromium's sandbox does not run as root.
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--disable-background-networking",
            # The test's own certificate.
            "--ignore-certificate-errors",
            "--force-device-scale-factor=1",
        ):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(options, webdriver.ChromeService(_program("chromedriver")))
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.size(*DESKTOP)

    def size(self, width: int, height: int) -> None:
        """As on a screen of this size; a narrow one is a phone's."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def scheme(self, name: str) -> None:
        """As for somebody who prefers light or dark."""
        features = [{"name": "prefers-color-scheme", "value": name}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def open(self, path: str) -> None:
        """Go to a page of ours."""
        self.driver.get(f"{self.url}{path}")

    def at(self, selector: str) -> WebElement:
        """The first element of a kind, once it is there."""
        return t.cast("WebElement", until(f"{selector} in {self.driver.title!r}", lambda: self.all(selector))[0])

    def all(self, selector: str) -> list[WebElement]:
        """Elements of a kind that are there now."""
        return list(self.driver.find_elements(By.CSS_SELECTOR, selector))

    def heading(self, text: str) -> None:
        """Wait for a page by its heading."""
        until(f"the page {text!r}", lambda: text in self.script("return document.querySelector('h1')?.textContent ?? ''"))

    def fill(self, **fields: str) -> None:
        """Type into fields, by their ids."""
        for name, text in fields.items():
            self.at(f"#{name}").clear()
            self.at(f"#{name}").send_keys(text)

    def press(self, text: str) -> None:
        """Click a button or a link by what it says."""
        (wanted,) = [one for one in self.all("main button, main a, nav a, nav button") if text in one.text]
        wanted.click()

    def login(self, login: str, password: str) -> None:
        """Log in."""
        self.open("/login")
        self.fill(login=login, password=password)
        self.press_main("Log in")
        self.heading("Wallet")

    def press_main(self, text: str) -> None:
        """The same, within the page's own content."""
        (wanted,) = [one for one in self.all("main button") if text in one.text]
        wanted.click()

    def keys(self, *keys: str) -> None:
        """Press keys, wherever the focus is."""
        for key in keys:
            self.driver.switch_to.active_element.send_keys(key)

    def tab_to(self, what: str) -> None:
        """Press Tab until the focus is on an element with this id, name or text."""
        seen = []
        for _look in range(40):
            self.keys(Keys.TAB)
            seen.append(self.script("const e = document.activeElement; return e.id || e.textContent.trim()"))
            if seen[-1] == what:
                return
        raise AssertionError(f"no {what!r} among {seen}")

    def script(self, source: str, *arguments: t.Any) -> t.Any:
        """What a script gives, run as the driver's, not the page's."""
        return self.driver.execute_script(source, *arguments)

    def wide(self) -> int:
        """By how many pixels the page is wider than the screen."""
        return int(self.script("return document.documentElement.scrollWidth - document.documentElement.clientWidth"))

    def listen(self) -> None:
        """Take note of what was complained of and asked for since the last time."""
        # A status of 402 or 422 is an answer of ours, and the browser notes it too.
        entries = self.driver.get_log("browser")
        self.complaints += [one["message"] for one in entries if "the server responded with a status of 4" not in one["message"]]
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                self.requests.append(message["params"]["request"]["url"])

    def shot(self, path: Path) -> None:
        """A picture of the whole page."""
        height = int(self.script("return document.documentElement.scrollHeight"))
        width = int(self.script("return window.innerWidth"))
        self.size(width, height)
        path.write_bytes(self.driver.get_screenshot_as_png())
        self.size(*(PHONE if width == PHONE[0] else DESKTOP))

    def close(self) -> None:
        """End it."""
        self.driver.quit()


def _program(name: str) -> str:
    found = shutil.which(name)
    assert found is not None, f"there is no {name}: run tools/host"
    return found
