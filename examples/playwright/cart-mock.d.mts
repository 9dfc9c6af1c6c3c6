/** A ready scenario, or the name of one that a later version brings. */
export type Scenario =
  | "empty-shop" | "one-shopper" | "shared-cart" | "contact-email" | "big-shop" | (string & {});

export interface State {
  customers?: { id: string; name: string; email: string; password?: string; password_hash?: string }[];
  carts?: {
    id: string;
    name?: string;
    description?: string;
    contact?: { email: string; name?: string | null } | null;
  }[];
  associations?: { cart: string; customer: string }[];
}

export type FaultKind = "latency" | "error" | "drop" | "stall" | "truncate" | "malform" | "lose-reply";

/** Which requests a fault is for, and how it shows. Durations are in seconds. */
export interface FaultPlan {
  operation?: string;
  cart?: string;
  customer?: string;
  /** For how many requests; for all without it. */
  times?: number;
  /** The share of them, above 0 and up to 1. */
  share?: number;
  seed?: number;
  /** A latency of fixed length, or one that is lognormal with this median and sigma. */
  seconds?: number;
  median?: number;
  sigma?: number;
  /** For an error: the id of a documented rule, or of an error that any service may answer. */
  rule?: string;
  retry_after?: number;
}

export type Fault = FaultPlan & { id: string; kind: FaultKind; applied: number };

export interface Clock {
  now: string;
  epoch: number;
  frozen: boolean;
  /** Seconds ahead of the machine's time. */
  offset: number;
}

export interface RequestFilters {
  operation?: string;
  /** A status, or a class of them such as `4xx`. */
  status?: string;
  rule?: string;
  method?: string;
  /** `*` stands for any characters. */
  path?: string;
  limit?: string;
}

export interface JournalEntry {
  id: string;
  at: string;
  store: string | null;
  operation: string;
  method: string;
  path: string;
  query: string;
  headers: Record<string, string>;
  body: unknown;
  /** Null if no answer was sent. */
  status: number | null;
  rule: string | null;
  fault: Fault | null;
  answer: { headers: Record<string, string>; body: unknown; delivery: string | null };
}

export interface Explanation {
  summary: string;
  rule?: { id: string; level?: string; sentence?: string; source?: string };
  cause?: {
    in: "body" | "header" | "path" | "query" | "form";
    name?: string;
    pointer?: string;
    present: boolean;
    value?: unknown;
    what: string;
    instead: string;
  } | null;
  state?: Record<string, unknown>;
  /** Commands, of which the last passes. */
  passes?: string[];
  placeholders?: Record<string, string>;
}

/** What a request must be like, and how often there must have been one: once or more if not said. */
export interface Expectation {
  operation?: string;
  method?: string;
  path?: string;
  status?: number;
  rule?: string | null;
  customer?: string;
  headers?: Record<string, string>;
  query?: Record<string, string>;
  body?: unknown;
  times?: number;
  at_least?: number;
  at_most?: number;
}

export interface Coverage {
  summary: Record<"rules" | "answers", { covered: number; total: number }>;
  rules: { rule: string; level: string; covered: boolean; answered: number; injected: number }[];
  answers: { operation: string; status: number; covered: boolean }[];
  /** Those of the required rules that no request has met. */
  missing: string[];
}

/** The workbench refused, or a verification failed; the message says why. */
export declare class CartMockError extends Error {}

/** A store of the mock. Every method rejects with CartMockError if the workbench refuses. */
export declare class CartMock {
  readonly url: string;
  readonly clientId: string;
  constructor(url: string, options?: { clientId?: string; controlKey?: string });
  /** Make the store before it is used. */
  create(): Promise<this>;
  delete(): Promise<void>;
  /** Bring the store back to what a new one is, but for what is named. */
  reset(...keep: ("state" | "clock" | "faults" | "breaks" | "requests" | "coverage")[]): Promise<void>;
  seed(scenario: Scenario, options?: { carts?: number }): Promise<void>;
  exportState(): Promise<State>;
  importState(state: State): Promise<void>;
  takeSnapshot(name: string): Promise<void>;
  restoreSnapshot(name: string): Promise<void>;
  /** What changed from one snapshot to another, or to the present state. */
  diff(before: string, after?: string): Promise<{ same: boolean } & Record<string, unknown>>;
  /** Let some of the next requests go wrong. */
  fault(kind: FaultKind, plan?: FaultPlan): Promise<Fault>;
  clearFaults(): Promise<void>;
  clock(action: "freeze" | "resume" | "follow"): Promise<Clock>;
  clock(action: "advance", change: { seconds: number }): Promise<Clock>;
  clock(action: "set", change: { at: string }): Promise<Clock>;
  /** Let the store break exactly these rules, named RULE:VARIANT; none heals it. */
  breakRules(...breaks: string[]): Promise<void>;
  /** The last requests of the store, oldest first. */
  requests(filters?: RequestFilters): Promise<JournalEntry[]>;
  /** Explain the answer to the request with that X-Request-Id. */
  explain(requestId: string): Promise<Explanation>;
  /** Check that such requests were sent, that many times; rejects with the most similar request. */
  verify(expectation: Expectation): Promise<void>;
  coverage(...required: string[]): Promise<Coverage>;
  workbench(
    method: string,
    path: string,
    options?: { body?: unknown; query?: Record<string, string> },
  ): Promise<any>;
}
