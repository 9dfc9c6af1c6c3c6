// How storefronts drive @epcc-sdk/sdks-shopper around an association: whole flows, call by call as the public
// ones make them. The SDK has no operations for customers' records, for authentication realms, or for
// account memberships, so a storefront has its password profile in a setting.
import assert from "node:assert/strict";
import {
  checkoutApi, createACart, createAccountCartAssociation, deleteACart, deleteAccountCartAssociation, getACart, getAnOrder,
  getCartItems, getCarts, getCustomerOrders, getOrderItems, getV2AccountMembers, getV2Accounts, paymentSetup,
  postV2AccountMembersTokens, updateACart,
} from "@epcc-sdk/sdks-shopper";
import {
  accountIdentifier, bigShop, fill, identifier, manyCarts, memberLogin, newCustomer, newStore, scenario,
} from "./fixtures.mjs";
import {
  add, address, administratorOf, as, associate, disassociate, namesIn, product, refused, register, shopperOf, skusIn,
} from "./shopper.mjs";

const lastCart = ["Last cart", "This is the last cart associated with a"];

// ---- Customers ------------------------------------------------------------------------------------

scenario("a guest's cart is born by reading its items and ends as the order of a customer", async () => {
  const store = newStore();
  const phone = shopperOf(store);
  const cartID = "born-by-reading";
  assert.deepEqual((await getCartItems({ client: phone, path: { cartID } })).data.data, []);
  const added = await add(phone, cartID, product("mug", 2));
  assert.equal(added.response.status, 201);
  assert.equal(added.data.data[0].quantity, 2);

  const alice = await register(phone, "Alice");
  await associate(phone, { id: cartID }, [identifier(alice.id)], as(alice));

  const laptop = shopperOf(store);
  const [found] = (await getCarts({ client: laptop, headers: as(alice) })).data.data;
  assert.equal(found.id, cartID);
  assert.equal(found.relationships.items.data.length, 1);

  await add(laptop, "other", [product("mug"), product("tee")], { add_all_or_nothing: true });
  const merged = await add(laptop, cartID, { type: "cart_items", cart_id: "other" });
  assert.deepEqual(skusIn(merged), ["mug", "tee"]);
  assert.equal(merged.data.meta.display_price.with_tax.formatted, "$40.00");

  await updateACart({ client: laptop, path: { cartID }, headers: as(alice), body: { data: { name: "Holidays" } } });
  const cart = await getACart({ client: laptop, path: { cartID }, query: { include: ["items"] } });
  assert.equal(cart.data.data.name, "Holidays");
  assert.equal(cart.data.included.items.length, 2);

  const order = await checkoutApi({
    client: laptop,
    path: { cartID },
    headers: as(alice),
    body: { data: { customer: { id: alice.id }, billing_address: address, shipping_address: address } },
  });
  assert.equal(order.response.status, 201);
  const orderID = order.data.data.id;
  const paid = await paymentSetup({
    client: laptop, path: { orderID }, body: { data: { gateway: "manual", method: "authorize" } },
  });
  assert.equal(paid.data.data.amount, 4000);
  const orders = await getCustomerOrders({
    client: laptop, headers: { "x-moltin-customer-token": alice.token }, query: { include: ["items"] },
  });
  assert.deepEqual(orders.data.data.map(({ id, payment }) => [id, payment]), [[orderID, "authorized"]]);
  assert.equal(orders.data.included.items.length, 2);
  assert.equal((await getAnOrder({ client: laptop, path: { orderID } })).data.data.id, orderID);
  assert.deepEqual(skusIn(await getOrderItems({ client: laptop, path: { orderID } })), ["mug", "tee"]);
});

// ---- Accounts -------------------------------------------------------------------------------------

const passwordProfile = "username-and-password";
const asAccount = (account) => ({ "EP-Account-Management-Authentication-Token": account.token });

const enter = (client, mechanism, member) =>
  postV2AccountMembersTokens({ client, body: { data: memberLogin(mechanism, passwordProfile, member) } });

async function newAccount(store = newStore()) {
  const shopper = shopperOf(store);
  const member = newCustomer("Ann");
  const login = await enter(shopper, "self_signup", member);
  assert.equal(login.response.status, 201);
  return { store, shopper, member, memberId: login.data.meta.account_member_id, account: login.data.data[0] };
}

// As the vendor's example of account carts does it: a cart is made with the token, and then associated.
async function newCart(client, account, name = "Cart") {
  const headers = asAccount(account);
  const { id } = (await createACart({ client, headers, body: { data: { name } } })).data.data;
  const made = await createAccountCartAssociation({
    client, headers, path: { cartID: id }, body: { data: [accountIdentifier(account.account_id)] },
  });
  assert.equal(made.error, undefined);
  return id;
}

// Pages of 100, until all that the first page promises are there.
async function listCarts(client, account) {
  const carts = [];
  for (let offset = 0; ; offset += 100) {
    const page = await getCarts({
      client, headers: asAccount(account), query: { "page[limit]": 100, "page[offset]": offset },
    });
    carts.push(...page.data.data);
    if (page.data.data.length === 0 || carts.length >= page.data.meta.results.total) return carts;
  }
}

scenario("a guest signs up for an account, and logs in with the password elsewhere", async () => {
  const store = newStore();
  await add(shopperOf(store), "guest", product("mug", 2));

  const { shopper, member, account } = await newAccount(store);
  assert.ok(new Date(account.expires) > new Date());
  assert.deepEqual(await listCarts(shopper, account), []);
  const cartID = await newCart(shopper, account);
  const merge = (id) => add(shopper, cartID, { type: "cart_items", cart_id: id }, { add_all_or_nothing: false });
  await merge("guest");

  const laptop = shopperOf(store);
  await add(laptop, "another", [product("mug"), product("tee")]);
  const again = (await enter(laptop, "password", member)).data.data[0];
  const { data: accounts } = await getV2Accounts({ client: laptop, headers: asAccount(again) });
  assert.deepEqual(accounts.data.map(({ id, name }) => [id, name]), [[account.account_id, "Ann"]]);
  const [first] = await listCarts(laptop, again);
  assert.equal(first.id, cartID);
  const merged = await merge("another");
  assert.deepEqual(skusIn(merged), ["mug", "tee"]);
  assert.equal(merged.data.meta.display_price.with_tax.formatted, "$40.00");
});

scenario("account-credentials-wrong: a wrong password of a member comes back as a 400", async () => {
  const { shopper, member } = await newAccount();
  refused(
    await enter(shopper, "password", { ...member, password: "another" }), 400,
    "The username or the password is wrong",
  );
});

scenario("body-bare-array: an account's cart is associated with the envelope and without it", async () => {
  const { shopper: client, account } = await newAccount();
  const owner = [accountIdentifier(account.account_id)];
  const headers = asAccount(account);
  for (const [cartID, body] of [["enveloped", { data: owner }], ["bare", owner]]) {
    await getACart({ client, path: { cartID } });
    const made = await createAccountCartAssociation({ client, path: { cartID }, headers, body });
    assert.deepEqual([made.response.status, made.data], [200, { data: owner }]);
    const again = await createAccountCartAssociation({ client, path: { cartID }, headers, body });
    assert.equal(again.response.status, 204);
  }
  assert.deepEqual((await listCarts(client, account)).map(({ id }) => id).sort(), ["bare", "enveloped"]);
  const gone = await deleteAccountCartAssociation({ client, path: { cartID: "bare" }, headers, body: owner });
  assert.equal(gone.response.status, 204);
  assert.deepEqual((await listCarts(client, account)).map(({ id }) => id), ["enveloped"]);
});

scenario("last-cart: an account's page of carts takes the last one away before it deletes it", async () => {
  const { shopper: client, account } = await newAccount();
  const headers = asAccount(account);
  const remove = (cartID) => deleteACart({ client, path: { cartID }, headers });
  const [old, kept] = [await newCart(client, account, "Old"), await newCart(client, account, "Kept")];
  assert.equal((await remove(old)).response.status, 204);

  refused(await remove(kept), 400, ...lastCart);
  assert.deepEqual((await listCarts(client, account)).map(({ id }) => id), [kept]);

  const taken = await deleteAccountCartAssociation({
    client, path: { cartID: kept }, headers, body: { data: [accountIdentifier(account.account_id)] },
  });
  assert.equal(taken.response.status, 204);
  assert.equal((await remove(kept)).response.status, 204);
  const fresh = await newCart(client, account);
  assert.deepEqual((await listCarts(client, account)).map(({ id }) => id), [fresh]);
});

scenario("an account checks out, its cart is taken away and deleted, and a new one takes its place", async () => {
  const { store, shopper: client, account, memberId } = await newAccount();
  const headers = asAccount(account);
  const cartID = await newCart(client, account);
  await add(client, cartID, product("mug", 3));

  const [member] = (await getV2AccountMembers({ client, headers })).data.data;
  assert.equal(member.id, memberId);
  const lines = { ...address, line_2: "", city: "London", company_name: "", county: "" };
  const order = await checkoutApi({
    client,
    path: { cartID },
    headers,
    body: {
      data: {
        account: { id: account.account_id, member_id: member.id },
        contact: { email: member.email, name: member.name },
        billing_address: lines,
        shipping_address: { ...lines, phone_number: "", instructions: "" },
      },
    },
  });
  assert.equal(order.response.status, 201);
  const orderID = order.data.data.id;
  await paymentSetup({ client, path: { orderID }, body: { data: { gateway: "manual", method: "purchase" } } });
  const cart = await getACart({ client, path: { cartID }, headers, query: { include: ["items"] } });
  assert.equal(cart.data.included.items.length, 1);

  const owner = { data: [accountIdentifier(account.account_id)] };
  const taken = await deleteAccountCartAssociation({ client, path: { cartID }, headers, body: owner });
  assert.equal(taken.response.status, 204);
  assert.equal((await deleteACart({ client, path: { cartID }, headers })).response.status, 204);

  // The shop's server makes the next cart, as administrator.
  const server = administratorOf(store);
  const next = (await createACart({ client: server, body: { data: { name: "Cart" } } })).data.data.id;
  const made = await createAccountCartAssociation({ client: server, path: { cartID: next }, body: owner });
  assert.equal(made.response.status, 200);
  assert.deepEqual((await listCarts(client, account)).map(({ id }) => id), [next]);

  const orders = await getCustomerOrders({ client, headers });
  assert.deepEqual(orders.data.data.map((found) => [found.id, found.payment]), [[orderID, "paid"]]);
  const type = "account_management_authentication_token";
  const renewed = await postV2AccountMembersTokens({
    client, headers, body: { data: { type, authentication_mechanism: type } },
  });
  assert.equal(renewed.data.data[0].account_id, account.account_id);
});

scenario("an account's carts are read in pages of 100", async () => {
  const store = newStore();
  const client = shopperOf(store);
  await getACart({ client, path: { cartID: "first" } });
  await fill(store, bigShop);
  const login = await enter(client, "password", { email: "ann@example.com", password: "ann-password" });
  const carts = await listCarts(client, login.data.data[0]);
  assert.equal(carts.length, manyCarts);
  assert.equal(new Set(carts.map(({ id }) => id)).size, manyCarts);
});

// ---- An administrator empties a store ---------------------------------------------------------------

scenario("last-cart: an administrator takes owners away one by one, and then deletes their last cart", async () => {
  const store = newStore();
  const shopper = shopperOf(store);
  const client = administratorOf(store);
  const customers = [await register(shopper, "Alice"), await register(shopper, "Bob")];
  const cart = (await createACart({ client, body: { data: { name: "Shared" } } })).data.data;
  for (const { id } of customers) await associate(client, cart, [identifier(id)]);

  const remove = () => deleteACart({ client, path: { cartID: cart.id } });
  for (const owner of (await getACart({ client, path: { cartID: cart.id } })).data.data.relationships.customers.data) {
    refused(await remove(), 400, ...lastCart);
    assert.equal((await disassociate(client, cart, [owner])).response.status, 204);
  }
  assert.equal((await remove()).response.status, 204);
  assert.deepEqual((await getCarts({ client })).data.data, []);
});
