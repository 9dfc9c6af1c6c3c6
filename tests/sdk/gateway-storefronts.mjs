// How storefronts, and the vendor's command line, drive @elasticpath/js-sdk and @moltin/sdk around an
// association: whole flows, call by call as the public ones make them.
import assert from "node:assert/strict";
import {
  accountIdentifier, bigShop, fill, identifier, manyCarts, manyCustomers, memberLogin, newCustomer, newStore, scenario,
} from "./fixtures.mjs";
import { address, administratorOf, namesIn, refused, register, shopperOf, skusIn } from "./gateway.mjs";

const lastCart = ["Last cart", "This is the last cart associated with a"];

// ---- Customers ------------------------------------------------------------------------------------

scenario("a guest's cart is born by reading its items and ends as the order of a customer", async () => {
  const store = newStore();
  const phone = shopperOf(store);
  const guest = phone.Cart();
  assert.deepEqual((await guest.Items()).data, []);
  const added = await guest.AddProduct("mug", 2);
  assert.equal(added.data[0].quantity, 2);
  await guest.AddCustomItem({ name: "Gift wrap", sku: "wrap", quantity: 1, price: { amount: 300, includes_tax: true } });

  const alice = await register(phone, "Alice");
  await guest.AddCustomerAssociation(alice.id, alice.token);

  const laptop = shopperOf(store);
  const { token } = (await laptop.Customers.TokenViaPassword(alice.email, alice.password)).data;
  const [found] = (await laptop.Cart().GetCartsList(token)).data;
  assert.equal(found.id, guest.cartId);
  assert.equal(found.relationships.items.data.length, 2);

  const second = laptop.Cart();
  await second.AddProduct("mug", 1);
  await second.AddProduct("tee", 1);
  const merged = await laptop.Cart(found.id).Merge(second.cartId, token);
  assert.deepEqual(skusIn(merged), ["mug", "tee", "wrap"]);
  assert.equal(merged.data.find((item) => item.sku === "mug").quantity, 3);
  assert.equal(merged.meta.display_price.with_tax.formatted, "$43.00");

  const renamed = await laptop.Cart(found.id).UpdateCart({ name: "Holidays" }, token);
  assert.equal(renamed.data.name, "Holidays");
  const order = await laptop.Cart(found.id).Checkout(alice.id, address);
  assert.equal(order.data.payment, "unpaid");
  const paid = await laptop.Orders.Payment(order.data.id, { gateway: "manual", method: "purchase" });
  assert.equal(paid.data.amount, 4300);
  const orders = await laptop.Orders.All(token);
  assert.deepEqual(orders.data.map(({ id, payment }) => [id, payment]), [[order.data.id, "paid"]]);
  assert.deepEqual(skusIn(await laptop.Orders.Items(order.data.id)), ["mug", "tee", "wrap"]);
});

scenario("last-cart: a page of carts deletes all but the last, which it takes away first", async () => {
  const store = newStore();
  const shopper = shopperOf(store);
  const alice = await register(shopper, "Alice");
  const [old] = await Promise.all(
    ["Old", "New"].map((name) => shopper.Cart().CreateCart({ name }, alice.token)),
  );
  const carts = async () => (await shopper.Cart().GetCartsList(alice.token)).data;

  // Pages that manage carts choose the first cart that is left, and write its name, which renews it.
  await shopper.Cart(old.data.id).Delete();
  const [left] = await carts();
  assert.equal(left.name, "New");
  await shopper.Cart(left.id).UpdateCart({ name: left.name });

  await refused(shopper.Cart(left.id).Delete(), 400, ...lastCart);
  assert.equal((await carts()).length, 1);

  // Neither SDK has a method that takes a customer away.
  assert.equal(
    await shopper.request.send(
      `carts/${left.id}/relationships/customers`, "DELETE", [identifier(alice.id)], alice.token,
    ),
    "{}",
  );
  assert.equal(await shopper.Cart(left.id).Delete(), "{}");
  const fresh = await shopper.Cart().CreateCart({ name: "Cart" }, alice.token);
  assert.deepEqual((await carts()).map(({ id }) => id), [fresh.data.id]);
});

// ---- Accounts -------------------------------------------------------------------------------------

// A storefront finds its password profile once, and keeps the id in a setting.
async function passwordProfile(client) {
  const settings = await client.AccountAuthenticationSettings.Get();
  const realm = settings.data.relationships.authentication_realm.data.id;
  return (await client.PasswordProfile.All(realm)).data[0].id;
}

async function enter(client, mechanism, member) {
  const login = memberLogin(mechanism, await passwordProfile(client), member);
  return client.AccountMembers.GenerateAccountToken(login);
}

// No method of either SDK but those for associations and checkout sends an account token, so storefronts
// call `send`. They begin the path with a slash, and the SDKs put another before it: /v2//carts.
const asAccount = (client, account, uri, method, body = null, wraps = undefined) =>
  client.request.send(uri, method, body, undefined, client, wraps, "v2", {
    "EP-Account-Management-Authentication-Token": account.token,
  });

const cartsOf = (client, account) => asAccount(client, account, "/carts", "GET");

// What the vendor's storefronts do after every login: the account's first cart, or a new one, takes over
// what is in the guest's.
async function mergeCart(client, account, guestCartId) {
  const [first] = (await cartsOf(client, account)).data.filter((cart) => !cart.is_quote);
  let id = first?.id;
  if (id === undefined) {
    id = (await asAccount(client, account, "/carts", "POST", { name: "Cart" })).data.id;
    // A cart that is made with the token is the account's already.
    const again = [accountIdentifier(account.account_id)];
    assert.equal(await asAccount(client, account, `/carts/${id}/relationships/accounts`, "POST", again), "{}");
  }
  await asAccount(client, account, `/carts/${id}/items`, "POST", {
    data: { type: "cart_items", cart_id: guestCartId }, options: { add_all_or_nothing: false },
  });
  return id;
}

async function newAccount(store = newStore()) {
  const shopper = shopperOf(store);
  const member = newCustomer("Ann");
  const login = await enter(shopper, "self_signup", member);
  return { store, shopper, member, memberId: login.meta.account_member_id, account: login.data[0] };
}

scenario("a guest signs up for an account, and logs in with the password elsewhere", async () => {
  const store = newStore();
  const phone = shopperOf(store);
  const guest = phone.Cart();
  await guest.AddProduct("mug", 2);

  const { shopper, member, account } = await newAccount(store);
  assert.equal(account.account_name, "Ann");
  assert.ok(new Date(account.expires) > new Date());
  const cart = await mergeCart(shopper, account, guest.cartId);

  const laptop = shopperOf(store);
  const second = laptop.Cart();
  await second.AddProduct("mug", 1);
  await second.AddProduct("tee", 1);
  const again = (await enter(laptop, "password", member)).data[0];
  assert.equal(again.account_id, account.account_id);
  assert.equal(await mergeCart(laptop, again, second.cartId), cart);

  const items = await laptop.Cart(cart).Items();
  assert.deepEqual(skusIn(items), ["mug", "tee"]);
  assert.equal(items.data.find((item) => item.sku === "mug").quantity, 3);
  assert.equal(items.meta.display_price.with_tax.formatted, "$40.00");
});

scenario("account-credentials-wrong: a wrong password of a member rejects with 400", async () => {
  const { shopper, member } = await newAccount();
  await refused(
    enter(shopper, "password", { ...member, password: "another" }), 400,
    "The username or the password is wrong",
  );
});

scenario("body-bare-array: an account's cart is associated with the envelope and without it", async () => {
  const { shopper, account } = await newAccount();
  const owner = [accountIdentifier(account.account_id)];
  const [first, second] = await Promise.all(
    ["Enveloped", "Bare"].map((name) => shopper.Cart().CreateCart({ name })),
  );
  const enveloped = await shopper.Cart(first.data.id).AddAccountAssociation(account.account_id, account.token);
  assert.deepEqual(enveloped, { data: owner });
  const uri = `/carts/${second.data.id}/relationships/accounts`;
  assert.deepEqual(await asAccount(shopper, account, uri, "POST", owner, false), { data: owner });

  assert.deepEqual(namesIn(await cartsOf(shopper, account)), ["Bare", "Enveloped"]);
  assert.equal(await asAccount(shopper, account, uri, "DELETE", owner, false), "{}");
  assert.deepEqual(namesIn(await cartsOf(shopper, account)), ["Enveloped"]);
});

scenario("customer-token-invalid: GetCartsList sends an account token as a customer's", async () => {
  const { shopper, account } = await newAccount();
  await refused(
    shopper.Cart().GetCartsList(account.token), 403, "Unable to validate customer token",
    "Unable to validate customer token: it is an account token, not a customer token.",
  );
});

scenario("account-record-not-permitted: AccountMembers.All loses the headers that it is given", async () => {
  const { shopper, account, memberId } = await newAccount();
  const headers = { "EP-Account-Management-Authentication-Token": account.token };
  await refused(shopper.AccountMembers.All(null, headers), 403,
    "Account does not have the required permissions to fulfill this request");
  const members = await asAccount(shopper, account, "/account-members", "GET");
  assert.deepEqual(members.data.map(({ id }) => id), [memberId]);
});

scenario("an account checks out, its cart is taken away and deleted, and a new one takes its place", async () => {
  const { store, shopper, account, memberId } = await newAccount();
  const { id } = (await asAccount(shopper, account, "/carts", "POST", { name: "Cart" })).data;
  const cart = shopper.Cart(id);
  await cart.AddProduct("mug", 3);

  const contact = { name: "Ann", email: "ann@example.com" };
  const order = await cart.CheckoutWithAccountManagementToken(contact, address, address, account.token);
  const paid = await shopper.Orders.Payment(order.data.id, { gateway: "manual", method: "purchase" });
  assert.equal(paid.data.amount, 3000);
  // The cart stays, with its items.
  assert.deepEqual(skusIn(await cart.Items()), ["mug"]);

  await refused(cart.Delete(), 400, ...lastCart);
  assert.equal(await cart.RemoveAccountAssociation(account.account_id, account.token), "{}");
  assert.equal(await cart.Delete(), "{}");
  assert.deepEqual((await cartsOf(shopper, account)).data, []);

  // The shop's server makes the next cart, as administrator.
  const server = administratorOf(store);
  const next = await server.Cart().CreateCart({ name: "Cart" });
  await server.Cart(next.data.id).AddAccountAssociation(account.account_id);
  assert.deepEqual((await cartsOf(shopper, account)).data.map((found) => found.id), [next.data.id]);
  assert.deepEqual((await shopper.Cart(next.data.id).Items()).data, []);

  const orders = await asAccount(shopper, account, "/orders", "GET");
  assert.deepEqual(orders.data.map((found) => [found.id, found.payment]), [[order.data.id, "paid"]]);
  // With a token that is valid, a storefront gets new ones.
  const type = "account_management_authentication_token";
  const renewed = await asAccount(shopper, account, "/account-members/tokens", "POST", {
    type, authentication_mechanism: type,
  });
  assert.equal(renewed.data[0].account_id, account.account_id);
  assert.equal(renewed.meta.account_member_id, memberId);
});

// ---- Pages of 100 ---------------------------------------------------------------------------------

scenario("an account's carts are read in pages of 100, by offset and by the link to the next", async () => {
  const store = newStore();
  const shopper = shopperOf(store);
  await shopper.Authenticate();
  await fill(store, bigShop);
  const member = { email: "ann@example.com", password: "ann-password" };
  const account = (await enter(shopper, "password", member)).data[0];

  // GetCartsList has no pages, so storefronts write them into the path.
  const pages = [];
  for (let offset = 0, total = Infinity; offset < total; offset += 100) {
    const page = await asAccount(shopper, account, `/carts?page[limit]=100&page[offset]=${offset}`, "GET");
    total = page.meta.results.total;
    pages.push(page);
  }
  assert.deepEqual(pages.map((page) => page.data.length), [100, 100, 5]);
  assert.equal(new Set(pages.flatMap((page) => page.data.map(({ id }) => id))).size, manyCarts);

  const linked = [];
  for (let link = pages[0].links.first; link !== null; link = linked.at(-1).links.next) {
    linked.push(await asAccount(shopper, account, link.replace("/v2", ""), "GET"));
  }
  assert.deepEqual(linked.map((page) => page.data), pages.map((page) => page.data));
});

scenario("customers are read in pages of 100, with Limit and Offset", async () => {
  const store = newStore();
  const administrator = administratorOf(store);
  await administrator.Authenticate();
  await fill(store, bigShop);
  const [first, second] = await Promise.all(
    [0, 100].map((offset) => administrator.Customers.Limit(100).Offset(offset).All()),
  );
  assert.deepEqual([first.data.length, second.data.length], [100, manyCustomers - 100]);
  assert.deepEqual([first.meta.page.current, second.meta.page.current], [1, 2]);
  assert.equal(new Set([...first.data, ...second.data].map(({ id }) => id)).size, manyCustomers);
});

// ---- The command line -----------------------------------------------------------------------------

// The vendor's command line is written in Go; these are the requests that it sends. It deletes a page of 25
// at once, reads it again, and stops if the page is the same as before.
async function deleteAll(client, resource, type) {
  let last;
  for (;;) {
    const page = (await client.request.send(`${resource}?page[limit]=25`, "GET")).data.map(({ id }) => id);
    if (page.length === 0 || page.join() === last) return page;
    last = page.join();
    await Promise.allSettled(page.map((id) => client.request.send(`${resource}/${id}`, "DELETE", { type })));
  }
}

scenario("last-cart: the command line empties a store, and takes the owners of last carts away", async () => {
  const store = newStore();
  const administrator = administratorOf(store);
  const [alice, bob] = await Promise.all(
    ["Alice", "Bob"].map((name) => administrator.Customers.Create({ ...newCustomer(name), password: undefined })),
  );
  const account = await administrator.Accounts.Create({ type: "account", name: "Acme", legal_name: "Acme Ltd" });
  const [guest, hers, shared] = await Promise.all(
    ["Guest's", "Hers", "Shared"].map((name) => administrator.Cart().CreateCart({ name })),
  );
  await administrator.Cart(hers.data.id).AddCustomerAssociation(alice.data.id);
  // Two customers on one cart need two requests.
  for (const { data } of [alice, bob]) await administrator.Cart(shared.data.id).AddCustomerAssociation(data.id);
  await administrator.Cart(shared.data.id).AddAccountAssociation(account.data.id);

  assert.deepEqual(await deleteAll(administrator, "carts", "cart"), [shared.data.id]);
  for (const { data } of [guest, hers]) {
    await refused(administrator.Cart(data.id).UpdateCart({ name: "Gone" }), 404, "Cart not found");
  }

  const cart = administrator.Cart(shared.data.id);
  const owners = (await cart.Get()).data.relationships;
  assert.equal(owners.customers.data.length, 2);
  for (const kind of ["customers", "accounts"]) {
    for (const owner of owners[kind].data) {
      await refused(cart.Delete(), 400, ...lastCart);
      await administrator.request.send(`carts/${shared.data.id}/relationships/${kind}`, "DELETE", [owner]);
    }
  }
  assert.deepEqual(await deleteAll(administrator, "carts", "cart"), []);
  assert.deepEqual(await deleteAll(administrator, "customers", "customer"), []);
  assert.deepEqual(await deleteAll(administrator, "accounts", "account"), []);
});
