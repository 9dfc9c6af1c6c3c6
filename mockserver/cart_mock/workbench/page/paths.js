// Paths that the mock does not have: stubs answer them, or another server does.

import { html, nothing } from "./html.js";

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"];

export function pathsCard(model) {
  const { stubs, forward } = model;
  return html`
    <section class="card" aria-labelledby="paths-title">
      <div class="card-head">
        <h2 id="paths-title">Other paths</h2>
        <span class="soft">${stubs.length === 0 ? "no stubs" : `${stubs.length} stubbed`}</span>
        <span class="push"></span>
        ${stubs.length === 0 ? nothing : html`<button class="quiet" @click=${() => put(model, [], "The store has no stubs.")}>Remove all</button>`}
      </div>
      <p class="soft">Requests for paths that the mock does not have, such as the catalogue's, get a 404. A stub
        or another server can answer them; stubs go first.</p>
      ${stubs.length === 0 ? nothing : html`<ul class="things">${stubs.map((stub, at) => stubRow(model, stub, at))}</ul>`}
      <h3>Answer with a stub</h3>
      ${stubForm(model)}
      <h3>Forward to another server</h3>
      ${forward === null ? nothing : forwardForm(model, forward)}
    </section>`;
}

// ---- Stubs ---------------------------------------------------------------------------------------

const stubRow = (model, { method, path, status }, at) => html`
  <li>
    <div class="grow"><b>${method}</b> <code>${path}</code> <span class="soft">answers ${status}</span></div>
    <button class="quiet" aria-label="Remove the stub ${method} ${path}"
      @click=${() => put(model, model.stubs.filter((_, other) => other !== at), `The stub ${method} ${path} is removed.`)}>Remove</button>
  </li>`;

const stubForm = (model) => html`
  <form class="fields" @submit=${(event) => addStub(model, event)}>
    <label>Method <select name="method">${METHODS.map((method) => html`<option>${method}</option>`)}</select></label>
    <label>Status <input name="status" type="number" min="200" max="599" step="1" value="200" required></label>
    <label class="wide">Path <input name="path" required autocomplete="off" spellcheck="false" placeholder="/catalog/products/{id}"></label>
    <label class="wide" title="JSON is sent as JSON, anything else as text. Placeholders: {{path.id}}, {{query.sku}}, {{body.data.name}}, {{now}}, {{uuid}}">Body
      <textarea name="body" rows="3" spellcheck="false" placeholder='{"data": {"id": "{{path.id}}", "type": "product"}}'></textarea></label>
    <div class="wide"><button class="primary">Add the stub</button></div>
  </form>`;

async function addStub(model, event) {
  event.preventDefault();
  const { method, status, path, body } = event.target.elements;
  const stub = { method: method.value, path: path.value, status: status.valueAsNumber, ...bodyOf(body.value) };
  await put(model, [...model.stubs, stub], `${stub.method} ${stub.path} is answered by a stub.`, event.target);
}

function bodyOf(text) {
  if (text.trim() === "") return {};
  try {
    return { body: JSON.parse(text) };
  } catch {
    return { text };
  }
}

const put = (model, stubs, done, form) => change(model, "/stubs", { stubs }, done, form);

// The form is emptied before the page is brought up to date: by then the user may be typing again.
const change = (model, path, body, done, form) =>
  model.act(done, async () => {
    await model.call("PUT", model.path(path), { body });
    form?.reset();
  });

// ---- Forwarding ----------------------------------------------------------------------------------

const forwardForm = (model, { url, from, authorization }) => html`
  <p>${url === null ? "Requests are not forwarded." : html`Requests go to <code>${url}</code>${authorization ? ", with a credential" : ""}.`}
    <span class="soft">${from === "store" ? "This is set for this store." : "This is what the mock was started with."}</span></p>
  <form class="fields" @submit=${(event) => startForwarding(model, event)}>
    <label class="wide">URL <input name="url" type="url" required autocomplete="off" placeholder="http://127.0.0.1:3000"></label>
    <label class="wide" title="The other server gets this header, and never a token of the mock">Authorization for that server
      <input name="authorization" autocomplete="off" spellcheck="false" placeholder="none, or such as Bearer TOKEN"></label>
    <div class="wide bar"><button class="primary">Forward</button>
      ${url === null ? nothing : html`<button type="button" @click=${() => change(model, "/forward", { url: null }, "Requests are not forwarded.")}>Stop forwarding</button>`}
      ${from === "store" ? html`<button type="button" class="quiet" @click=${() => asStarted(model)}>As the mock was started</button>` : nothing}</div>
  </form>`;

async function startForwarding(model, event) {
  event.preventDefault();
  const sent = [...new FormData(event.target)].filter(([, value]) => value !== "");
  await change(model, "/forward", Object.fromEntries(sent), "Requests for other paths are forwarded.", event.target);
}

const asStarted = (model) =>
  model.act("The store forwards as the mock was started to.", () => model.call("DELETE", model.path("/forward")));
