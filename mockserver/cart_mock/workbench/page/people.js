// The customers and accounts of a store: find one, add one, copy a login.

import { copyText } from "./clipboard.js";
import { count } from "./format.js";
import { html, nothing } from "./html.js";

const view = { store: null, copied: null, isAdding: false };
const STEP = 20;

export function peopleView(model, changed) {
  if (view.store !== model.store) Object.assign(view, { store: model.store, copied: null, isAdding: false });
  const { people } = model;
  if (model.store === null || model.summary === null) return nothing;
  const total = people?.meta.total ?? 0;
  const exist = model.summary.customers + (model.summary.accounts ?? 0);
  const close = (event) => {
    if (event.key !== "Escape" || !view.isAdding) return;
    event.preventDefault();
    view.isAdding = false;
    changed();
    event.currentTarget.querySelector("button").focus();
  };
  return html`
    <section class="card" aria-labelledby="people-title" @keydown=${close}>
      <div class="card-head">
        <h2 id="people-title">Customers and accounts</h2>
        <span class="soft" role="status">${people === null ? nothing : model.search.find === "" ? `${total.toLocaleString("en-GB")} in all` : `${total.toLocaleString("en-GB")} found`}</span>
        <span class="push"></span>
        <button class="quiet" aria-expanded=${view.isAdding} @click=${() => { view.isAdding = !view.isAdding; changed(); }}>Add a customer…</button>
      </div>
      ${view.isAdding ? form(model, changed) : nothing}
      ${exist === 0
        ? html`<p class="empty">None yet. Add one here, seed a scenario under <a href="#situation">Situation</a>, or let your application register.</p>`
        : html`<div class="bar"><label class="grow"><span class="unseen">Find customers and accounts</span>
            <input type="search" placeholder="Name, email or id" .value=${model.search.find}
              @input=${(event) => model.findPeople({ find: event.target.value, limit: STEP })}></label></div>`}
      ${people === null || people.data.length === 0
        ? exist > 0 && people !== null ? html`<p class="empty">No customer or account has that.</p>` : nothing
        : html`<ul class="things">${people.data.map((person) => row(model, person, changed))}</ul>`}
      ${people !== null && total > people.data.length
        ? html`<button class="more" @click=${() => model.findPeople({ limit: model.search.limit + 5 * STEP })}>Show more</button>`
        : nothing}
    </section>`;
}

const row = (model, person, changed) => html`
  <li>
    <div class="grow"><b>${person.name}</b> ${person.type === "account" ? html`<span class="tag">account</span>` : nothing}
      <br><span class="soft">${person.email === null ? nothing : html`${person.email} · `}<code>${person.id}</code> · ${count(person.carts, "cart")}</span></div>
    <button class="quiet" aria-label="Copy a login of ${person.name}" @click=${(event) => logIn(model, person, event.target, changed)}>
      ${view.copied === person.id ? "Copied" : "Copy a login"}</button>
  </li>`;

async function logIn(model, { type, id, name }, button, changed) {
  let text = null;
  const done = `The headers of ${name} are copied: an access token, and the ${type === "account" ? "account's" : "customer's"} token.`;
  const isDone = await model.act(done, async () => {
    const { data } = await model.call("POST", model.path("/logins"), { body: { type, id } });
    text = Object.entries(data.headers).map(([header, value]) => `-H '${header}: ${value}'`).join(" ");
    await copyText(text, button);
  });
  if (!isDone) return;
  view.copied = id;
  changed();
}

const form = (model, changed) => html`
  <form class="fields" @submit=${(event) => add(model, event, changed)}>
    <label>Name <input name="name" required maxlength="255" autocomplete="off"></label>
    <label>Email <input name="email" type="email" required maxlength="255" autocomplete="off"></label>
    <label class="wide">Password <input name="password" maxlength="1000" autocomplete="off" placeholder="none: the customer cannot log in"></label>
    <div class="wide"><button class="primary">Add the customer</button></div>
  </form>`;

async function add(model, event, changed) {
  event.preventDefault();
  const sent = [...new FormData(event.target)].filter(([, value]) => value !== "");
  const isDone = await model.act((made) => `${made.data.name} is added, with the id ${made.data.id}.`, () =>
    model.call("POST", model.path("/customers"), { body: Object.fromEntries(sent) }),
  );
  if (!isDone) return;
  view.isAdding = false;
  changed();
}
