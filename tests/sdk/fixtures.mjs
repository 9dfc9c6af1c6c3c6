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

export const accountIdentifier = (id) => ({ type: "account", id });

// What a login of an account member sends; sign-up has the member's name and email as well.
export const memberLogin = (mechanism, profile, member) => ({
  type: "account_management_authentication_token",
  authentication_mechanism: mechanism,
  password_profile_id: profile,
  username: member.email,
  password: member.password,
  ...(mechanism === "self_signup" && { name: member.name, email: member.email }),
});

// Fills a store through the workbench. The store must have been used before.
export async function fill(store, state) {
  const answer = await fetch(`${mockUrl}/_mock/stores/${store}/state`, {
    method: "PUT", headers: { "Content-Type": "application/json" }, body: JSON.stringify(state),
  });
  if (!answer.ok) throw new Error(await answer.text());
}

// A member whose account has more carts than two pages of 100 hold, and more customers than one does.
export const manyCarts = 205;
export const manyCustomers = 120;
const numbers = (count) => Array.from({ length: count }, (_, number) => number);
export const bigShop = {
  accounts: [{ id: "acme", name: "Acme", legal_name: "Acme Ltd" }],
  members: [{ id: "ann", name: "Ann", email: "ann@example.com", password: "ann-password" }],
  memberships: [{ account: "acme", member: "ann" }],
  customers: numbers(manyCustomers).map((n) => ({ id: `c${n}`, name: `C${n}`, email: `c${n}@example.com` })),
  carts: numbers(manyCarts).map((n) => ({ id: `cart-${n}`, name: `Cart ${n}` })),
  associations: numbers(manyCarts).map((n) => ({ cart: `cart-${n}`, account: "acme" })),
};

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
