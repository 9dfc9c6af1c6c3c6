// What the scenarios of @elasticpath/js-sdk and @moltin/sdk share. SDK names the package.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { mockUrl, newCustomer, secret } from "./fixtures.mjs";

const { gateway, MemoryStorageFactory } = createRequire(import.meta.url)(process.env.SDK);

const host = new URL(mockUrl).host;

export function connect(store, options = {}) {
  return gateway({
    client_id: store,
    host,
    protocol: "http",
    storage: new MemoryStorageFactory(),
    ...options,
  });
}

export const shopperOf = (store, options) => connect(store, options);
export const administratorOf = (store, options) => connect(store, { client_secret: secret, ...options });

export async function register(client, name) {
  const customer = newCustomer(name);
  const { data } = await client.Customers.Create(customer);
  const login = await client.Customers.TokenViaPassword(customer.email, customer.password);
  return { ...customer, id: data.id, token: login.data.token };
}

export const namesIn = (list) => list.data.map((cart) => cart.name).sort();
export const skusIn = (items) => items.data.map((item) => item.sku).sort();

export const address = {
  first_name: "Alice", last_name: "Smith", line_1: "12 Square", county: "London", postcode: "N1", country: "GB",
};

// Both SDKs reject with the parsed body; the HTTP status is lost, so errors[].status must repeat it.
export async function refused(promise, status, title, detail = title) {
  const body = await promise.then(
    (answer) => assert.fail(`not refused: ${JSON.stringify(answer)}`),
    (error) => error,
  );
  assert.ok(Array.isArray(body.errors), JSON.stringify(body));
  assert.equal(body.errors[0].status, status);
  assert.equal(body.errors[0].title, title);
  assert.ok(body.errors[0].detail.startsWith(detail));
}
