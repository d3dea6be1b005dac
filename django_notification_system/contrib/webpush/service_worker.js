// Shows push messages, opens the page behind a click, and renews the subscription.
"use strict";

const MEMORY = "django-notification-system-webpush";
const ADDRESS = "/django-notification-system-webpush/address";

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("push", (event) => event.waitUntil(show(event.data)));
self.addEventListener("notificationclick", (event) => event.waitUntil(follow(event)));
self.addEventListener("pushsubscriptionchange", (event) => event.waitUntil(renew(event)));

// Browsers take the permission away from sites whose pushes show nothing: something is always shown.
function show(data) {
  const message = read(data);
  const actions = Array.isArray(message.actions) ? message.actions : [];
  const options = {
    body: message.body || "",
    actions: actions.map(({ action, title, icon }) => ({ action, title, icon })),
    data: {
      url: message.url,
      urls: Object.fromEntries(actions.map(({ action, url }) => [action, url])),
    },
  };
  for (const name of ["icon", "badge", "image", "tag"]) {
    if (message[name]) options[name] = message[name];
  }
  return self.registration.showNotification(message.title || self.location.host, options);
}

function read(data) {
  try {
    return Object(data.json());
  } catch {
    return {};
  }
}

async function follow(event) {
  const { url, urls = {} } = event.notification.data || {};
  event.notification.close();
  const wanted = (event.action && urls[event.action]) || url;
  const windows = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const address = new URL(wanted || "/", self.location.origin);
  const there = windows.find((each) => !wanted || each.url === address.href);
  if (there) return there.focus();
  const isSafe = address.origin === self.location.origin || address.protocol === "https:";
  return isSafe ? self.clients.openWindow(address.href) : undefined;
}

// Only for the user who is logged in, and only in place of this user's own subscription: the site
// checks both. Otherwise the next page with the button puts it right.
async function renew(event) {
  const before = event.oldSubscription
    ? await addressOf(event.oldSubscription.endpoint)
    : await remembered();
  if (!before || !CONFIGURATION.publicKey) return;
  const subscription =
    event.newSubscription ||
    (await self.registration.pushManager.subscribe({
      userVisibleOnly: true,
      applicationServerKey: octets(CONFIGURATION.publicKey),
    }));
  const told = await fetch(CONFIGURATION.subscriptionUrl, { credentials: "same-origin", signal: limit() });
  if (!told.ok) return;
  const { csrf_token, csrf_header } = await told.json();
  const answer = await fetch(CONFIGURATION.subscriptionUrl, {
    method: "POST",
    credentials: "same-origin",
    signal: limit(),
    headers: { "Content-Type": "application/json", [csrf_header]: csrf_token },
    body: JSON.stringify({ ...subscription.toJSON(), replaces: before }),
  });
  if (answer.ok) await remember((await answer.json()).address);
}

// The same address as the site's: the SHA-256 of the endpoint, in base64url.
async function addressOf(endpoint) {
  const hashed = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(endpoint));
  const text = btoa(String.fromCharCode(...new Uint8Array(hashed)));
  return `sha256:${text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")}`;
}

function limit() {
  return AbortSignal.timeout(20000); // milliseconds
}

function octets(base64url) {
  const text = atob(base64url.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

async function remembered() {
  try {
    const answer = await (await caches.open(MEMORY)).match(ADDRESS);
    return answer ? answer.text() : "";
  } catch {
    return ""; // the browser keeps nothing for sites
  }
}

async function remember(address) {
  try {
    await (await caches.open(MEMORY)).put(ADDRESS, new Response(address));
  } catch {
    // As above. Then only a change that the browser tells of is noticed.
  }
}
