// Who has what: customers and accounts on the left, carts on the right, a line for each association.

import { arrange, ownerOf } from "./arrangement.js";
import { count, shorten, totals } from "./format.js";
import { html, nothing, svg } from "./html.js";
import { MOST_DRAWN } from "./model.js";

const ROW = 30;
const TIGHT_ROW = 21;
const TIGHT_ABOVE = 24;
const TOP = 34;
const MARK = 6;
const FONT = "px system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";
const NAME_SIZE = 13;
const ID_SIZE = 12;

const view = { width: 560, near: null, find: "", state: null, drawing: null, known: null, fresh: new Set() };

export function pictureView(model, changed) {
  return html`
    <section class="card" aria-labelledby="picture-title">
      <div class="card-head">
        <h2 id="picture-title">Who has what</h2>
        <span class="soft">${model.summary === null ? nothing : totals(model.summary)}</span>
      </div>
      ${content(model, changed)}
    </section>`;
}

/** Draw as wide as there is room in that element. */
export function watchWidth(element, changed) {
  new ResizeObserver(([entry]) => {
    const width = Math.floor(entry.contentRect.width);
    if (width !== view.width) {
      view.width = width;
      changed();
    }
  }).observe(element);
}

function content(model, changed) {
  const { summary, state } = model;
  if (model.store === null) return html`<p class="empty">Choose or make a store first.</p>`;
  if (summary === null) return html`<p class="empty">Asking…</p>`;
  const nodes = summary.customers + (summary.accounts ?? 0) + summary.carts;
  if (nodes === 0) return html`<p class="empty">This store is empty: no customers and no carts.</p>`;
  if (nodes > MOST_DRAWN) return tooMany(summary);
  if (state === null) return html`<p class="empty">Asking…</p>`;
  const drawing = drawingOf(state, model.store);
  return html`
    ${drawing.rows > TIGHT_ABOVE ? finder(changed) : nothing}
    <div id="drawing">${drawn(drawing, changed)}</div>
    <p class="legend soft"><span class="pair"><span class="mark customer"></span> customer</span>
      ${drawing.left.some((node) => node.kind === "account") ? html`<span class="pair"><span class="mark account"></span> account</span>` : nothing}
      <span class="pair"><span class="mark cart"></span> cart</span>
      <span class="pair"><span class="mark unowned"></span> cart without an owner</span>
      ${drawing.isFolded ? html`· Carts that the same owners have are drawn as one.` : nothing}</p>
    ${listing(state)}`;
}

const tooMany = (summary) => html`
  <p class="empty">${count(summary.customers, "customer")} and ${count(summary.carts, "cart")} are too many to
    draw: the picture has room for ${MOST_DRAWN}. Find customers in the list below. ${count(summary.registered_carts, "cart")}
    ${summary.registered_carts === 1 ? "has" : "have"} a customer,
    ${(summary.carts - summary.registered_carts).toLocaleString("en-GB")} ${summary.carts - summary.registered_carts === 1 ? "has" : "have"} no customer.
    The state can be exported under <a href="#situation">Situation</a>.</p>`;

const finder = (changed) => html`
  <div class="bar"><label class="grow"><span class="unseen">Find a customer or cart in the picture</span>
    <input type="search" placeholder="Find a customer or cart" .value=${view.find}
      @input=${(event) => find(event.target.value, changed)}></label></div>`;

function find(text, changed) {
  view.find = text;
  changed();
  // The picture may be taller than its card.
  requestAnimationFrame(() => document.querySelector(".picture .node.lit")?.scrollIntoView({ block: "nearest" }));
}

// Arranged once for each state; what is new since the last one of the same store is marked.
function drawingOf(state, store) {
  if (view.state !== state) {
    const drawing = arrange(state);
    const keys = new Set([...drawing.left, ...drawing.right, ...drawing.links].map((one) => one.key));
    view.fresh = view.known?.store === store ? new Set([...keys].filter((key) => !view.known.keys.has(key))) : new Set();
    Object.assign(view, { state, drawing, known: { store, keys } });
  }
  return view.drawing;
}

function drawn({ left, right, links, rows }, changed) {
  const row = rows > TIGHT_ABOVE ? TIGHT_ROW : ROW;
  const { width } = view;
  const side = Math.min(220, width * 0.4);
  const at = (node) => TOP + (node.y + 0.5) * row;
  const lit = litNodes(left, right, links);
  const dim = (isLit) => (lit === null ? "" : isLit ? "lit" : "dim");
  const room = side - 14;
  const middle = width / 2;
  const hover = (node) => () => {
    view.near = node;
    changed();
  };
  return html`
    <svg class="picture" role="img" aria-label=${described(left, right, links)}
      viewBox="0 0 ${width} ${TOP + rows * row + 6}" width=${width} height=${TOP + rows * row + 6}>
      <text class="head" x=${side - 12} y="16" text-anchor="end">${left.some((node) => node.kind === "account") ? "Owners" : "Customers"}</text>
      <text class="head" x=${width - side + 12} y="16">Carts</text>
      ${links.map(({ key, customer, cart }) => svg`
        <path class="link ${dim(lit?.has(customer) && lit?.has(cart))} ${view.fresh.has(key) ? "fresh" : ""}"
          d="M${side} ${at(customer)} C${middle} ${at(customer)} ${middle} ${at(cart)} ${width - side} ${at(cart)}"/>`)}
      ${left.map((node) => svg`
        <g class="node ${node.kind} ${dim(lit?.has(node))} ${view.fresh.has(node.key) ? "fresh" : ""}"
          @mouseenter=${hover(node)} @mouseleave=${hover(null)}>
          <title>${tooltip(node)}</title>
          <rect class="hit" x="0" y=${at(node) - row / 2} width=${side + MARK} height=${row}/>
          ${node.kind === "account"
            ? svg`<path d="M${side} ${at(node) - MARK - 1} l${MARK + 1} ${MARK + 1} l${-MARK - 1} ${MARK + 1} l${-MARK - 1} ${-MARK - 1} z"/>`
            : svg`<circle cx=${side} cy=${at(node)} r=${MARK}/>`}
          ${label(node, room, side - 12, at(node), "end")}
        </g>`)}
      ${right.map((node) => svg`
        <g class="node cart ${node.owners.length === 0 ? "unowned" : ""} ${dim(lit?.has(node))} ${view.fresh.has(node.key) ? "fresh" : ""}"
          @mouseenter=${hover(node)} @mouseleave=${hover(null)}>
          <title>${tooltip(node)}</title>
          <rect class="hit" x=${width - side - MARK} y=${at(node) - row / 2} width=${side + MARK} height=${row}/>
          <rect x=${width - side - MARK} y=${at(node) - MARK} width=${2 * MARK} height=${2 * MARK} rx="2"/>
          ${label(node, room, width - side + 12, at(node), "start")}
        </g>`)}
    </svg>`;
}

// The name first, then the id if there is room, since many carts are just called Cart.
function label(node, room, x, y, anchor) {
  const name = fitted(labelOf(node), room, NAME_SIZE);
  const left = room - widthOf(name, NAME_SIZE) - GAP;
  const id = node.ids.length === 1 && node.ids[0] !== node.label ? fitted(node.ids[0], left, ID_SIZE) : "";
  const isUseful = id === node.ids[0] || [...id].length >= SHORTEST;
  return svg`<text x=${x} y=${y + 4} text-anchor=${anchor}>${name}${id === "" || !isUseful
    ? nothing
    : svg`<tspan class="soft" dx=${GAP}>${id}</tspan>`}</text>`;
}

const GAP = 6;
/** A shorter part of an id is useless. */
const SHORTEST = 8;
const canvas = document.createElement("canvas").getContext("2d");
const widths = new Map();

function widthOf(text, size) {
  const key = `${size} ${text}`;
  if (!widths.has(key)) {
    canvas.font = `${size}${FONT}`;
    widths.set(key, canvas.measureText(text).width);
  }
  return widths.get(key);
}

// As much of a text as there is room for.
function fitted(text, room, size) {
  if (room <= 0) return "";
  let length = Math.min([...text].length, Math.ceil(room / 3));
  while (length > 1 && widthOf(shorten(text, length), size) > room) length -= 1;
  return shorten(text, length);
}

const tooltip = (node) =>
  node.ids.length === 1
    ? [node.label, node.ids[0], node.email, ...node.items.map(itemText)].filter(Boolean).join("\n")
    : [...node.names.slice(0, 12).map((name, at) => `${name} (${node.ids[at]})`), node.ids.length > 12 ? "…" : ""].join("\n");

// A cart's label has the number of its items.
const labelOf = ({ kind, label, items }) =>
  kind === "cart" && items.length > 0 ? `${label} · ${count(items.reduce((sum, { quantity }) => sum + (quantity ?? 1), 0), "item")}` : label;

export const itemText = ({ quantity, name, sku }) => `${quantity ?? 1} × ${name ?? sku ?? "item"}`;

// What is pointed at or found, with its partners; null if nothing is.
function litNodes(left, right, links) {
  const found = view.find.trim().toLowerCase();
  const centres = view.near !== null
    ? [...left, ...right].filter((node) => node.key === view.near.key)
    : found === "" ? [] : [...left, ...right].filter((node) => [...node.names, ...node.ids].join("\n").toLowerCase().includes(found));
  if (centres.length === 0) return null;
  const lit = new Set(centres);
  for (const { customer, cart } of links) {
    if (centres.includes(customer)) lit.add(cart);
    if (centres.includes(cart)) lit.add(customer);
  }
  return lit;
}

const described = (left, right, links) =>
  `A drawing of ${count(left.length, "owner")}, ${count(right.length, "cart")} and ` +
  `${count(links.length, "association")}; the list below says the same.`;

function listing({ customers, accounts = [], carts, associations }) {
  const known = new Map(carts.map((cart) => [cart.id, cart]));
  const owners = [
    ...customers.map((customer) => ({ ...customer, key: `customer ${customer.id}` })),
    ...accounts.map((account) => ({ ...account, key: `account ${account.id}`, isAccount: true })),
  ];
  const having = new Map(owners.map(({ key }) => [key, []]));
  for (const link of associations) having.get(ownerOf(link))?.push(link.cart);
  const owned = new Set(associations.map((link) => link.cart));
  const show = (ids) => (ids.length === 0 ? html`<span class="soft">none</span>` : html`<ul>${ids.map((id) => cartLine(known.get(id)))}</ul>`);
  return html`
    <details>
      <summary>The same as a list</summary>
      <div class="scroll" tabindex="0" role="region" aria-label="Customers and their carts"><table>
        <thead><tr><th scope="col">Customer or account</th><th scope="col">Carts</th></tr></thead>
        <tbody>
          ${owners.map((owner) => html`<tr>
            <th scope="row">${owner.name} <code>${owner.id}</code><br><span class="soft">${owner.isAccount ? "account" : owner.email}</span></th>
            <td>${show(having.get(owner.key))}</td></tr>`)}
          <tr><th scope="row">No owner</th><td>${show(carts.map((cart) => cart.id).filter((id) => !owned.has(id)))}</td></tr>
        </tbody>
      </table></div>
    </details>`;
}

const cartLine = ({ id, name, items = [] }) => html`
  <li>${name} <code>${id}</code>${items.length === 0
    ? nothing
    : html`<ul class="items">${items.map((item) => html`<li class="soft">${itemText(item)}</li>`)}</ul>`}</li>`;
