// The button by which people subscribe to push messages.
"use strict";

(() => {
  const MEMORY = "django-notification-system-webpush";
  const ADDRESS = "/django-notification-system-webpush/address";
  const IS_APPLE = /iPad|iPhone|iPod/.test(navigator.userAgent) ||
    (/Macintosh/.test(navigator.userAgent) && navigator.maxTouchPoints > 1);

  class LoggedOut extends Error {}

  class Button {
    constructor(element) {
      this.element = element;
      this.texts = element.dataset;
      this.button = element.querySelector("button");
      this.status = element.querySelector("[role=status]");
      this.isOn = false;
    }

    async begin() {
      this.element.hidden = false;
      if (!window.isSecureContext) {
        console.warn("Web Push: browsers take this page on https:// and on http://localhost alone.");
        this.button.hidden = true;
        this.say(this.texts.textInsecure);
        return;
      }
      const isSupported = "serviceWorker" in navigator &&
        "PushManager" in window && "Notification" in window;
      if (!isSupported) {
        this.button.hidden = true;
        this.say(IS_APPLE ? this.texts.textHomeScreen : this.texts.textUnsupported);
        return;
      }
      this.button.addEventListener("click", () => this.busyWith(() => this.press()));
      await this.busyWith(() => this.recall());
    }

    // Without a question to the person: what was agreed to before stays in order.
    async recall() {
      if (Notification.permission === "denied") return this.showDenied();
      const registration = await this.registration();
      const subscription = registration && (await registration.pushManager.getSubscription());
      if (!subscription || Notification.permission !== "granted") return this.show(false);
      const address = await addressOf(subscription.endpoint);
      const isOn = await this.isSubscribed(address);
      if (isOn && !this.hasOurKey(subscription)) {
        await subscription.unsubscribe();
        return this.subscribe(registration, address);
      }
      if (isOn) await remember(address);
      const before = await remembered();
      if (!isOn && before && before !== address) {
        // The browser changed its subscription while nobody was logged in.
        return this.show(await this.send(subscription, before));
      }
      this.show(isOn);
    }

    async press() {
      if (this.isOn) return this.unsubscribe();
      // First of all: browsers ask only right after a click.
      if ((await Notification.requestPermission()) !== "granted") {
        return Notification.permission === "denied" ? this.showDenied() : undefined;
      }
      return this.subscribe(await this.register());
    }

    async subscribe(registration, before = "") {
      let subscription = await registration.pushManager.getSubscription();
      if (subscription && !this.hasOurKey(subscription)) {
        await subscription.unsubscribe();
        subscription = null;
      }
      subscription = subscription || (await registration.pushManager.subscribe({
        userVisibleOnly: true,
        applicationServerKey: octets(this.texts.publicKey),
      }));
      const isOn = await this.send(subscription, before);
      this.show(isOn);
      this.say(isOn ? this.texts.textIsOn : this.texts.textFailed);
    }

    async unsubscribe() {
      const registration = await this.registration();
      const subscription = registration && (await registration.pushManager.getSubscription());
      if (subscription) {
        const answer = await this.ask("DELETE", { endpoint: subscription.endpoint });
        if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
        await subscription.unsubscribe();
      }
      await caches.delete(MEMORY).catch(() => false);
      this.show(false);
      this.say(this.texts.textIsOff);
    }

    async register() {
      const options = this.texts.scope ? { scope: this.texts.scope } : {};
      const registration =
        await navigator.serviceWorker.register(this.texts.serviceWorker, options);
      const worker = registration.installing || registration.waiting;
      if (!registration.active && worker) {
        await new Promise((resolve, reject) => {
          worker.addEventListener("statechange", () => {
            if (worker.state === "activated") resolve();
            if (worker.state === "redundant") reject(new Error("The service worker is gone."));
          });
        });
      }
      return registration;
    }

    // Not another service worker of the site's, whose scope is wider.
    async registration() {
      const found = await navigator.serviceWorker.getRegistration(this.scope());
      return found && found.scope === this.scope() ? found : undefined;
    }

    // The folder of the service worker, unless the page says otherwise.
    scope() {
      return new URL(this.texts.scope || ".", new URL(this.texts.serviceWorker, location)).href;
    }

    hasOurKey(subscription) {
      const key = subscription.options && subscription.options.applicationServerKey;
      return !key || base64url(new Uint8Array(key)) === this.texts.publicKey;
    }

    async isSubscribed(address) {
      return (await this.tell(address)).subscribed;
    }

    async tell(address = "") {
      const url = `${this.texts.subscription}?address=${encodeURIComponent(address)}`;
      const answer = await fetch(url, { credentials: "same-origin", signal: limit() });
      if (answer.status === 403) throw new LoggedOut();
      if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
      return answer.json();
    }

    async send(subscription, before) {
      const said = subscription.toJSON();
      const answer = await this.ask("POST", before ? { ...said, replaces: before } : said);
      if (answer.ok) await remember((await answer.json()).address);
      return answer.ok;
    }

    // The token against forged requests comes from the site right now: the page may be a cached one.
    async ask(method, said) {
      const { csrf_token, csrf_header } = await this.tell();
      return fetch(this.texts.subscription, {
        method,
        credentials: "same-origin",
        signal: limit(),
        headers: { "Content-Type": "application/json", [csrf_header]: csrf_token },
        body: JSON.stringify(said),
      });
    }

    async busyWith(work) {
      this.button.setAttribute("aria-disabled", "true");
      if (this.isBusy) return;
      this.isBusy = true;
      try {
        await work();
      } catch (error) {
        console.error(error);
        const isLoggedOut = error instanceof LoggedOut;
        this.say(isLoggedOut ? this.texts.textLoggedOut : this.texts.textFailed);
      } finally {
        this.isBusy = false;
        this.button.removeAttribute("aria-disabled");
      }
    }

    show(isOn) {
      this.isOn = isOn;
      this.button.textContent = isOn ? this.texts.textOff : this.texts.textOn;
    }

    showDenied() {
      this.show(false);
      this.say(this.texts.textDenied);
    }

    say(text) {
      this.status.textContent = text;
    }
  }

  // The same address as the site's: the SHA-256 of the endpoint, in base64url.
  async function addressOf(endpoint) {
    const hashed = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(endpoint));
    return `sha256:${base64url(new Uint8Array(hashed))}`;
  }

  function limit() {
    return AbortSignal.timeout(20000); // milliseconds
  }

  function base64url(bytes) {
    const text = btoa(String.fromCharCode(...bytes));
    return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  }

  function octets(text) {
    const decoded = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    return Uint8Array.from(decoded, (character) => character.charCodeAt(0));
  }

  // In the cache storage, which the service worker reads, too.
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

  for (const element of document.querySelectorAll("[data-webpush]:not([data-begun])")) {
    element.dataset.begun = "";
    new Button(element).begin();
  }
})();
