// The requests as they come, and why each was answered so.

import { copyText } from "./clipboard.js";
import { asJson, asText, count, dayAndTime, timeOfDay } from "./format.js";
import { html, nothing, repeat, withCode } from "./html.js";

const FIRST = 30;

const view = { open: new Set(), refusalsOnly: false, storeOnly: false, preflights: false, find: "", shown: FIRST, copied: null };

export function requestsView(model, changed) {
  const set = (changes) => {
    Object.assign(view, changes);
    changed();
  };
  const passing = model.listed.filter(passes);
  const found = passing.filter((entry) => view.preflights || !isPreflight(entry)).reverse();
  const hidden = passing.length - found.length;
  const waiting = model.paused === null ? 0 : newerThan(model.entries, model.paused);
  return html`
    <section class="card" aria-labelledby="requests-title">
      <div class="card-head">
        <h2 id="requests-title">Requests</h2>
        ${model.entries.length === 0 ? nothing : html`<span class="soft">${found.length} <span class="unseen">requests</span></span>`}
        <span class="push"></span>
        <button class="quiet" aria-pressed=${model.paused !== null} @click=${() => model.pause(model.paused === null)}>
          ${model.paused === null ? "Pause" : `Paused${waiting > 0 ? `, ${waiting} more` : ""}`}
        </button>
        <button class="quiet" ?disabled=${model.store === null} @click=${() => clear(model)}>Clear</button>
      </div>
      <div class="bar">
        <label class="grow"><span class="unseen">Find in requests</span>
          <input type="search" placeholder="Path, rule, status or request id" .value=${view.find}
            @input=${(event) => set({ find: event.target.value, shown: FIRST })}></label>
        <label class="check"><input type="checkbox" .checked=${view.refusalsOnly}
          @change=${(event) => set({ refusalsOnly: event.target.checked, shown: FIRST })}> Refusals only</label>
        <label class="check" title="Leaves out requests without a valid access token, which belong to no store">
          <input type="checkbox" .checked=${view.storeOnly}
            @change=${(event) => set({ storeOnly: event.target.checked, shown: FIRST })}> This store only</label>
      </div>
      ${found.length === 0
        ? html`<p class="empty">${emptyText(model)}</p>`
        : html`<ol class="requests" reversed>
            ${repeat(found.slice(0, view.shown), (entry) => entry.id, (entry) => row(model, entry, set))}
          </ol>`}
      ${found.length > view.shown
        ? html`<button class="more" @click=${() => set({ shown: view.shown + FIRST })}>
            Show ${Math.min(FIRST, found.length - view.shown)} older</button>`
        : model.isLoading
          ? html`<p class="soft">Loading older requests…</p>`
          : nothing}
      ${hidden === 0
        ? nothing
        : html`<p class="soft">${count(hidden, "preflight")} of browsers ${hidden === 1 ? "is" : "are"} left out.
            <button class="quiet" @click=${() => set({ preflights: true })}>List preflights</button></p>`}
    </section>`;
}

// A browser asks before most requests of a page of another origin. Refused ones are worth a line.
const isPreflight = ({ method, status, fault }) => method === "OPTIONS" && status !== null && status < 400 && fault === null;

function passes(entry) {
  if (view.refusalsOnly && entry.rule === null) return false;
  if (view.storeOnly && entry.store === null) return false;
  const sought = view.find.trim().toLowerCase();
  if (sought === "") return true;
  const { method, path, query, operation, rule, status, id } = entry;
  return [method, path, query, operation, rule, status, id].join(" ").toLowerCase().includes(sought);
}

const newerThan = (entries, paused) => {
  const known = new Set(paused.map((entry) => entry.id));
  return entries.filter((entry) => !known.has(entry.id)).length;
};

function emptyText(model) {
  if (model.entries.length > 0) return "No matching requests.";
  if (model.store === null) return "No requests yet.";
  return "No requests yet. They appear here as they come.";
}

const clear = (model) =>
  model.act("The request log is empty.", async () => {
    await model.call("DELETE", model.path("/requests"));
    model.update({ entries: model.entries.filter((entry) => entry.store === null), paused: null });
  });

function row(model, entry, set) {
  const isOpen = view.open.has(entry.id);
  const toggle = () => {
    if (isOpen) view.open.delete(entry.id);
    else {
      view.open.add(entry.id);
      model.explain(entry.id);
    }
    set({});
  };
  return html`
    <li class=${kindOf(entry)}>
      <button class="row" aria-expanded=${isOpen} aria-controls=${isOpen ? `why-${entry.id}` : nothing} @click=${toggle}>
        <span class="status">${entry.status ?? "none"}</span>
        <span class="what"><b>${entry.method}</b> <span class="path">${entry.path}${entry.query ? `?${entry.query}` : ""}</span></span>
        <time datetime=${entry.at}>${timeOfDay(entry.at)}</time>
        ${entry.rule === null && entry.fault === null && entry.store !== null && !entry.forwarded_to && !entry.stub
          ? nothing
          : html`<span class="tags">
              ${entry.rule === null ? nothing : html`<span class="rule-id">${entry.rule}</span>`}
              ${entry.fault === null ? nothing : html`<span class="tag">fault: ${entry.fault.kind}</span>`}
              ${entry.forwarded_to ? html`<span class="tag">forwarded to ${entry.forwarded_to}</span>` : nothing}
              ${entry.stub ? html`<span class="tag">stub</span>` : nothing}
              ${entry.store === null ? html`<span class="tag">no store</span>` : nothing}
            </span>`}
        ${detailOf(entry) === null ? nothing : html`<span class="detail">${detailOf(entry)}</span>`}
      </button>
      ${isOpen ? why(model, entry, set) : nothing}
    </li>`;
}

/** Close the explanation that an element is in, or else the one that was opened last. */
export function closeExplanation(element, changed) {
  const open = element?.closest(".requests > li")?.querySelector(".row[aria-expanded='true']");
  const id = open?.getAttribute("aria-controls")?.slice("why-".length) ?? [...view.open].at(-1);
  if (id === undefined || !view.open.delete(id)) return;
  changed();
  open?.focus();
}

function kindOf(entry) {
  if (entry.status === null || entry.status >= 500) return "broken";
  return entry.rule !== null || entry.status >= 400 ? "refused" : "answered";
}

const detailOf = (entry) => entry.answer.body?.errors?.[0]?.detail ?? null;

// ---- The explanation ---------------------------------------------------------------------------

function why(model, entry, set) {
  const explanation = model.explanations.get(entry.id);
  return html`
    <div class="why" id="why-${entry.id}">
      ${explanation === undefined ? html`<p class="soft">Asking…</p>` : explained(entry, explanation, set)}
      ${exchange(entry)}
    </div>`;
}

const explained = (entry, explanation, set) => html`
  <p class="summary">${withCode(explanation.summary)}</p>
  ${explanation.rule?.sentence === undefined ? nothing : source(explanation.rule)}
  ${explanation.cause ? cause(explanation.cause) : nothing}
  ${explanation.passes?.length > 0 ? passing(entry, explanation, set) : nothing}
  ${explanation.state === undefined ? nothing : judged(explanation.state)}
  ${explanation.fault === undefined
    ? nothing
    : html`<h3>The fault</h3><pre tabindex="0">${asJson(explanation.fault)}</pre>`}`;

const source = (rule) => html`
  <h3>The rule</h3>
  <p><a href="../book#${rule.id}"><code>${rule.id}</code></a> <span class="level ${rule.level}">${rule.level}</span> ${withCode(rule.condition)}</p>
  <blockquote>${withCode(rule.sentence)}<footer>${withCode(rule.source)}</footer></blockquote>`;

const cause = (found) => html`
  <h3>What broke it</h3>
  <p>${where(found)}: ${withCode(found.what)}. ${withCode(found.instead)}</p>
  ${found.present && found.value !== undefined
    ? html`<pre tabindex="0">${found.in === "body" ? asJson(found.value) : asText(found.value)}</pre>`
    : html`<p class="soft">It was not sent.</p>`}`;

function where(found) {
  if (found.in === "body") {
    return found.pointer === "" ? "The body as a whole" : html`In the body at <code>${found.pointer}</code>`;
  }
  const places = { header: "The header", path: "In the path", query: "The query parameter", form: "The form field" };
  return html`${places[found.in] ?? found.in} <code>${found.name}</code>`;
}

function passing(entry, explanation, set) {
  const text = explanation.passes.join("\n");
  const placeholders = Object.entries(explanation.placeholders ?? {});
  return html`
    <h3>What would have passed</h3>
    <div class="copyable">
      <pre tabindex="0">${text}</pre>
      <button class="quiet" @click=${async (event) => {
        await copyText(text, event.target);
        set({ copied: entry.id });
      }}>
        ${view.copied === entry.id ? "Copied" : "Copy"}</button>
    </div>
    ${placeholders.length === 0
      ? nothing
      : html`<dl class="facts">${placeholders.map(([name, meaning]) => html`<dt><code>$${name}</code></dt><dd>${meaning}</dd>`)}</dl>`}`;
}

const judged = (state) => html`
  <h3>Judged against</h3>
  <dl class="facts">${Object.entries(state).map(
    ([name, value]) => html`<dt>${name.replaceAll("_", " ")}</dt><dd>${stateValue(value)}</dd>`,
  )}</dl>`;

function stateValue(value) {
  if (value === null) return html`<span class="soft">none</span>`;
  if (Array.isArray(value) || typeof value !== "object") return html`<code>${asJson(value)}</code>`;
  return Object.entries(value).map(
    ([name, inner]) => html`<span class="pair">${name.replaceAll("_", " ")} <code>${inner === null ? "none" : asText(inner)}</code></span> `,
  );
}

const exchange = (entry) => html`
  <details>
    <summary>The request and its answer</summary>
    <p class="soft">${dayAndTime(entry.at)} · ${entry.operation ?? "no operation of the contract"} · <code>${entry.id}</code></p>
    <h4>Request</h4>
    <pre tabindex="0">${message(entry.headers, entry.body)}</pre>
    <h4>Answer</h4>
    <pre tabindex="0">${entry.status === null ? "None was sent." : message(entry.answer.headers, entry.answer.body)}</pre>
  </details>`;

const message = (headers, body) =>
  Object.entries(headers).map(([name, value]) => `${name}: ${value}`).join("\n") +
  (body === null || body === undefined ? "" : `\n\n${asText(body)}`);
