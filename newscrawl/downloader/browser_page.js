// Runs before any script of a page. What differs from run to run is the same here in each: the clock begins at
// START and moves when it is told to, dice begin with SEED, frames and observers follow timers, and parts that
// work in parallel are not there. KEY names the handle of the clock, WAITS the header of a request that a script
// stands still for.
((START, SEED, KEY, WAITS) => {
  "use strict";
  const define = (target, name, value) =>
    Object.defineProperty(target, name, { value, configurable: true, writable: true });
  const read = (target, name, get) => Object.defineProperty(target, name, { get, configurable: true });

  // sfc32, a small generator of good quality.
  let [a, b, c, d] = SEED;
  const next = () => {
    const sum = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum | 0;
    return sum >>> 0;
  };
  define(Math, "random", () => next() / 4294967296);
  const fill = (array) => {
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    for (let index = 0; index < bytes.length; index++) bytes[index] = next();
    return array;
  };
  if (self.Crypto) {
    define(Crypto.prototype, "getRandomValues", fill);
    define(Crypto.prototype, "randomUUID", () => {
      const bytes = fill(new Uint8Array(16));
      bytes[6] = (bytes[6] & 15) | 64;
      bytes[8] = (bytes[8] & 63) | 128;
      const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
      return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
    });
  }

  // Time stands still until `advance` is called, and then moves from timer to timer.
  const shared = (() => {
    try { return top !== self && top[KEY]; } catch { return null; }
  })();
  let current = 0, hasSent = false, lastId = 0;
  const timers = new Map();
  // Pages put other things in the place of Promise.
  const Turn = Promise;
  const pipe = new MessageChannel();
  const wait = setTimeout.bind(self);
  const hop = () => new Turn((done) => {
    pipe.port2.onmessage = done;
    pipe.port1.postMessage(0);
  });
  const schedule = shared ? shared.schedule : (callback, delay, period, args) => {
    const id = ++lastId;
    // As in a browser, a timer never fires at once.
    const due = current + Math.max(1, Math.min(Number(delay) || 0, 2147483647));
    timers.set(id, { id, due, period, callback, args });
    return id;
  };
  const cancel = shared ? shared.cancel : (id) => { timers.delete(id); };
  const elapsed = shared ? shared.elapsed : () => current;
  const fire = ({ callback, args }) => {
    try {
      if (typeof callback === "function") callback.apply(self, args);
      else (0, eval)(String(callback));
    } catch (error) { self.reportError(error); }
  };
  const findNext = (end) => {
    let next = null;
    for (const timer of timers.values()) {
      if (timer.due <= end && (!next || timer.due < next.due)) next = timer;
    }
    return next;
  };
  // Up to `end`, or until the page has sent a request, also one since the last call; the time it has come to.
  const advance = async (end, isFresh) => {
    // What an answer sets off may take a few turns.
    for (const delay of isFresh ? [0, 1, 2, 4, 4] : []) {
      if (hasSent) break;
      await new Turn((done) => wait(done, delay));
    }
    await hop();
    for (let next = findNext(end); next && !hasSent; next = findNext(end)) {
      timers.delete(next.id);
      current = Math.max(current, next.due);
      if (next.period) timers.set(next.id, { ...next, due: current + next.period });
      fire(next);
      await hop();
    }
    const isStopped = hasSent;
    hasSent = false;
    if (!isStopped) current = end;
    return { time: current, isIdle: !timers.size && !isStopped };
  };
  const noteSent = shared ? shared.noteSent : () => { hasSent = true; };
  Object.defineProperty(self, KEY, { value: Object.freeze({ advance, schedule, cancel, elapsed, noteSent }) });

  define(self, "setTimeout", (callback, delay, ...args) => schedule(callback, delay, 0, args));
  define(self, "setInterval", (callback, delay, ...args) =>
    schedule(callback, delay, Math.max(4, Number(delay) || 0), args));
  define(self, "clearTimeout", cancel);
  define(self, "clearInterval", cancel);
  define(self, "requestAnimationFrame", (callback) => schedule(() => callback(elapsed()), 16, 0, []));
  define(self, "cancelAnimationFrame", cancel);
  define(self, "requestIdleCallback", (callback) =>
    schedule(() => callback({ didTimeout: false, timeRemaining: () => 10 }), 1, 0, []));
  define(self, "cancelIdleCallback", cancel);
  define(AbortSignal, "timeout", (delay) => {
    const controller = new AbortController();
    schedule(() => controller.abort(new DOMException("signal timed out", "TimeoutError")), delay, 0, []);
    return controller.signal;
  });
  const NativeDate = Date;
  const now = () => START + elapsed();
  const FixedDate = function Date(...parts) {
    if (!new.target) return new NativeDate(now()).toString();
    return Reflect.construct(NativeDate, parts.length ? parts : [now()], new.target);
  };
  Object.setPrototypeOf(FixedDate, NativeDate);
  FixedDate.prototype = NativeDate.prototype;
  define(FixedDate, "now", now);
  define(NativeDate.prototype, "constructor", FixedDate);
  define(self, "Date", FixedDate);
  define(Performance.prototype, "now", elapsed);
  read(Performance.prototype, "timeOrigin", () => START);
  for (const name of ["getEntries", "getEntriesByType", "getEntriesByName"]) {
    define(Performance.prototype, name, () => []);
  }
  read(Event.prototype, "timeStamp", elapsed);

  // Requests wait for the crawl's manners: no limit of time may depend on them.
  const { open, send } = XMLHttpRequest.prototype;
  const waiting = new WeakSet();
  Object.defineProperty(XMLHttpRequest.prototype, "timeout", { get: () => 0, set() {} });
  define(XMLHttpRequest.prototype, "open", function (method, url, isAsync = true, ...rest) {
    if (isAsync) waiting.delete(this);
    else waiting.add(this);
    return open.call(this, method, url, isAsync, ...rest);
  });
  define(XMLHttpRequest.prototype, "send", function (body) {
    noteSent();
    if (waiting.has(this)) this.setRequestHeader(WAITS, "1");
    return send.call(this, body);
  });
  const ask = fetch.bind(self);
  define(self, "fetch", (...parts) => {
    noteSent();
    return ask(...parts);
  });

  class IntersectionObserver {
    #callback; #seen = new Map(); #timer = 0;
    constructor(callback, options = {}) {
      this.#callback = callback;
      this.root = options.root || null;
      this.rootMargin = options.rootMargin || "0px 0px 0px 0px";
      this.thresholds = [].concat(options.threshold ?? 0);
    }
    observe(target) {
      if (!this.#seen.has(target)) this.#seen.set(target, null);
      this.#timer = this.#timer || schedule(() => this.#look(), 50, 0, []);
    }
    unobserve(target) { this.#seen.delete(target); }
    disconnect() { this.#seen.clear(); }
    takeRecords() { return []; }
    #look() {
      this.#timer = 0;
      const entries = [];
      for (const [target, before] of this.#seen) {
        const box = target.getBoundingClientRect();
        const isIntersecting = target.isConnected && box.top < innerHeight && box.bottom >= 0;
        if (before === isIntersecting) continue;
        this.#seen.set(target, isIntersecting);
        const intersectionRatio = isIntersecting ? 1 : 0;
        entries.push({ target, isIntersecting, intersectionRatio, boundingClientRect: box,
          intersectionRect: box, rootBounds: null, time: elapsed() });
      }
      if (this.#seen.size) this.#timer = schedule(() => this.#look(), 100, 0, []);
      if (entries.length) this.#callback.call(undefined, entries, this);
    }
  }
  define(self, "IntersectionObserver", IntersectionObserver);

  for (const name of ["Worker", "SharedWorker", "RTCPeerConnection", "webkitRTCPeerConnection",
    "WebTransport", "WebSocketStream", "indexedDB", "caches", "scheduler"]) {
    delete self[name];
  }
  define(self, "open", () => null);
  read(Navigator.prototype, "hardwareConcurrency", () => 4);
  read(Navigator.prototype, "deviceMemory", () => 4);
  read(Navigator.prototype, "connection", () => undefined);
})
