// @epcc-sdk/sdks-shopper, generated from the vendor's OpenAPI document. It never throws on an HTTP
// error: the parsed body comes as `error`, next to the response.
import assert from "node:assert/strict";
import {
  bulkUpdateItemsInCart, createACart, createAnAccessToken, createShopperClient, deleteACart, deleteACartItem,
  deleteAllCartItems, getACart, getCartItems, getCarts, getV2SettingsCart, putV2SettingsCart, updateACart,
  updateACartItem,
} from "@epcc-sdk/sdks-shopper";
import { identifier, mockUrl, newStore, PERMISSION, refusedBodies, scenario, secret } from "./fixtures.mjs";
import {
  add, administratorOf, as, asJson, associate, connect, disassociate, memory, namesIn, product, refused, register,
  shopperOf, skusIn,
} from "./shopper.mjs";
import "./shopper-storefronts.mjs";

async function newWorld() {
  const store = newStore();
  const shopper = shopperOf(store);
  const alice = await register(shopper, "Alice");
  const bob = await register(shopper, "Bob");
  const [hers, his] = await Promise.all([
    createACart({ client: shopper, headers: as(alice), body: { data: { name: "Hers" } } }),
    createACart({ client: shopper, headers: as(bob), body: { data: { name: "His" } } }),
  ]);
  return {
    store, shopper, administrator: administratorOf(store), alice, bob, hers: hers.data.data, his: his.data.data,
  };
}

// A refused request changes nothing, so those share a world: registering people takes the most time.
let refusals;
const worldOfRefusals = () => (refusals ??= newWorld());

scenario("the client's own login is an implicit grant", async () => {
  const { auth } = createShopperClient({ baseUrl: mockUrl }, { clientId: newStore(), storage: memory() });
  const token = await auth.getValidAccessToken();
  assert.equal(typeof token, "string");
  assert.equal(await auth.getValidAccessToken(), token);
});

scenario("the client-credentials grant is read flat", async () => {
  const { data } = await createAnAccessToken({
    baseUrl: mockUrl,
    body: { grant_type: "client_credentials", client_id: newStore(), client_secret: secret },
  });
  assert.equal(data.identifier, "client_credentials");
  assert.equal(data.token_type, "Bearer");
  assert.ok(data.expires > Date.now() / 1000);
});

scenario("grant-invalid: an unknown grant comes back as a 400", async () => {
  const { error, response } = await createAnAccessToken({
    baseUrl: mockUrl, body: { grant_type: "password", client_id: newStore() },
  });
  assert.equal(response.status, 400);
  assert.equal(error.errors[0].status, 400);
});

scenario("any-device: carts created in one session are listed by a second login", async () => {
  const { store, alice } = await newWorld();
  const second = shopperOf(store);
  const login = await second.post({
    url: "/v2/customers/tokens",
    body: { data: { type: "token", authentication_mechanism: "password", email: alice.email, password: alice.password } },
    headers: asJson,
  });
  const carts = await getCarts({ client: second, headers: as(login.data.data) });
  assert.deepEqual(namesIn(carts), ["Hers"]);
});

scenario("association-visible: a cart that was read into being is associated and listed", async () => {
  const { shopper, alice } = await newWorld();
  const path = { cartID: `cart-${alice.id}` };
  const cart = (await getACart({ client: shopper, path })).data.data;
  const made = await associate(shopper, cart, [identifier(alice.id)], as(alice));
  assert.deepEqual(made.data, { data: [identifier(alice.id)] });
  assert.deepEqual(namesIn(await getCarts({ client: shopper, headers: as(alice) })), ["Cart", "Hers"]);
});

scenario("association-repeat: associating again is an empty 204", async () => {
  const { shopper, alice, hers } = await newWorld();
  const again = await associate(shopper, hers, [identifier(alice.id)], as(alice));
  assert.equal(again.response.status, 204);
  assert.deepEqual(again.data, {});
});

scenario("association-deleted: a disassociated cart is no longer listed", async () => {
  const { shopper, alice, hers } = await newWorld();
  const gone = await disassociate(shopper, hers, [identifier(alice.id)], as(alice));
  assert.equal(gone.response.status, 204);
  assert.deepEqual((await getCarts({ client: shopper, headers: as(alice) })).data.data, []);
});

scenario("administrator-unrestricted: any customer and any cart, without a customer token", async () => {
  const { administrator, alice, his } = await newWorld();
  const made = await associate(administrator, his, [identifier(alice.id)]);
  assert.equal(made.response.status, 200);
});

scenario("any-symbol: a cart is renamed with any symbols", async () => {
  const { shopper, alice, hers } = await newWorld();
  const name = "Bob's “cart” — 買い物 🛒 <b>&amp;";
  const renamed = await updateACart({
    client: shopper, path: { cartID: hers.id }, headers: as(alice), body: { data: { name } },
  });
  assert.equal(renamed.data.data.name, name);
});

for (const [method, request] of [["POST", associate], ["DELETE", disassociate]]) {
  for (const [rule, status, title, body] of refusedBodies) {
    scenario(`${rule}: ${method} comes back as a ${status}`, async () => {
      const world = await worldOfRefusals();
      const { shopper, alice, hers } = world;
      refused(await request(shopper, hers, body(world), as(alice)), status, title);
      assert.deepEqual(namesIn(await getCarts({ client: shopper, headers: as(alice) })), ["Hers"]);
    });
  }

  scenario(`customer-token-required: ${method} by a shopper without one comes back as a 403`, async () => {
    const { shopper, alice, hers } = await worldOfRefusals();
    refused(await request(shopper, hers, [identifier(alice.id)]), 403, PERMISSION);
  });
}

scenario("cart-has-contact-email: a cart with a contact email comes back as a 422", async () => {
  const { administrator, alice } = await newWorld();
  const guest = await createACart({
    client: administrator,
    body: { data: { name: "Guest's", contact: { name: "Guest", email: "guest@example.com" } } },
  });
  refused(
    await associate(administrator, guest.data.data, [identifier(alice.id)]),
    422,
    "Cannot associate customers to carts with contact emails",
    "Unable to associate customers to carts with contact emails attached.",
  );
});

scenario("access-token-invalid: a forged access token comes back as a 401", async () => {
  const { store, alice, hers } = await worldOfRefusals();
  const forger = connect(store, {
    tokenProvider: async () => ({ access_token: "forged", expires: Date.now() / 1000 + 3600 }),
  });
  refused(
    await associate(forger, hers, [identifier(alice.id)], as(alice)), 401, "Unable to validate access token",
  );
});

scenario("last-cart: the last cart of a customer is not deleted", async () => {
  const { shopper, alice, hers } = await worldOfRefusals();
  const { error, response } = await deleteACart({
    client: shopper, path: { cartID: hers.id }, headers: as(alice),
  });
  assert.equal(response.status, 400);
  assert.equal(error.errors[0].title, "Last cart");
});

// ---- What a storefront calls around an association -----------------------------------------------

scenario("items are updated and removed, one by one and all together", async () => {
  const client = shopperOf(newStore());
  const path = { cartID: "basket" };
  const [mug] = (await add(client, "basket", [product("mug"), product("tee")])).data.data;
  const one = { client, path: { ...path, cartitemID: mug.id } };
  const updated = await updateACartItem({ ...one, body: { data: { type: "cart_item", id: mug.id, quantity: 5 } } });
  assert.equal(updated.data.data[0].quantity, 5);
  const many = await bulkUpdateItemsInCart({ client, path, body: { data: [{ id: mug.id, quantity: 4 }] } });
  assert.equal(many.data.data[0].quantity, 4);
  assert.deepEqual(skusIn(await deleteACartItem(one)), ["tee"]);
  refused(await deleteACartItem(one), 404, "Item was not found in the cart");
  assert.equal((await deleteAllCartItems({ client, path })).response.status, 204);
  assert.deepEqual((await getCartItems({ client, path })).data.data, []);
});

scenario("the cart settings are for administrators", async () => {
  const store = newStore();
  const changed = await putV2SettingsCart({
    client: administratorOf(store), body: { data: { type: "settings", cart_expiry_days: 30 } },
  });
  assert.equal(changed.data.data.cart_expiry_days, 30);
  const read = await getV2SettingsCart({ client: administratorOf(store) });
  assert.deepEqual(read.data.data, { type: "settings", cart_expiry_days: 30, show_all_carts: true });
  refused(await getV2SettingsCart({ client: shopperOf(store) }), 403, "Settings are for administrators");
});
