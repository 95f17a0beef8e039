// Keeps the page up to date and sends what is asked for without leaving it. The page works without this, too.
"use strict";
(() => {
  const live = document.getElementById("live");
  const connection = document.getElementById("connection");
  const parts = () => document.querySelectorAll("[data-part]");
  // As the server wrote them: what is opened or typed since then is no difference.
  const written = new Map();
  parts().forEach((part) => written.set(part.id, part.innerHTML));
  let ended = false;
  let timer = 0;
  let asked = 0;

  const say = (line, text) => {
    if (line.textContent !== text) line.textContent = text;
  };

  const end = () => {
    ended = true;
    if (events) events.close();
    say(connection, "This session has ended. Open the page again from the menu or with “operator dashboard”.");
  };

  const lost = () => {
    if (ended) return;
    say(connection, "Operator does not answer. The page shows what was known last.");
    soon(5000);
  };

  // The ids around an element, from the inside out: where the focus goes when it is gone.
  const placesOf = (element) => {
    const ids = [];
    for (let place = element; place; place = place.parentElement) if (place.id) ids.push(place.id);
    return ids;
  };

  const focusFirst = (ids) => {
    for (const id of ids) {
      const element = document.getElementById(id);
      if (!element || element.disabled) continue;
      element.focus({ preventScroll: true });
      if (document.activeElement !== element) {
        element.tabIndex = -1;
        element.focus({ preventScroll: true });
      }
      return;
    }
  };

  const replace = (part, fresh) => {
    const open = Array.from(part.querySelectorAll("details[open]"), (details) => details.id);
    const scrolled = Array.from(part.querySelectorAll(".scroll"), (box) => [box.id, box.scrollLeft, box.scrollTop]);
    const focused = part.contains(document.activeElement) ? placesOf(document.activeElement) : null;
    part.replaceChildren(...fresh.childNodes);
    for (const id of open) {
      const details = document.getElementById(id);
      if (details) details.open = true;
    }
    for (const [id, left, top] of scrolled) document.getElementById(id)?.scrollTo(left, top);
    if (focused) focusFirst(focused);
  };

  const show = (page) => {
    const [left, top] = [window.scrollX, window.scrollY];
    let changed = false;
    for (const part of parts()) {
      const fresh = page.getElementById(part.id);
      if (!fresh || fresh.innerHTML === written.get(part.id)) continue;
      written.set(part.id, fresh.innerHTML);
      replace(part, fresh);
      changed = true;
    }
    if (document.title !== page.title) document.title = page.title;
    if (changed) window.scrollTo({ left, top, behavior: "instant" });
  };

  const refresh = async () => {
    if (ended) return;
    const turn = ++asked;
    try {
      const reply = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
      if (reply.status === 401) return end();
      if (!reply.ok) return lost();
      const page = new DOMParser().parseFromString(await reply.text(), "text/html");
      if (turn !== asked) return; // it was asked again since: what comes then is newer
      show(page);
      say(connection, "");
    } catch {
      lost();
    }
  };

  const soon = (pause) => {
    clearTimeout(timer);
    timer = setTimeout(refresh, pause);
  };

  const send = async (form, button) => {
    button?.setAttribute("aria-disabled", "true");
    try {
      const reply = await fetch(form.getAttribute("action"), {
        method: "POST",
        headers: { "Content-Type": "application/x-www-form-urlencoded", Accept: "application/json" },
        body: new URLSearchParams(new FormData(form, button)).toString(),
      });
      if (reply.status === 401) return end();
      const answer = await reply.json().catch(() => ({}));
      say(live, answer.message || (reply.ok ? "Done." : "Operator refused."));
      await refresh();
    } catch {
      lost();
    } finally {
      button?.removeAttribute("aria-disabled");
    }
  };

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.getAttribute("method") !== "post") return;
    event.preventDefault();
    if (event.submitter?.getAttribute("aria-disabled") !== "true") send(form, event.submitter);
  });

  let events = null;
  const listen = () => {
    events = new EventSource("/events");
    events.addEventListener("changed", () => soon(150));
    events.onopen = () => soon(150);
    events.onerror = () => {
      lost();
      if (events.readyState !== EventSource.CLOSED || ended) return;
      // The browser has given up: see whether the session has ended, and try again.
      refresh();
      setTimeout(() => ended || listen(), 5000);
    };
  };
  listen();

  // “2 h ago” grows old by itself.
  setInterval(() => document.hidden || refresh(), 60000);
  document.addEventListener("visibilitychange", () => document.hidden || soon(150));
})();
