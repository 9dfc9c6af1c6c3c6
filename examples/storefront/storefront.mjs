// A shop front on the vendor's SDK. Where the API is comes from the address: ?api=URL&client_id=ID.

const address = new URL(location).searchParams;
const api = new URL(address.get("api") ?? "http://127.0.0.1:8080");
const shop = globalThis.index.gateway({
  client_id: address.get("client_id") ?? "my-store",
  host: api.host,
  protocol: api.protocol.slice(0, -1),
});

const element = (id) => document.getElementById(id);
let shopper = JSON.parse(sessionStorage.getItem("shopper"));

/** Do something, and say so if the API refuses. The SDK rejects with the parsed body. */
async function attempt(action) {
  element("problem").textContent = "";
  try {
    await action();
  } catch (refusal) {
    element("problem").textContent = refusal?.errors?.[0]?.title ?? "The shop cannot be reached. Please try again.";
  }
}

async function showCarts() {
  element("login").hidden = shopper !== null;
  element("carts").hidden = element("keep").hidden = shopper === null;
  if (shopper === null) return;
  element("shopper").textContent = shopper.email;
  const { data } = await shop.Cart().GetCartsList(shopper.token);
  element("none").hidden = data.length > 0;
  element("list").replaceChildren(
    ...data.map((cart) => {
      const item = document.createElement("li");
      item.textContent = cart.name;
      return item;
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
    await showCarts();
  });
});

element("new").addEventListener("submit", (event) => {
  event.preventDefault();
  const name = event.target.elements.name.value;
  attempt(async () => {
    await shop.Cart().CreateCart({ name }, shopper.token);
    event.target.reset();
    await showCarts();
  });
});

element("keep").addEventListener("click", () =>
  attempt(async () => {
    await shop.Cart().AddCustomerAssociation(shopper.id, shopper.token);
    await showCarts();
  }),
);

await attempt(async () => {
  const { data } = await shop.Cart().Get(); // the SDK makes up an id and remembers it on this device
  element("guest").textContent = data.id;
  await showCarts();
});
