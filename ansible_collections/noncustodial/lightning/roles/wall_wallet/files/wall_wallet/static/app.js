// Copyright: (c) 2026, noncustodial.lightning contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later
// What makes the pages live. Without it they work too: a page that waits reloads itself.
"use strict";

// Ask until the state is another or the time is over, then show the page as it is now. The longer it takes, the less often is asked.
async function watch(main) {
  const began = Date.now();
  const ends = "left" in main.dataset ? began + main.dataset.left * 1000 : Infinity;
  for (;;) {
    const waited = Date.now() - began;
    await new Promise((go) => setTimeout(go, document.hidden ? 5000 : Math.min(500 + waited / 20, 5000)));
    try {
      const answer = await fetch(main.dataset.poll || `${location.pathname}/status`, { redirect: "manual" });
      // Whoever is not logged in any more is led to the login, and what is gone is said to be.
      if (answer.type === "opaqueredirect" || answer.status === 404) return location.reload();
      if (!answer.ok || ((await answer.json()).state === main.dataset.state && Date.now() < ends)) continue;
      // Whoever does not ask for HTML is taken for a program.
      const shown = await fetch(location.href, { headers: { Accept: "text/html" } });
      const page = new DOMParser().parseFromString(await shown.text(), "text/html");
      const fresh = document.adoptNode(page.querySelector("main"));
      document.title = page.title;
      main.replaceWith(fresh);
      begin(fresh);
      fresh.focus();
      return;
    } catch {
      // The network or the service is away for a moment.
    }
  }
}

function begin(main) {
  if ("poll" in main.dataset) watch(main);
  for (const button of main.querySelectorAll("[data-copy]")) {
    button.hidden = !navigator.clipboard;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).value);
      button.textContent = "Copied";
    });
  }
  for (const field of main.querySelectorAll(".copy")) field.addEventListener("focus", () => field.select());
}

begin(document.querySelector("main"));

// By its back button a browser shows a page as it was, also to whoever sits there after a logout.
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
