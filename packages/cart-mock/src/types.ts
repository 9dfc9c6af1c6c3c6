// What the workbench takes and answers. The mock's /_mock/openapi.json is the full description.

/** A built-in scenario, or the name of one that a later version brings. */
export type Scenario =
  | "empty-shop" | "one-shopper" | "shared-cart" | "contact-email" | "shop" | "guest-cart" | "two-devices" | "merge"
  | "account-member" | "big-shop" | (string & {});

/** The content of a store, as in a seed file. */
export interface State {
  customers?: ({
    id: string;
    name: string;
    email: string;
    password?: string;
    password_hash?: string;
  } & Times)[];
  carts?: ({
    id: string;
    name?: string;
    description?: string;
    contact?: { email: string; name?: string | null } | null;
    items?: SeedItem[];
    /** How many days after its last update it is gone. */
    expiry_days?: number;
  } & Times)[];
  associations?: { cart: string; customer?: string; account?: string }[];
  /** Prices are in the smallest unit of each currency; without `stock` there is always enough. */
  products?: { id: string; sku: string; name: string; price: Record<string, number>; stock?: number | null }[];
  addresses?: ({ id: string; customer: string; fields: Record<string, unknown> } & Times)[];
  orders?: ({ id: string; items: SeedItem[] } & Times & Record<string, unknown>)[];
  settings?: Record<string, unknown>;
  accounts?: Record<string, unknown>[];
  members?: Record<string, unknown>[];
  memberships?: Record<string, unknown>[];
}

export type SeedItem = { product_id: string; quantity: number } & Record<string, unknown>;

/** When something was created and updated; only with the option `times`. */
export interface Times {
  created_at?: string;
  updated_at?: string;
}

export interface Store {
  client_id: string;
  customers: number;
  carts: number;
  /** How many of the carts have a customer. */
  registered_carts: number;
  /** How many requests are in the log. */
  requests: number;
  faults: number;
  stubs?: number;
  snapshots?: string[];
  breaks?: string[];
  clock: Clock;
}

/** A customer or an account. */
export interface Person {
  type: "customer" | "account";
  id: string;
  name: string;
  email?: string | null;
  /** How many carts are associated with it. */
  carts: number;
}

export interface Login {
  /** What an application sends after such a login. */
  headers: Record<string, string>;
  /** When the access token expires. */
  expires: string;
}

export interface Snapshot {
  name: string;
  taken_at: string;
  customers: number;
  carts: number;
  associations: number;
}

interface Changes {
  added?: object[];
  removed?: object[];
  changed?: object[];
}

export interface Diff {
  same: boolean;
  customers: Changes;
  carts: Changes;
  associations: Omit<Changes, "changed">;
  products?: Changes;
  addresses?: Changes;
  orders?: Changes;
  settings?: { changed?: object };
}

export type FaultKind = "latency" | "error" | "drop" | "stall" | "truncate" | "malform" | "lose-reply";

/** Which requests a fault is for, and how it shows. Durations are in seconds. */
export interface FaultPlan {
  operation?: string;
  cart?: string;
  customer?: string;
  /** For how many requests; for all until it is removed without it, since many clients send again by themselves. */
  times?: number | "until-removed";
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
  /** A request id; only later requests are listed. */
  since?: string;
  /** A request id; only earlier requests are listed. */
  before?: string;
  limit?: number | string;
  /** How many seconds to wait for the first request that matches, up to 30. */
  wait?: number | string;
}

export interface LoggedRequest {
  id: string;
  at: string;
  store: string | null;
  /** Null if the request matched no operation. */
  operation: string | null;
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
  /** The server that the request was forwarded to. */
  forwarded_to?: string | null;
  /** The stub that answered. */
  stub?: string | null;
}

/** The answer to a method and path that the contract does not have. Strings may have placeholders. */
export interface Stub {
  method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Such as `/v2/products/{id}`. */
  path: string;
  status?: number;
  headers?: Record<string, string>;
  body?: unknown;
  /** A body that is not JSON. */
  text?: string;
}

/** Where requests for other paths go. */
export interface Forward {
  url: string | null;
  /** Whether a credential is sent. */
  authorization: boolean;
  timeout: number;
  from: "store" | "process";
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

export interface Rule {
  id: string;
  group?: string;
  level: "documented" | "observed" | "interpretation";
  condition: string;
  sentence?: string;
  source?: string;
  operations: string[];
  refusal?: boolean;
  status?: number | null;
  text?: string | null;
}

export interface Status {
  status: "ok";
  version?: string;
  contract?: string;
  stores?: number;
  uptime?: number;
}

/** The files that the mock watches, and whether their last change is in force. */
export interface Watched {
  files: string[];
  /** When a change was last taken up. */
  at: string | null;
  /** Why the last change was not taken up; everything is as before it. */
  problem: string | null;
  changes: number;
}

/** What `reset` may leave as it is. */
export type Kept = "state" | "clock" | "faults" | "breaks" | "forward" | "stubs" | "requests" | "coverage";
