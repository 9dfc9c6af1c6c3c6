// What the page knows of the mock, kept up to date; views only read it and call its actions.

import { WorkbenchError } from "./api.js";

/** With more customers, accounts and carts than this, the page does not ask for the state. */
const MOST_ASKED = 2000;
/** Where the state before the last change made on this page is kept. */
const UNDO = "before-last-change";
const PAGE = 500;
/** The most requests that the page keeps, whatever the journal of the mock keeps. */
const MOST_LISTED = 20000;
const WAIT = 20;
const EVERY = 2000;

export const VIEWS = ["live", "situation", "coverage"];

export class Model {
  stores = null;
  store = null;
  summary = null;
  state = null;
  isTooLarge = false;
  entries = [];
  paused = null;
  isLoading = false;
  watched = null;
  people = null;
  search = { find: "", limit: 20 };
  faults = [];
  snapshots = [];
  coverage = null;
  rules = [];
  operations = [];
  scenarios = [];
  breaks = [];
  stubs = [];
  forward = null;
  explanations = new Map();
  view = "live";
  notice = null;
  locked = false;
  offline = false;

  #workbench;
  #changed;
  #announce;
  #following = null;
  #refreshing = false;
  #again = false;
  #ticks = 0;
  #kept = PAGE;

  /** `changed()` is called after every change, `announce(entries)` with requests as they come. */
  constructor(workbench, changed, announce) {
    this.#workbench = workbench;
    this.#changed = changed;
    this.#announce = announce;
  }

  path(rest = "", store = this.store) {
    return `/stores/${encodeURIComponent(store)}${rest}`;
  }

  call(method, path, options) {
    return this.#workbench.call(method, path, options);
  }

  update(changes) {
    Object.assign(this, changes);
    this.#changed();
  }

  // ---- Starting, and choosing a store ---------------------------------------------------------

  async start(wanted) {
    this.update({ locked: false });
    try {
      const [stores, rules, scenarios, breaks] = await Promise.all(
        ["/stores", "/rules", "/scenarios", "/breaks"].map((path) => this.call("GET", path)),
      );
      this.update({
        stores: stores.data,
        rules: rules.data,
        operations: rules.operations,
        scenarios: scenarios.data,
        breaks: breaks.data.filter((one) => one.scope === "store"),
      });
      const names = stores.data.map((store) => store.client_id);
      if (wanted !== null && !names.includes(wanted)) {
        this.complain(`The store ${JSON.stringify(wanted)} does not exist. A store is created when its client_id is first used.`);
      }
      this.choose(names.includes(wanted) ? wanted : busiest(stores.data));
    } catch (error) {
      this.fail(error);
    }
    if (this.#ticks === 0) setInterval(() => this.#tick(), EVERY);
    this.#ticks = 1;
  }

  choose(store) {
    this.#following?.abort();
    this.#following = new AbortController();
    this.explanations.clear();
    this.update({
      store, summary: null, state: null, entries: [], paused: null, faults: [], snapshots: [], stubs: [], forward: null,
      coverage: null, people: null, search: { find: "", limit: 20 }, isLoading: false,
    });
    const signal = this.#following.signal;
    this.#follow("/requests", null, signal);
    if (store !== null) this.#follow(this.path("/requests"), store, signal);
    this.refresh();
  }

  show(view) {
    this.update({ view });
    this.refresh();
  }

  // ---- Following --------------------------------------------------------------------------------

  async #follow(path, store, signal) {
    let since = null;
    let isFirst = true;
    while (!signal.aborted) {
      const query = { limit: PAGE, wait: isFirst ? 0 : WAIT };
      if (since !== null) query.since = since;
      try {
        const answer = await this.call("GET", path, { query, signal });
        if (signal.aborted) return;
        const hasOlder = isFirst && answer.data.length < answer.meta.kept;
        this.#take(answer, store, isFirst);
        if (hasOlder && answer.data.length > 0) this.#loadOlder(path, answer.data[0].id, signal);
        since = answer.meta.last;
        isFirst = false;
      } catch (error) {
        if (signal.aborted) return;
        this.fail(error);
        if (error.status !== 0) return;
        await new Promise((resolve) => setTimeout(resolve, EVERY));
      }
    }
  }

  #take(answer, store, isFirst) {
    if (this.offline) this.update({ offline: false });
    if (answer.data.length === 0 && !answer.meta.missed) return;
    const kept = this.entries.filter((entry) => entry.store !== store || !(isFirst || answer.meta.missed));
    const entries = [...kept, ...answer.data].sort(inOrder);
    this.#kept = Math.max(this.#kept, 2 * answer.meta.length);
    this.update({ entries: entries.slice(-Math.min(this.#kept, MOST_LISTED)) });
    if (!isFirst) {
      this.#announce(answer.data);
      this.refresh();
    }
  }

  // The newest requests come first, older ones are added a page at a time.
  async #loadOlder(path, before, signal) {
    this.update({ isLoading: true });
    try {
      for (;;) {
        const answer = await this.call("GET", path, { query: { limit: PAGE, before }, signal });
        if (signal.aborted || answer.data.length === 0 || this.entries.length >= MOST_LISTED) break;
        before = answer.data[0].id;
        this.update({ entries: [...answer.data, ...this.entries].sort(inOrder) });
        if (answer.data.length < PAGE) break;
      }
    } catch (error) {
      if (!signal.aborted) this.fail(error);
    }
    if (!signal.aborted) this.update({ isLoading: false });
  }

  #tick() {
    if (document.hidden || this.locked) return;
    this.#ticks += 1;
    if (this.#ticks % 3 === 0 || this.store === null) this.#refreshStores();
    this.refresh();
  }

  async #refreshStores() {
    try {
      const [{ data: stores }, { data: watched }] = await Promise.all([this.call("GET", "/stores"), this.call("GET", "/watched")]);
      if (watched.changes > (this.watched?.changes ?? 0) && this.watched !== null) {
        this.update({ notice: { text: "The watched files were read again. Reset a store to get the new seed." } });
      }
      this.update({ stores, watched, offline: false });
      if (this.store === null && stores.length > 0) this.choose(busiest(stores));
    } catch (error) {
      this.fail(error);
    }
  }

  /** Bring what the present view shows up to date. */
  async refresh() {
    if (this.#refreshing) {
      this.#again = true;
      return;
    }
    this.#refreshing = true;
    try {
      do {
        this.#again = false;
        if (this.store !== null) await this.#refreshOnce();
      } while (this.#again);
    } catch (error) {
      this.fail(error);
    } finally {
      this.#refreshing = false;
    }
  }

  async #refreshOnce() {
    const { store, view } = this;
    const summary = (await this.call("GET", this.path())).data;
    const news = { summary, asOf: performance.now() };
    if (view === "live") {
      news.isTooLarge = summary.customers + (summary.accounts ?? 0) + summary.carts > MOST_ASKED;
      news.state = news.isTooLarge ? null : await this.call("GET", this.path("/state", store));
      const { search } = this;
      const people = await this.call("GET", this.path("/people", store), { query: search });
      if (search === this.search) news.people = people;
    } else if (view === "situation") {
      const names = ["faults", "snapshots", "stubs", "forward"];
      const answers = await Promise.all(names.map((name) => this.call("GET", this.path(`/${name}`, store))));
      names.forEach((name, at) => (news[name] = answers[at].data));
    } else {
      news.coverage = await this.call("GET", this.path("/coverage", store));
    }
    if (store === this.store) this.update({ ...news, offline: false });
  }

  /** Look for customers and accounts; `changes` are a text to find and the number to list. */
  findPeople(changes) {
    this.update({ search: { ...this.search, ...changes } });
    this.refresh();
  }

  // ---- Requests -----------------------------------------------------------------------------------

  /** The requests in the list: those from before it was paused, or all. */
  get listed() {
    return this.paused ?? this.entries;
  }

  pause(isPaused) {
    this.update({ paused: isPaused ? this.entries : null });
  }

  async explain(id) {
    if (this.explanations.has(id)) return;
    try {
      const { data } = await this.call("GET", `/requests/${encodeURIComponent(id)}`);
      this.explanations.set(id, data.explanation);
    } catch (error) {
      this.explanations.set(id, { summary: error.message });
    }
    this.#changed();
  }

  // ---- Actions ------------------------------------------------------------------------------------

  /** Do something, say that it is done, and bring the page up to date. True if it was done. */
  async act(done, action) {
    try {
      const result = await action();
      this.update({ notice: { text: typeof done === "function" ? done(result) : done } });
      await this.refresh();
      return true;
    } catch (error) {
      this.fail(error);
      return false;
    }
  }

  /** Like `act`, for what replaces the state: that can be undone. */
  async replace(done, action) {
    const store = this.store;
    const acted = await this.act(done, async () => {
      await this.call("PUT", this.path(`/snapshots/${UNDO}`));
      await action();
    });
    if (acted) this.update({ notice: { ...this.notice, undo: () => this.undo(store) } });
  }

  undo(store) {
    return this.act("Undone: the carts and customers are as they were before.", () =>
      this.call("POST", this.path(`/snapshots/${UNDO}/restore`, store)),
    );
  }

  complain(text) {
    this.update({ notice: { text, isBad: true } });
  }

  fail(error) {
    if (error.name === "AbortError") return;
    if (!(error instanceof WorkbenchError)) {
      this.complain("This page has failed; reload it.");
      throw error;
    }
    if (error.status === 0) this.update({ offline: true });
    else if (error.status === 401) this.update({ locked: true });
    else if (error.status === 404 && error.source === "store" && this.store !== null) this.#lose(error);
    else this.complain(error.message);
  }

  // The chosen store was deleted, here or elsewhere.
  #lose(error) {
    this.complain(error.message);
    this.choose(null);
    this.#refreshStores();
  }
}

const inOrder = (one, other) => one.at.localeCompare(other.at) || one.id.localeCompare(other.id);

function busiest(stores) {
  const sorted = [...stores].sort((one, other) => other.requests - one.requests);
  return sorted.length === 0 ? null : sorted[0].client_id;
}
