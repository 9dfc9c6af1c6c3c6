// Puts the page together: one model, three views, rendered again after every change.

import { Workbench } from "./api.js";
import { coverageView } from "./coverage.js";
import { askForKey, askForStore, askToDelete } from "./dialogs.js";
import { count } from "./format.js";
import { noticeBar, storeChooser, strip, views } from "./head.js";
import { html, nothing, render } from "./html.js";
import { Model, VIEWS } from "./model.js";
import { peopleView } from "./people.js";
import { pictureView, watchWidth } from "./picture.js";
import { closeExplanation, requestsView } from "./requests.js";
import { situationView } from "./situation.js";

const place = (id) => document.getElementById(id);
const content = place("content");

let isDue = false;
const changed = () => {
  if (isDue) return;
  isDue = true;
  queueMicrotask(() => {
    isDue = false;
    renderAll();
  });
};

const model = new Model(new Workbench(askForKey), changed, announce);

function renderAll() {
  render(storeChooser(model, { onNew: newStore, onDelete: deleteStore }), place("store"));
  render(views(model), place("views"));
  render(strip(model), place("strip"));
  render(noticeBar(model), place("notice"));
  render(model.locked ? locked() : page(), content);
  const address = new URL(location);
  if (model.store === null) address.searchParams.delete("store");
  else address.searchParams.set("store", model.store);
  if (model.stores !== null && address.href !== location.href) history.replaceState(null, "", address);
}

function page() {
  if (model.stores !== null && model.store === null && model.view === "live") return welcome();
  if (model.view === "situation") return situationView(model, changed);
  if (model.view === "coverage") return coverageView(model, changed);
  return html`<div class="live"><div>${requestsView(model, changed)}</div><div id="picture-place">${pictureView(model, changed)}${peopleView(model, changed)}</div></div>`;
}

const locked = () => html`
  <section class="card"><h2>Locked</h2>
    <p>Without its key the workbench shows nothing.</p>
    <button class="primary" @click=${start}>Enter the key</button></section>`;

const welcome = () => html`
  <section class="card"><h2>No store yet</h2>
    <p>A store is made when its <code>client_id</code> is first used, by your application or by hand:</p>
    <pre tabindex="0">curl -X POST ${new URL("../oauth/access_token", document.baseURI).href} -d grant_type=implicit -d client_id=my-store</pre>
    <p><button class="primary" @click=${newStore}>Make a store</button></p></section>
  ${model.entries.length === 0 ? nothing : requestsView(model, changed)}`;

// ---- Stores --------------------------------------------------------------------------------------

async function newStore() {
  const name = await askForStore();
  if (name === null) return;
  const isMade = await model.act(`The store ${name} is made.`, () =>
    model.call("POST", "/stores", { body: { client_id: name } }),
  );
  if (isMade) await showStores(name);
}

async function deleteStore() {
  const name = await askToDelete(model.store);
  if (name === null) return;
  model.choose(null);
  await model.act(`The store ${name} is deleted.`, () => model.call("DELETE", model.path("", name)));
  await showStores(null);
}

async function showStores(store) {
  try {
    const stores = (await model.call("GET", "/stores")).data;
    model.update({ stores });
    model.choose(store ?? stores[0]?.client_id ?? null);
  } catch (error) {
    model.fail(error);
  }
}

// ---- What is said aloud ----------------------------------------------------------------------------

function announce(entries) {
  const refused = entries.filter((entry) => entry.rule !== null);
  if (refused.length === 0) return;
  const last = refused.at(-1);
  const line = document.createElement("p");
  line.textContent =
    refused.length === 1
      ? `Refused with ${last.status}: ${last.method} ${last.path}, by ${last.rule}`
      : `${count(refused.length, "request")} refused, the last by ${last.rule}`;
  place("announcer").replaceChildren(line);
}

// ---- Views -----------------------------------------------------------------------------------------

function route() {
  const view = location.hash.slice(1);
  if (VIEWS.includes(view)) model.show(view);
}

let watched = null;
function watchDrawing() {
  const element = place("drawing");
  if (element !== null && element !== watched) {
    watched = element;
    watchWidth(element, changed);
  }
}

const start = () => model.start(new URL(location).searchParams.get("store"));

addEventListener("hashchange", () => {
  route();
  if (VIEWS.includes(location.hash.slice(1))) scrollTo(0, 0);
});
// Escape closes what is open: a message, or the explanation that has the focus.
addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.defaultPrevented || document.querySelector("dialog[open]")) return;
  if (model.notice !== null) model.update({ notice: null });
  else closeExplanation(document.activeElement, changed);
});
new MutationObserver(watchDrawing).observe(content, { childList: true, subtree: true });
// The clock ticks.
setInterval(() => model.view === "situation" && model.summary !== null && changed(), 1000);
route();
changed();
await start();
