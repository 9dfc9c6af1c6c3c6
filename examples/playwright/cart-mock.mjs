// Puts a store of cart-mock into any situation, from a JavaScript test. Copy it into your project; it
// needs nothing but fetch. The types are in cart-mock.d.mts.

/** The workbench refused; the message says what was wrong and what to send instead. */
export class CartMockError extends Error {
  name = "CartMockError";
}

export class CartMock {
  #key;

  /**
   * A store of the mock at `url`. A `clientId` of its own keeps each test to itself; `controlKey` is
   * what the workbench asks for when the mock can be reached from other machines.
   */
  constructor(url, { clientId = `test-${crypto.randomUUID()}`, controlKey } = {}) {
    this.url = url.replace(/\/+$/, "");
    this.clientId = clientId;
    this.#key = controlKey;
  }

  /** Call the workbench at a path below `/_mock`. */
  async workbench(method, path, { body, query } = {}) {
    const headers = {};
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (this.#key !== undefined) headers["X-Control-Key"] = this.#key;
    const search = query === undefined ? "" : `?${new URLSearchParams(query)}`;
    const answer = await fetch(`${this.url}/_mock${path}${search}`, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await answer.text();
    const content = text === "" ? undefined : JSON.parse(text);
    if (!answer.ok) throw new CartMockError(content.errors[0].detail);
    return content;
  }

  #store(method, path, options) {
    return this.workbench(method, `/stores/${encodeURIComponent(this.clientId)}${path}`, options);
  }

  async create() {
    await this.workbench("POST", "/stores", { body: { client_id: this.clientId } });
    return this;
  }

  async delete() {
    await this.#store("DELETE", "");
  }

  async reset(...keep) {
    await this.#store("POST", "/reset", { body: { keep } });
  }

  async seed(scenario, options = {}) {
    await this.#store("POST", "/seed", { body: { scenario, ...options } });
  }

  exportState() {
    return this.#store("GET", "/state");
  }

  async importState(state) {
    await this.#store("PUT", "/state", { body: state });
  }

  async takeSnapshot(name) {
    await this.#store("PUT", `/snapshots/${encodeURIComponent(name)}`);
  }

  async restoreSnapshot(name) {
    await this.#store("POST", `/snapshots/${encodeURIComponent(name)}/restore`);
  }

  diff(before, after) {
    return this.#store("GET", "/diff", { query: after === undefined ? { before } : { before, after } });
  }

  async fault(kind, plan = {}) {
    return (await this.#store("POST", "/faults", { body: { kind, ...plan } })).data;
  }

  async clearFaults() {
    await this.#store("DELETE", "/faults");
  }

  async clock(action, change = {}) {
    return (await this.#store("POST", "/clock", { body: { action, ...change } })).data;
  }

  async breakRules(...breaks) {
    await this.#store("PUT", "/breaks", { body: { breaks } });
  }

  async requests(filters = {}) {
    return (await this.#store("GET", "/requests", { query: filters })).data;
  }

  async explain(requestId) {
    return (await this.workbench("GET", `/requests/${encodeURIComponent(requestId)}`)).data.explanation;
  }

  async verify(expectation) {
    const found = await this.#store("POST", "/verify", { body: expectation });
    if (!found.verified) throw new CartMockError(miss(expectation, found));
  }

  coverage(...required) {
    return this.#store("GET", "/coverage", { query: { require: required.join(",") } });
  }
}

function miss(expectation, { expected, count, nearest }) {
  const lines = [`expected ${expected} of ${JSON.stringify(expectation)}, and there were ${count}`];
  if (nearest) {
    lines.push(`the nearest was ${nearest.request.method} ${nearest.request.path}, but for`);
    for (const { where, expected: wanted, found } of nearest.differences) {
      lines.push(`  ${where}: expected ${JSON.stringify(wanted)}, found ${JSON.stringify(found)}`);
    }
  }
  return lines.join("\n");
}
