// Named snapshots: keep, restore, compare.

import { asText, count, dayAndTime, totals } from "./format.js";
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
      ${totals(holds)}, ${count(holds.associations, "association")}</span></div>
    <button aria-label="Restore ${name}" @click=${() => restore(model, name)}>Restore</button>
    <button class="quiet" aria-label="Delete ${name}" @click=${() => forget(model, name)}>Delete</button>
  </li>`;

const path = (model, name, rest = "") => model.path(`/snapshots/${encodeURIComponent(name)}${rest}`);

async function take(model, event) {
  event.preventDefault();
  const form = event.target;
  const name = form.elements.name.value;
  const isDone = await model.act(`Kept as ${name}.`, () => model.call("PUT", path(model, name)));
  if (isDone) form.reset();
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
  const link = ({ cart, customer, account }) => html`cart <code>${cart}</code> of ${
    customer === undefined ? "account" : "customer"} <code>${customer ?? account}</code>`;
  const thing = (what) => ({ id, name }) => html`${what} <code>${id}</code> ${name}`;
  return html`<ul class="diff">
    ${Object.entries(KINDS).filter(([part]) => part in diff).map(([part, what]) => html`
      ${side("+", diff[part].added, thing(what))}${side("−", diff[part].removed, thing(what))}
      ${side("±", diff[part].changed, fields(what))}`)}
    ${side("+", diff.associations.added, link)}${side("−", diff.associations.removed, link)}
    ${diff.settings === undefined ? nothing : side("±", [{ id: "cart", fields: diff.settings.changed }], fields("settings"))}
  </ul>`;
}

const KINDS = {
  customers: "customer", accounts: "account", members: "account member", memberships: "membership", carts: "cart",
  products: "product", addresses: "address", orders: "order",
};

const MEANINGS = { "+": ["added", "new:"], "−": ["removed", "gone:"], "±": ["changed", "changed:"] };

const side = (sign, things, show) => {
  const [kind, meaning] = MEANINGS[sign];
  return things.map((thing) => html`<li class=${kind}><span aria-hidden="true">${sign}</span><span class="unseen">${meaning}</span> ${show(thing)}</li>`);
};

const fields = (what) => ({ id, fields: changes }) => html`${what} <code>${id}</code>${Object.entries(changes).map(
  ([name, change]) => html`<br>${name}${change.changed ? " was changed" : html`: <code>${value(change.before)}</code> → <code>${value(change.after)}</code>`}`,
)}`;

const value = (given) => (given === null || given === undefined ? "none" : asText(given));
