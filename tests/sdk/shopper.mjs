// What the scenarios of @epcc-sdk/sdks-shopper share.
import assert from "node:assert/strict";
import {
  createAnAccessToken, createCustomerCartAssociation, createShopperClient, deleteCustomerCartAssociation, manageCarts,
} from "@epcc-sdk/sdks-shopper";
import { mockUrl, newCustomer, secret } from "./fixtures.mjs";

// Where the SDK keeps its access token; in a browser it would be localStorage.
export function memory() {
  let value;
  return {
    get: () => value,
    set: (next) => { value = next; },
    subscribe: () => () => {},
  };
}

export function connect(store, options = {}) {
  return createShopperClient({ baseUrl: mockUrl }, { clientId: store, storage: memory(), ...options }).client;
}

export const shopperOf = (store) => connect(store);
export const administratorOf = (store) =>
  connect(store, {
    tokenProvider: async () => {
      const { data } = await createAnAccessToken({
        baseUrl: mockUrl,
        body: { grant_type: "client_credentials", client_id: store, client_secret: secret },
      });
      return data;
    },
  });

export const as = (customer) => ({ "X-Moltin-Customer-Token": customer.token });
export const asJson = { "Content-Type": "application/json" };

// The SDK has no operations for customers; its client sends any request with the same access token.
export async function register(client, name) {
  const customer = newCustomer(name);
  const { email, password } = customer;
  const created = await client.post({ url: "/v2/customers", body: { data: customer }, headers: asJson });
  const login = await client.post({
    url: "/v2/customers/tokens",
    body: { data: { type: "token", authentication_mechanism: "password", email, password } },
    headers: asJson,
  });
  return { ...customer, id: created.data.data.id, token: login.data.data.token };
}

export const associate = (client, cart, data, headers) =>
  createCustomerCartAssociation({ client, path: { cartID: cart.id }, body: { data }, headers });
export const disassociate = (client, cart, data, headers) =>
  deleteCustomerCartAssociation({ client, path: { cartID: cart.id }, body: { data }, headers });
export const namesIn = (list) => list.data.data.map((cart) => cart.name).sort();

export function refused({ error, response }, status, title, detail = title) {
  assert.equal(response.status, status);
  assert.equal(error.errors[0].status, status);
  assert.equal(error.errors[0].title, title);
  assert.ok(error.errors[0].detail.startsWith(detail));
}

export const address = {
  first_name: "Alice", last_name: "Smith", line_1: "12 Square", region: "London", postcode: "N1", country: "GB",
};
export const product = (sku, quantity = 1) => ({ type: "cart_item", sku, quantity });
export const add = (client, cartID, data, options) => manageCarts({ client, path: { cartID }, body: { data, options } });
export const skusIn = (answer) => answer.data.data.map((item) => item.sku).sort();
