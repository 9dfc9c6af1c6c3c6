// Named snapshots: keep, restore, compare.

import { asText, count, dayAndTime, owned } from "./format.js";
import { html, nothing } from "./html.js";

const view = { store: null, diff: null };

export function snapshotsCard(model, changed) {
  if (view.store !== model.store) Object.assign(view, { store: model.store, diff: null });
  const { snapshots } = model;
  return html`
    <section class="card" aria-labelledby="snapshots-title">
      <h2 id="snapshots-title">Snapshots</h2>
      <form class="bar" @submit=${(event) => take(model, event)}>
        <label class="grow"><span class="unseen">Name of the snapshot</span>
          <input name="name" placeholder="Name, such as after-login" required maxlength="100" autocomplete="off"></label>
        <button>Keep the present state</button>
      </form>
      ${snapshots.length === 0
        ? html`<p class="empty">No snapshots of this store yet.</p>`
        : html`<ul class="things">${snapshots.map((snapshot) => row(model, snapshot))}</ul>${comparison(model, changed)}`}
    </section>`;
}

const row = (model, { name, taken_at: takenAt, ...holds }) => html`
  <li>
    <div class="grow"><b>${name}</b><br><span class="soft">${dayAndTime(takenAt)} ·
      ${owned(holds)}, ${count(holds.associations, "association")}</span></div>
    <button aria-label="Restore ${name}" @click=${() => restore(model, name)}>Restore</button>
    <button class="quiet" aria-label="Delete ${name}" @click=${() => forget(model, name)}>Delete</button>
  </li>`;

const path = (model, name, rest = "") => model.path(`/snapshots/${encodeURIComponent(name)}${rest}`);

async function take(model, event) {
  event.preventDefault();
  const form = event.target;
  const name = form.elements.name.value;
  await model.act(`Kept as ${name}.`, async () => {
    await model.call("PUT", path(model, name));
    form.reset(); // before the page is brought up to date: by then the user may be typing again
  });
}

const restore = (model, name) =>
  model.replace(`The store is as in ${name}.`, () => model.call("POST", path(model, name, "/restore")));

const forget = (model, name) => model.act(`${name} is forgotten.`, () => model.call("DELETE", path(model, name)));

// ---- What changed ------------------------------------------------------------------------------

const comparison = (model, changed) => html`
  <h3>Compare</h3>
  <form class="bar" @submit=${(event) => compare(model, event, changed)}>
    <label>From <select name="before">${model.snapshots.map(({ name }) => html`<option value=${name}>${name}</option>`)}</select></label>
    <label>to <select name="after"><option value="">now</option>
      ${model.snapshots.map(({ name }) => html`<option value=${name}>${name}</option>`)}</select></label>
    <button>Compare</button>
  </form>
  <div role="status">${view.diff === null ? nothing : shown(view.diff)}</div>`;

async function compare(model, event, changed) {
  event.preventDefault();
  const { before, after } = event.target.elements;
  const query = { before: before.value, ...(after.value === "" ? {} : { after: after.value }) };
  try {
    view.diff = await model.call("GET", model.path("/diff"), { query });
    changed();
  } catch (error) {
    model.fail(error);
  }
}

function shown(diff) {
  if (diff.same) return html`<p class="empty">Nothing differs.</p>`;
  const thing = (what) => ({ id, name }) => html`${what} <code>${id}</code> ${name}`;
  const part = ([name, what]) => {
    const { added, removed, changed } = diff[name] ?? NONE;
    return html`${side("+", added, thing(what))}${side("−", removed, thing(what))}${side("±", changed, fields(what))}`;
  };
  return html`<ul class="diff">
    ${Object.entries(PARTS).map(part)}
    ${side("+", diff.associations.added, link)}${side("−", diff.associations.removed, link)}
    ${side("±", diff.settings === undefined ? [] : [{ id: "", fields: diff.settings.changed }], fields("settings"))}
  </ul>`;
}

// What a diff may have, and what one of them is called.
const PARTS = {
  customers: "customer", accounts: "account", members: "account member", memberships: "membership", carts: "cart",
  products: "product", addresses: "address", orders: "order",
};
const NONE = { added: [], removed: [], changed: [] };

const link = ({ cart, customer, account }) =>
  html`cart <code>${cart}</code> of ${account === undefined ? "customer" : "account"} <code>${account ?? customer}</code>`;

const MEANINGS = { "+": ["added", "new:"], "−": ["removed", "gone:"], "±": ["changed", "changed:"] };

const side = (sign, things, show) => {
  const [kind, meaning] = MEANINGS[sign];
  return things.map((thing) => html`<li class=${kind}><span aria-hidden="true">${sign}</span><span class="unseen">${meaning}</span> ${show(thing)}</li>`);
};

const fields = (what) => ({ id, fields: changes }) => html`${what} ${id === "" ? nothing : html`<code>${id}</code>`}${Object.entries(changes).map(
  ([name, change]) => html`<br>${name}${change.changed ? " was changed" : html`: <code>${value(change.before)}</code> → <code>${value(change.after)}</code>`}`,
)}`;

const value = (given) => (given === null || given === undefined ? "none" : asText(given));
