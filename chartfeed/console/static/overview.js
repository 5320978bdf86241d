// Keeps the overview as it is now: lines that changed are replaced, and those that are not asked for hidden.
"use strict";

(() => {
  const head = document.getElementById("head");
  const lines = document.getElementById("lines");
  const pulse = document.getElementById("pulse");
  const search = document.getElementById("search");
  const problems = document.getElementById("problems");
  const none = document.getElementById("none");

  const filter = () => {
    const wanted = search.value.trim().toLocaleLowerCase();
    let shown = 0;
    for (const line of lines.rows) {
      const isWanted = line.textContent.toLocaleLowerCase().includes(wanted);
      const isProblem = line.classList.contains("bad") || line.classList.contains("warn");
      line.hidden = !(isWanted && (isProblem || !problems.checked));
      shown += line.hidden ? 0 : 1;
    }
    none.hidden = shown > 0;
  };

  const replaceLine = (name, html) => {
    const old = document.getElementById(`c-${name}`);
    if (!old) return;
    const wasInside = old.contains(document.activeElement);
    const holder = document.createElement("tbody");
    holder.innerHTML = html;
    const fresh = holder.rows[0];
    old.replaceWith(fresh);
    fresh.classList.add("fresh");
    if (wasInside) fresh.querySelector("a").focus({ preventScroll: true });
  };

  const show = (found) => {
    if (found.head !== undefined) head.innerHTML = found.head;
    if (found.all !== undefined) {
      const active = lines.contains(document.activeElement) ? document.activeElement.closest("tr").id : null;
      lines.innerHTML = found.all;
      if (active) document.getElementById(active)?.querySelector("a").focus({ preventScroll: true });
    }
    for (const [name, html] of Object.entries(found.lines ?? {})) replaceLine(name, html);
    filter();
  };

  const say = (isLive) => {
    pulse.textContent = isLive ? pulse.dataset.live : pulse.dataset.lost;
    pulse.classList.toggle("lost", !isLive);
  };

  let source = null;
  const listen = () => {
    source = new EventSource(`/live/overview?since=${lines.dataset.since}`);
    source.onopen = () => say(true);
    source.onmessage = (event) => show(JSON.parse(event.data));
    source.onerror = () => {
      say(false);
      // The browser tries again by itself, unless the answer was a refusal.
      if (source.readyState === EventSource.CLOSED) setTimeout(listen, 3000);
    };
  };

  search.addEventListener("input", filter);
  problems.addEventListener("change", filter);
  // What a page that went to the background missed is told when it comes back.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      source.close();
    } else {
      lines.dataset.since = "-1";
      listen();
    }
  });
  addEventListener("pagehide", () => source.close());
  filter();
  listen();
})();
