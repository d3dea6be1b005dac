// Keeps badges and lists up to date.
(() => {
  const d = document, bell = d.querySelector("[data-inbox-unread]");
  if (!bell || d.inbox) return;
  d.inbox = true;
  const { inboxUnread, inboxStream, inboxPoll } = bell.dataset;
  const all = (name, page = d) => page.querySelectorAll(`[data-inbox${name}]`);
  let timer, source, etag = "";

  function show(now) {
    for (const part of ["badge", "label"])
      for (const at of all(`=${part}`))
        if (at.textContent != now[part]) at.textContent = now[part];
    d.dispatchEvent(new CustomEvent("inbox", { detail: now }));
    for (const list of all("-list"))
      if (list.dataset.inboxList != (now.newest ?? "")) return renew();
  }

  async function renew() {
    const text = await (await fetch(location)).text();
    const fresh = all("-list", new DOMParser().parseFromString(text, "text/html"));
    all("-list").forEach((list, at) => {
      if (fresh[at] && !list.contains(d.activeElement)) list.replaceWith(fresh[at]);
    });
  }

  async function ask() {
    try {
      const answer = await fetch(inboxUnread, { headers: { "If-None-Match": etag } });
      if (answer.status == 403) return;
      etag = answer.headers.get("ETag") ?? "";
      if (answer.ok) show(await answer.json());
    } catch {}
    wait();
  }

  function wait() {
    clearTimeout(timer);
    if (!d.hidden) timer = setTimeout(inboxStream ? turn : ask, inboxPoll * 1000);
  }

  function turn(change) {
    source?.close();
    if (d.hidden || !inboxStream) return change && !d.hidden ? ask() : wait();
    source = new EventSource(inboxStream);
    source.addEventListener("unread", ({ data }) => show(JSON.parse(data)));
    source.onerror = () => source.readyState == 2 && ask();
  }

  d.addEventListener("visibilitychange", turn);
  for (const on of ["click", "auxclick"]) d.addEventListener(on, ({ target, button }) => {
    const form = button < 2 && target.closest("a") && target.closest(".inbox-unread")?.querySelector("form");
    if (form) fetch(form.action, { method: "POST", body: new FormData(form), keepalive: true });
  });
  turn();
})();
