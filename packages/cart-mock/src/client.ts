import type {
  Clock, Coverage, Diff, Expectation, Explanation, Fault, FaultKind, FaultPlan, Forward, Kept, LoggedRequest, Login,
  Person, RequestFilters, Rule, Scenario, Snapshot, State, Status, Store, Stub, Watched,
} from "./types.ts";

/** The workbench refused, a verification failed, or no mock answers; the message says why. */
export class CartMockError extends Error {
  override name = "CartMockError";
  /** The status of the answer, if there was one. */
  readonly status: number | undefined;

  constructor(message: string, status?: number, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

export interface WorkbenchOptions {
  body?: unknown;
  query?: object;
}

interface Verification {
  verified: boolean;
  count: number;
  expected?: string;
  nearest?: {
    request: LoggedRequest;
    differences: { where: string; expected: unknown; found: unknown }[];
  } | null;
}

/** A store of a mock, through the mock's workbench. Every method rejects with `CartMockError`. */
export class CartMock {
  readonly url: string;
  readonly clientId: string;
  readonly #key: string | undefined;

  /**
   * The store `clientId` of the mock at `url`. By default the store has a name of its own, so that
   * tests share nothing. `controlKey` is needed if the mock can be reached from other machines.
   */
  constructor(url: string, { clientId, controlKey }: { clientId?: string; controlKey?: string | undefined } = {}) {
    this.url = url.replace(/\/+$/, "");
    this.clientId = clientId ?? `test-${globalThis.crypto.randomUUID()}`;
    this.#key = controlKey;
  }

  /** Send a request to a path below `/_mock`, and return the answer's JSON, or its text. */
  async workbench(method: string, path: string, { body, query }: WorkbenchOptions = {}): Promise<any> {
    const headers: Record<string, string> = {};
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (this.#key !== undefined) headers["X-Control-Key"] = this.#key;
    const given = Object.entries(query ?? {}).filter(([, value]) => value !== undefined);
    const search = given.length === 0 ? "" : `?${new URLSearchParams(given.map(([k, v]) => [k, String(v)]))}`;
    const address = `${this.url}/_mock${path}${search}`;
    let answer: Response;
    let text: string;
    try {
      answer = await fetch(address, {
        method,
        headers,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      text = await answer.text();
    } catch (cause) {
      throw new CartMockError(`No mock answers at ${this.url}. Start one, or correct the URL.`, undefined, { cause });
    }
    const content = parsed(answer, text);
    if (answer.ok && content !== undefined) return content;
    const detail = (content as any)?.errors?.[0]?.detail;
    throw new CartMockError(
      detail ?? `${this.url} is not a cart-mock: it answered ${answer.status} to ${method} /_mock${path}.`,
      answer.status,
    );
  }

  #store(method: string, path: string, options?: WorkbenchOptions): Promise<any> {
    return this.workbench(method, `/stores/${encodeURIComponent(this.clientId)}${path}`, options);
  }

  // --- The mock ---

  health(): Promise<Status> {
    return this.workbench("GET", "/health");
  }

  ready(): Promise<Status> {
    return this.workbench("GET", "/ready");
  }

  /** Return the files that the mock watches, and what is wrong with their last change. */
  async watched(): Promise<Watched> {
    return (await this.workbench("GET", "/watched")).data;
  }

  /** Return the metrics in Prometheus' text format. */
  metrics(): Promise<string> {
    return this.workbench("GET", "/metrics");
  }

  async rules(): Promise<Rule[]> {
    return (await this.workbench("GET", "/rules")).data;
  }

  async stores(): Promise<Store[]> {
    return (await this.workbench("GET", "/stores")).data;
  }

  async scenarios(): Promise<{ name: string; description: string }[]> {
    return (await this.workbench("GET", "/scenarios")).data;
  }

  /** Return all breaks that `breakRules` takes. */
  async availableBreaks(): Promise<{ id: string; rule: string; sentence: string; scope: string }[]> {
    return (await this.workbench("GET", "/breaks")).data;
  }

  /** Return the last requests that belong to no store, oldest first. */
  async storelessRequests(filters: RequestFilters = {}): Promise<LoggedRequest[]> {
    return (await this.workbench("GET", "/requests", { query: filters })).data;
  }

  /** Explain the answer to the request with that X-Request-Id. */
  async explain(requestId: string): Promise<Explanation> {
    return (await this.workbench("GET", `/requests/${encodeURIComponent(requestId)}`)).data.explanation;
  }

  // --- The store ---

  /** Make the store before it is used. If there is one already, `reset` empties it. */
  async create({ reset = false }: { reset?: boolean } = {}): Promise<this> {
    try {
      await this.workbench("POST", "/stores", { body: { client_id: this.clientId } });
    } catch (error) {
      if (!(reset && error instanceof CartMockError && error.status === 409)) throw error;
      await this.reset();
    }
    return this;
  }

  async summary(): Promise<Store> {
    return (await this.#store("GET", "")).data;
  }

  async delete(): Promise<void> {
    await this.#store("DELETE", "");
  }

  /** Bring the store back to what a new one is, except for what is named. */
  async reset(...keep: Kept[]): Promise<void> {
    await this.#store("POST", "/reset", { body: { keep } });
  }

  async seed(scenario: Scenario, options: { carts?: number } = {}): Promise<void> {
    await this.#store("POST", "/seed", { body: { scenario, ...options } });
  }

  exportState(options: { times?: boolean } = {}): Promise<State> {
    return this.#store("GET", "/state", { query: options });
  }

  async importState(state: State): Promise<void> {
    await this.#store("PUT", "/state", { body: state });
  }

  /** Find customers and accounts by a part of their name, email or id. */
  async people(options: { find?: string; limit?: number } = {}): Promise<Person[]> {
    return (await this.#store("GET", "/people", { query: options })).data;
  }

  async addCustomer(customer: { name: string; email: string; password?: string }): Promise<Person> {
    return (await this.#store("POST", "/customers", { body: customer })).data;
  }

  /** Log a customer or an account in without a password, and return the headers to send. */
  async logIn(id: string, type: Person["type"] = "customer"): Promise<Login> {
    return (await this.#store("POST", "/logins", { body: { type, id } })).data;
  }

  // --- Snapshots ---

  async snapshots(): Promise<Snapshot[]> {
    return (await this.#store("GET", "/snapshots")).data;
  }

  async takeSnapshot(name: string): Promise<void> {
    await this.#store("PUT", `/snapshots/${encodeURIComponent(name)}`);
  }

  exportSnapshot(name: string, options: { times?: boolean } = {}): Promise<State> {
    return this.#store("GET", `/snapshots/${encodeURIComponent(name)}`, { query: options });
  }

  async restoreSnapshot(name: string): Promise<void> {
    await this.#store("POST", `/snapshots/${encodeURIComponent(name)}/restore`);
  }

  async deleteSnapshot(name: string): Promise<void> {
    await this.#store("DELETE", `/snapshots/${encodeURIComponent(name)}`);
  }

  /** Return what changed from one snapshot to another, or to the present state. */
  diff(before: string, after?: string): Promise<Diff> {
    return this.#store("GET", "/diff", { query: { before, after } });
  }

  // --- Faults, clock, breaks ---

  /** Let some of the next requests go wrong. */
  async fault(kind: FaultKind, plan: FaultPlan = {}): Promise<Fault> {
    return (await this.#store("POST", "/faults", { body: { kind, ...plan } })).data;
  }

  async faults(): Promise<Fault[]> {
    return (await this.#store("GET", "/faults")).data;
  }

  async removeFault(id: string): Promise<void> {
    await this.#store("DELETE", `/faults/${encodeURIComponent(id)}`);
  }

  async clearFaults(): Promise<void> {
    await this.#store("DELETE", "/faults");
  }

  /** Return the store's time. */
  async time(): Promise<Clock> {
    return (await this.#store("GET", "/clock")).data;
  }

  clock(action: "freeze" | "resume" | "follow"): Promise<Clock>;
  clock(action: "advance", change: { seconds: number }): Promise<Clock>;
  clock(action: "set", change: { at: string }): Promise<Clock>;
  async clock(action: string, change: object = {}): Promise<Clock> {
    return (await this.#store("POST", "/clock", { body: { action, ...change } })).data;
  }

  /** Return the breaks of the store. */
  async breaks(): Promise<string[]> {
    return (await this.#store("GET", "/breaks")).data;
  }

  /** Let the store break exactly these rules, named RULE:VARIANT; none heals it. */
  async breakRules(...breaks: string[]): Promise<void> {
    await this.#store("PUT", "/breaks", { body: { breaks } });
  }

  // --- Paths that the contract does not have ---

  async stubs(): Promise<Stub[]> {
    return (await this.#store("GET", "/stubs")).data;
  }

  /** Answer other paths with exactly these stubs; none removes all. */
  async setStubs(...stubs: Stub[]): Promise<void> {
    if (stubs.length === 0) await this.#store("DELETE", "/stubs");
    else await this.#store("PUT", "/stubs", { body: { stubs } });
  }

  async forward(): Promise<Forward> {
    return (await this.#store("GET", "/forward")).data;
  }

  /** Forward requests for other paths to a server, with its own credential; null forwards nothing. */
  async setForward(url: string | null, options: { authorization?: string; timeout?: number } = {}): Promise<void> {
    await this.#store("PUT", "/forward", { body: { url, ...options } });
  }

  /** Forward as the mock was started to. */
  async removeForward(): Promise<void> {
    await this.#store("DELETE", "/forward");
  }

  // --- Requests ---

  /** Return the last requests of the store, oldest first. */
  async requests(filters: RequestFilters = {}): Promise<LoggedRequest[]> {
    return (await this.#store("GET", "/requests", { query: filters })).data;
  }

  async clearRequests(): Promise<void> {
    await this.#store("DELETE", "/requests");
  }

  /** Check that such requests were sent, that many times; rejects with the most similar request. */
  async verify(expectation: Expectation): Promise<void> {
    const found: Verification = await this.#store("POST", "/verify", { body: expectation });
    if (!found.verified) throw new CartMockError(miss(expectation, found));
  }

  /** Return which rules and answers the requests have met; `missing` lists the required ones that they did not. */
  coverage(...required: string[]): Promise<Coverage> {
    return this.#store("GET", "/coverage", { query: { require: required.join(",") } });
  }

  /** Return the coverage as JUnit XML, for a CI service to show. */
  coverageJunit(...required: string[]): Promise<string> {
    return this.#store("GET", "/coverage", { query: { output: "junit", require: required.join(",") } });
  }

  async clearCoverage(): Promise<void> {
    await this.#store("DELETE", "/coverage");
  }
}

/** Return the answer's content: null for none, and undefined if it is not what a workbench sends. */
function parsed(answer: Response, text: string): unknown {
  if (text === "") return null;
  const type = answer.headers.get("content-type") ?? "";
  if (/^text\/plain|[/+]xml/.test(type)) return text;
  try {
    return type.includes("json") ? JSON.parse(text) : undefined;
  } catch {
    return undefined;
  }
}

function miss(expectation: Expectation, { expected, count, nearest }: Verification): string {
  const lines = [`expected ${expected} of ${JSON.stringify(expectation)}, and there were ${count}`];
  if (nearest) {
    lines.push(`the nearest was ${nearest.request.method} ${nearest.request.path}, but for`);
    for (const { where, expected: wanted, found } of nearest.differences) {
      lines.push(`  ${where}: expected ${JSON.stringify(wanted)}, found ${JSON.stringify(found)}`);
    }
  }
  return lines.join("\n");
}
