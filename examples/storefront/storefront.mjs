// A shop on the vendor's SDK. Where the API is comes from the address: ?api=URL&client_id=ID.

const address = new URL(location).searchParams;
const api = new URL(address.get("api") ?? "http://127.0.0.1:8080");
const shop = globalThis.index.gateway({
  client_id: address.get("client_id") ?? "my-store",
  host: api.host,
  protocol: api.protocol.slice(0, -1),
});

const element = (id) => document.getElementById(id);

/** Who is logged in, in this tab. */
let shopper = JSON.parse(sessionStorage.getItem("shopper"));
/** The cart that a guest fills. The SDK makes up its id, and remembers it on this device. */
let guestCart;
/** The id of the cart on the page. */
let current = sessionStorage.getItem("cart");
let carts = [];

function make(tag, text, attributes = {}) {
  const made = document.createElement(tag);
  made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function button(text, action, label) {
  const made = make("button", text, label === undefined ? {} : { "aria-label": label });
  made.addEventListener("click", () => attempt(action));
  return made;
}

function listItem(...children) {
  const item = document.createElement("li");
  item.append(...children);
  return item;
}

/** Do something, and say so if the API refuses. The SDK rejects with the parsed body. */
async function attempt(action) {
  element("problem").textContent = element("thanks").textContent = "";
  try {
    await action();
  } catch (refusal) {
    const error = refusal?.errors?.[0];
    element("problem").textContent = error?.detail ?? error?.title ?? "The shop cannot be reached. Please try again.";
  }
}

async function show() {
  if (shopper !== null) ({ data: carts } = await shop.Cart().GetCartsList(shopper.token));
  const { data: items, meta } = await shop.Cart(current).Items();
  showCart(items, meta);
  showCarts();
  // A cart without a customer that has something in it can be kept, or merged into another one.
  const offered = shopper !== null && current === guestCart && !carts.some(({ id }) => id === current);
  const target = carts[0];
  element("offer").hidden = !offered;
  element("merge").hidden = target === undefined || items.length === 0;
  element("merge").textContent = `Merge it into “${target?.name}”`;
}

function showCart(items, meta) {
  element("cart-title").textContent = carts.find(({ id }) => id === current)?.name ?? "Cart of this device";
  element("cart-empty").hidden = items.length > 0;
  element("checkout").disabled = items.length === 0;
  element("total").textContent = items.length === 0 ? "" : meta.display_price.with_tax.formatted;
  element("items").replaceChildren(
    ...items.map(({ id, name, quantity, meta: { display_price: price } }) => {
      const change = (to) => async () => {
        await shop.Cart(current).UpdateItemQuantity(id, to);
        await show();
      };
      const amount = make("span", `${quantity} ×`, { class: "quantity" });
      const value = make("span", price.with_tax.value.formatted, { class: "price" });
      const fewer = button("−", change(quantity - 1), `One ${name} fewer`);
      return listItem(amount, make("span", name), value, fewer, button("+", change(quantity + 1), `One ${name} more`));
    }),
  );
}

function showCarts() {
  element("login").hidden = shopper !== null;
  element("carts").hidden = element("shopper").hidden = shopper === null;
  element("email").textContent = shopper?.email ?? "";
  element("none").hidden = carts.length > 0;
  element("list").replaceChildren(
    ...carts.map(({ id, name }) => {
      const choice = button(name, () => open(id));
      if (id === current) choice.setAttribute("aria-current", "true");
      return listItem(choice);
    }),
  );
}

async function open(id) {
  current = id;
  sessionStorage.setItem("cart", id);
  await show();
}

async function showProducts() {
  const products = await (await fetch("products.json")).json();
  element("products").replaceChildren(
    ...products.map(({ id, name, price }) => {
      const add = async () => {
        await shop.Cart(current).AddProduct(id, 1);
        await show();
      };
      return listItem(make("span", name), make("span", price, { class: "price" }), button("Add", add, `Add ${name}`));
    }),
  );
}

element("login").addEventListener("submit", (event) => {
  event.preventDefault();
  const { email, password } = Object.fromEntries(new FormData(event.target));
  attempt(async () => {
    const { data } = await shop.Customers.TokenViaPassword(email, password);
    shopper = { email, id: data.customer_id, token: data.token };
    sessionStorage.setItem("shopper", JSON.stringify(shopper));
    event.target.reset();
    await show();
  });
});

element("logout").addEventListener("click", () => {
  shopper = null;
  carts = [];
  sessionStorage.removeItem("shopper");
  attempt(() => open(guestCart));
});

element("new").addEventListener("submit", (event) => {
  event.preventDefault();
  const name = event.target.elements.name.value;
  attempt(async () => {
    const { data } = await shop.Cart().CreateCart({ name }, shopper.token);
    event.target.reset();
    await open(data.id);
  });
});

element("keep").addEventListener("click", () =>
  attempt(async () => {
    await shop.Cart(current).AddCustomerAssociation(shopper.id, shopper.token);
    await show();
  }),
);

element("merge").addEventListener("click", () =>
  attempt(async () => {
    const target = carts[0].id;
    await shop.Cart(target).Merge(guestCart, shopper.token);
    await shop.Cart(guestCart).RemoveAllItems();
    await open(target);
  }),
);

element("checkout").addEventListener("click", () =>
  attempt(async () => {
    const [first_name, last_name] = ["The", "Shopper"];
    const where = { first_name, last_name, line_1: "1 High Street", postcode: "SW1Y 4JH", county: "London", country: "GB" };
    const buyer = shopper?.id ?? { name: "A guest", email: "guest@example.com" };
    const { data: order } = await shop.Cart(current).Checkout(buyer, where);
    await shop.Orders.Payment(order.id, { gateway: "manual", method: "purchase" });
    await shop.Cart(current).RemoveAllItems();
    await show();
    element("thanks").textContent = `Thank you. Your order is ${order.meta.display_price.with_tax.formatted}.`;
  }),
);

await attempt(async () => {
  guestCart = (await shop.Cart().Get()).data.id;
  current ??= guestCart;
  await showProducts();
  await show();
});
