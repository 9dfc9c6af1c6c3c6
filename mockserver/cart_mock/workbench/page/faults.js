// What goes wrong on the way: latency, errors, dropped connections and the like.

import { count } from "./format.js";
import { html, nothing } from "./html.js";

const KINDS = {
  latency: "waits before it answers",
  error: "answers with a documented error",
  drop: "closes the connection without an answer",
  stall: "never answers",
  truncate: "closes the connection in the middle of the answer",
  malform: "answers with broken JSON",
  "lose-reply": "does what was asked, then closes the connection without an answer",
};
// The errors that any HTTP service may answer, and no rule is about.
const PROTOCOL_ERRORS = ["too-many-requests", "internal-error", "service-unavailable"];
const NUMBERS = new Set(["times", "share", "seed", "seconds", "median", "sigma", "retry_after"]);

const view = { kind: "latency", isSpread: false, rule: "too-many-requests" };

export function faultsCard(model, changed) {
  const { faults } = model;
  return html`
    <section class="card" aria-labelledby="faults-title">
      <div class="card-head">
        <h2 id="faults-title">Faults</h2>
        <span class="soft">${faults.length === 0 ? "none in force" : `${faults.length} in force`}</span>
        <span class="push"></span>
        ${faults.length === 0 ? nothing : html`<button class="quiet" @click=${() => clear(model)}>Take all back</button>`}
      </div>
      ${faults.length === 0 ? nothing : html`<ul class="things">${faults.map((fault) => row(model, fault))}</ul>`}
      <h3>Let something go wrong</h3>
      ${form(model, changed)}
    </section>`;
}

const row = (model, fault) => html`
  <li>
    <div class="grow"><b>${fault.kind}</b> ${fault.rule ? html`<code>${fault.rule}</code>` : nothing}
      ${fault.seconds !== undefined ? `${fault.seconds} s` : nothing}
      ${fault.median !== undefined ? `median ${fault.median} s, sigma ${fault.sigma ?? 0}` : nothing}
      <br><span class="soft">${scope(fault)} · applied ${count(fault.applied, "time")}${typeof fault.times === "number" ? ` of ${fault.times}` : ""}</span></div>
    <button class="quiet" aria-label="Take back ${fault.id}" @click=${() => remove(model, fault.id)}>Take back</button>
  </li>`;

const scope = (fault) =>
  [
    fault.operation ?? "every operation",
    fault.cart === undefined ? "" : `cart ${fault.cart}`,
    fault.customer === undefined ? "" : `customer ${fault.customer}`,
    fault.share === undefined ? "" : `${Math.round(fault.share * 100)} % of them`,
  ].filter(Boolean).join(", ");

const clear = (model) => model.act("No fault is in force.", () => model.call("DELETE", model.path("/faults")));

const remove = (model, id) =>
  model.act(`${id} is taken back.`, () => model.call("DELETE", model.path(`/faults/${encodeURIComponent(id)}`)));

// ---- The form ------------------------------------------------------------------------------------

function form(model, changed) {
  const set = (changes) => {
    Object.assign(view, changes);
    changed();
  };
  return html`
    <form class="fields" @submit=${(event) => add(model, event)}>
      <label class="wide">What happens
        <select name="kind" .value=${view.kind} @change=${(event) => set({ kind: event.target.value })}>
          ${Object.entries(KINDS).map(([kind, meaning]) => html`<option value=${kind} ?selected=${kind === view.kind}>${kind}: ${meaning}</option>`)}
        </select></label>
      ${view.kind === "latency" ? latencyFields(set) : nothing}
      ${view.kind === "error" ? errorFields(model, set) : nothing}
      <label>Operation
        <select name="operation"><option value="">every one</option>
          ${model.operations.map((operation) => html`<option>${operation}</option>`)}</select></label>
      <label>For how many requests <input name="times" type="number" min="1" step="1" placeholder="all, until removed"></label>
      <label>Cart <input name="cart" placeholder="any" autocomplete="off"></label>
      <label>Customer <input name="customer" placeholder="any" autocomplete="off"></label>
      <label>Share of them <input name="share" type="number" min="0.001" max="1" step="any" placeholder="1, or such as 0.2"></label>
      <label title="With the same number the same requests are hit">Repeat with number <input name="seed" type="number" min="0" step="1" placeholder="random"></label>
      <div class="wide"><button class="primary">Add the fault</button></div>
    </form>`;
}

const latencyFields = (set) => html`
  <label class="check wide"><input type="checkbox" .checked=${view.isSpread}
    @change=${(event) => set({ isSpread: event.target.checked })}> Spread (lognormal) rather than fixed</label>
  ${view.isSpread
    ? html`<label>Median, in seconds <input name="median" type="number" min="0.001" max="3600" step="any" value="0.3" required></label>
        <label>Sigma <input name="sigma" type="number" min="0" max="5" step="any" value="0.5" required></label>`
    : html`<label class="wide">Seconds <input name="seconds" type="number" min="0" max="3600" step="any" value="2" required></label>`}`;

const errorFields = (model, set) => html`
  <label class="wide">Which error
    <select name="rule" .value=${view.rule} @change=${(event) => set({ rule: event.target.value })}>
      <optgroup label="Of any service">${PROTOCOL_ERRORS.map((id) => html`<option ?selected=${id === view.rule}>${id}</option>`)}</optgroup>
      <optgroup label="Of a rule">${model.rules.filter((rule) => rule.refusal).map((rule) => html`<option value=${rule.id}>${rule.id} (${rule.status})</option>`)}</optgroup>
    </select></label>
  ${view.rule === PROTOCOL_ERRORS[0] || view.rule === PROTOCOL_ERRORS[2]
    ? html`<label class="wide">Retry-After, in seconds <input name="retry_after" type="number" min="0" max="86400" step="1" placeholder="as the mock sees fit"></label>`
    : nothing}`;

function add(model, event) {
  event.preventDefault();
  const sent = [...new FormData(event.target)].filter(([, value]) => value !== "");
  const body = Object.fromEntries(sent.map(([name, value]) => [name, NUMBERS.has(name) ? Number(value) : value]));
  return model.act((added) => `${added.data.id} is in force: ${added.data.kind}.`, () => model.call("POST", model.path("/faults"), { body }));
}
