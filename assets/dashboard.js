// Keeps the page up to date and sends its forms without a reload. The page also works without this script.
"use strict";
(() => {
  const live = document.getElementById("live");
  const connection = document.getElementById("connection");
  const parts = () => document.querySelectorAll("[data-part]");
  // The markup from the server, by id. An opened or edited element is no difference.
  const rendered = new Map();
  parts().forEach((part) => rendered.set(part.id, part.innerHTML));
  let ended = false;
  let timer = 0;
  let requests = 0;

  const setText = (line, text) => {
    if (line.textContent !== text) line.textContent = text;
  };

  const endSession = () => {
    ended = true;
    if (events) events.close();
    setText(connection, "This session has ended. Open the dashboard again from the menu or with “operator dashboard”.");
  };

  const showUnavailable = () => {
    if (ended) return;
    setText(connection, "Operator is unavailable. The page shows the last known state.");
    refreshAfter(5000);
  };

  // The ids of an element and its ancestors, innermost first: candidates for the focus.
  const idsAround = (element) => {
    const ids = [];
    for (let node = element; node; node = node.parentElement) if (node.id) ids.push(node.id);
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
    const focused = part.contains(document.activeElement) ? idsAround(document.activeElement) : null;
    part.replaceChildren(...fresh.childNodes);
    for (const id of open) {
      const details = document.getElementById(id);
      if (details) details.open = true;
    }
    for (const [id, left, top] of scrolled) document.getElementById(id)?.scrollTo(left, top);
    if (focused) focusFirst(focused);
  };

  const update = (page) => {
    const [left, top] = [window.scrollX, window.scrollY];
    let changed = false;
    for (const part of parts()) {
      const fresh = page.getElementById(part.id);
      if (!fresh || fresh.innerHTML === rendered.get(part.id)) continue;
      rendered.set(part.id, fresh.innerHTML);
      replace(part, fresh);
      changed = true;
    }
    if (document.title !== page.title) document.title = page.title;
    if (changed) window.scrollTo({ left, top, behavior: "instant" });
  };

  const refresh = async () => {
    if (ended) return;
    const request = ++requests;
    try {
      const reply = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
      if (reply.status === 401) return endSession();
      if (!reply.ok) return showUnavailable();
      const page = new DOMParser().parseFromString(await reply.text(), "text/html");
      if (request !== requests) return; // a newer request is in flight
      update(page);
      setText(connection, "");
    } catch {
      showUnavailable();
    }
  };

  const refreshAfter = (delay) => {
    clearTimeout(timer);
    timer = setTimeout(refresh, delay);
  };

  const send = async (form, button) => {
    button?.setAttribute("aria-disabled", "true");
    try {
      const reply = await fetch(form.getAttribute("action"), {
        method: "POST",
        headers: { "Content-Type": "application/x-www-form-urlencoded", Accept: "application/json" },
        body: new URLSearchParams(new FormData(form, button)).toString(),
      });
      if (reply.status === 401) return endSession();
      const result = await reply.json().catch(() => ({}));
      setText(live, result.message || (reply.ok ? "Done." : "Operator rejected the request."));
      await refresh();
    } catch {
      showUnavailable();
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
    events.addEventListener("changed", () => refreshAfter(150));
    events.onopen = () => refreshAfter(150);
    events.onerror = () => {
      showUnavailable();
      if (events.readyState !== EventSource.CLOSED || ended) return;
      // The browser stopped reconnecting: check whether the session has ended, and try again.
      refresh();
      setTimeout(() => ended || listen(), 5000);
    };
  };
  listen();

  // Relative times such as “2 h ago” change without an event.
  setInterval(() => document.hidden || refresh(), 60000);
  document.addEventListener("visibilitychange", () => document.hidden || refreshAfter(150));
})();
