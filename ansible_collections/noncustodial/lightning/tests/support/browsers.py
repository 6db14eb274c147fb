# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Headless Chromium for tests, from the distribution's packages, with its complaints about the pages that it
visited."""

from __future__ import annotations

import base64
import json
import os
import shutil
import typing as t
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from ansible_collections.noncustodial.lightning.tests.support.daemons import until

# A desktop, a phone, and the narrowest that pages must fit on: 1280 pixels at four times the size.
DESKTOP_PIXELS, PHONE_PIXELS, NARROW_PIXELS = (1200, 900), (390, 844), (320, 640)


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
        self.fresh()

    def size(self, width: int, height: int) -> None:
        """Set the size of the screen; a narrow one is a phone's."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def scheme(self, name: str) -> None:
        """Prefer a light or dark colour scheme."""
        features = [{"name": "prefers-color-scheme", "value": name}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def open(self, path: str) -> None:
        """Go to a page of ours."""
        self.driver.get(f"{self.url}{path}")
        until("a page that is ready for keys", self._ready)

    def _ready(self) -> bool:
        """Return whether a page is complete and has put the focus where it wants it: an earlier key would keep it from
        that.
        """
        focused = "!document.querySelector('[autofocus]') || document.activeElement !== document.body"
        return bool(self.script(f"return document.readyState === 'complete' && ({focused})"))

    def at(self, selector: str) -> WebElement:
        """Return the first element of a kind, once it is there."""
        return t.cast("WebElement", until(f"{selector} in {self.driver.title!r}", lambda: self.all(selector))[0])

    def all(self, selector: str) -> list[WebElement]:
        """Return the elements of a kind that are there now."""
        return list(self.driver.find_elements(By.CSS_SELECTOR, selector))

    def heading(self, text: str) -> None:
        """Wait for a page by its heading."""
        seen = ""

        def there() -> bool:
            nonlocal seen
            seen = str(self.script("return document.querySelector('h1')?.textContent ?? document.body.innerText"))
            return text in seen and self._ready()

        try:
            until("a page", there)
        except AssertionError as error:
            raise AssertionError(
                f"waited for the page {text!r}; at {self.driver.current_url} there is {seen!r}"
            ) from error

    def keys(self, *keys: str) -> None:
        """Press keys, wherever the focus is."""
        actions = ActionChains(self.driver)
        for key in keys:
            actions.send_keys(key)
        actions.perform()

    def tab_to(self, what: str) -> None:
        """Press Tab until the focus is on an element with this id or text."""
        seen = []
        for _look in range(60):
            self.keys(Keys.TAB)
            seen.append(self.script("const e = document.activeElement; return [e.id, e.textContent.trim()]"))
            if what in seen[-1]:
                return
        raise AssertionError(f"no {what!r} among {seen}")

    def press(self, what: str) -> None:
        """Go to a control by Tab, and press Enter."""
        self.tab_to(what)
        self.keys(Keys.ENTER)

    def enter(self, **fields: str) -> None:
        """Go to fields by Tab, by their ids, and type in place of what is there."""
        for name, text in fields.items():
            self.tab_to(name)
            actions = ActionChains(self.driver).key_down(Keys.CONTROL).send_keys("a").key_up(Keys.CONTROL)
            actions.send_keys(text or Keys.DELETE).perform()

    def text(self) -> str:
        """Return the text of the page's content."""
        return str(self.script("return document.querySelector('main').innerText"))

    def script(self, source: str, *arguments: t.Any) -> t.Any:
        """Return the result of a script, run as the driver's and not as the page's."""
        return self.driver.execute_script(source, *arguments)

    def wide(self) -> int:
        """Return the number of pixels by which the page is wider than the screen."""
        return int(self.script("return document.documentElement.scrollWidth - document.documentElement.clientWidth"))

    def listen(self) -> None:
        """Record the complaints and requests since the last time."""
        # A status of 402 or 422 is an answer of ours, and the browser notes it too, as it does what a logout asks of
        # it.
        fine = ("the server responded with a status of 4", 'Cleared data types: "cache"')
        self.complaints += [
            one["message"] for one in self.driver.get_log("browser") if not any(part in one["message"] for part in fine)
        ]
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                self.requests.append(message["params"]["request"]["url"])

    def blameless(self, *forgiven: str) -> None:
        """Check that nothing was complained of since the last time, for example a breach of the pages' policy, and that
        no other host was asked.

        Args:
            forgiven: parts of complaints that there should be, each of which there must be.
        """
        missing = list(forgiven)

        def heard() -> bool:
            self.listen()
            missing[:] = [part for part in forgiven if not any(part in one for one in self.complaints)]
            return not missing

        try:
            until("complaints", heard)
        except AssertionError as error:
            raise AssertionError(f"no complaint of {missing} among {self.complaints}") from error
        complaints, self.complaints = self.complaints, []
        requests, self.requests = self.requests, []
        left = [one for one in complaints if not any(part in one for part in forgiven)]
        assert not left, left
        # What the policy forbids is among them, though it never leaves.
        elsewhere = [
            one
            for one in requests
            if not one.startswith((f"{self.url}/", "data:")) and not any(part in one for part in forgiven)
        ]
        assert not elsewhere, elsewhere

    def tree(self) -> list[dict[str, t.Any]]:
        """Return the page as a screen reader gets it."""
        self.driver.execute_cdp_cmd("Accessibility.enable", {})
        return list(self.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"])

    def scripts(self, allowed: bool) -> None:
        """Set whether pages that are opened from now on may run scripts."""
        self.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not allowed})

    def downloads(self, folder: Path) -> None:
        """Set the folder in which files are saved."""
        self.driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(folder)})

    def cookie(self, name: str, value: str, path: str = "/") -> None:
        """Set a cookie as if the wall had set it; no script can read it."""
        given = {
            "name": name,
            "value": value,
            "url": f"{self.url}/",
            "path": path,
            "secure": True,
            "httpOnly": True,
            "sameSite": "Strict",
        }
        assert self.driver.execute_cdp_cmd("Network.setCookie", given)["success"]

    def cookies(self) -> dict[str, str]:
        """Return the cookies for the page that is shown."""
        found = self.driver.execute_cdp_cmd("Network.getCookies", {"urls": [self.driver.current_url]})["cookies"]
        return {str(one["name"]): str(one["value"]).strip('"') for one in found}

    def forget(self) -> None:
        """Delete all cookies."""
        self.driver.execute_cdp_cmd("Network.clearBrowserCookies", {})

    def fresh(self) -> None:
        """Return to the initial state: an empty page, a large light screen, scripts and no cookies."""
        self.driver.get("about:blank")
        self.forget()
        self.scripts(allowed=True)
        self.scheme("light")
        self.size(*DESKTOP_PIXELS)

    def picture(self, name: str) -> None:
        """Save a picture of the whole page, for a person to look at, where PICTURES names a folder."""
        folder = os.environ.get("PICTURES")
        if folder:
            taken = self.driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True})["data"]
            Path(folder, f"{name}.png").write_bytes(base64.b64decode(taken))

    def close(self) -> None:
        """End the browser."""
        self.driver.quit()


def _program(name: str) -> str:
    found = shutil.which(name)
    assert found is not None, f"there is no {name}: run tools/host"
    return found
