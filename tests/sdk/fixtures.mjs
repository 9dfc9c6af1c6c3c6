// What the scenarios of every SDK share: where the mock listens, and names that no other test has.
import { randomUUID } from "node:crypto";
import { test } from "node:test";

export const mockUrl = process.env.MOCK_URL;

// Pytest asks for the names first, so that each scenario is a test of its own.
export function scenario(name, run) {
  if (process.env.LIST_SCENARIOS) console.log(JSON.stringify(name));
  else test(name, run);
}

// A client_id names a store, so a fresh one gives each scenario a store of its own.
export const newStore = () => `sdk-${randomUUID()}`;

export const secret = "secret of the store";

export const newCustomer = (name) => ({
  type: "customer",
  name,
  email: `${name.toLowerCase()}-${randomUUID()}@example.com`,
  password: `the password of ${name}`,
});

export const identifier = (id) => ({ type: "customer", id });

export const PERMISSION = "Customer does not have the required permissions to fulfill this request";

// Association requests that the overview page or the published pages refuse: rule, status, title, and
// what to send. `world` has customers alice and bob with tokens, alice's cart, bob's cart, and
// a cart with a contact email.
export const refusedBodies = [
  ["payload-not-array", 403, "Invalid json payload", (world) => identifier(world.alice.id)],
  [
    "more-than-one-customer",
    403,
    "Cannot associate more than one customer",
    (world) => [identifier(world.alice.id), identifier(world.bob.id)],
  ],
  [
    "type-not-customer",
    400,
    "The type does not exist or is not listed as customer",
    (world) => [{ type: "account", id: world.alice.id }],
  ],
  ["customer-id-missing", 400, "The customer id is missing", () => [{ type: "customer" }]],
  ["customer-not-permitted", 403, PERMISSION, (world) => [identifier(world.bob.id)]],
];
