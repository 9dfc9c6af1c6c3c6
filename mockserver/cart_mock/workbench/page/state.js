// Reset, ready scenarios, export and import.

import { count, totals } from "./format.js";
import { html, nothing, withCode } from "./html.js";

const BIG = "big-shop";
const KEEPABLE = ["clock", "faults", "breaks", "stubs", "forward", "requests", "coverage"];

export function stateCard(model) {
  return html`
    <section class="card" aria-labelledby="state-title">
      <h2 id="state-title">Carts and customers</h2>
      <p class="soft">${model.summary === null
        ? nothing
        : html`Now: ${totals(model.summary)}. ${products(model.summary)}`}</p>
      <h3>Ready scenarios</h3>
      <p class="soft">Seed replaces the content of this store by that of a scenario. You can undo it.</p>
      <ul class="choices">
        ${model.scenarios.map((scenario) => html`<li>
          <form @submit=${(event) => seed(model, scenario.name, event)}>
            <div class="grow"><b>${scenario.name}</b><br><span class="soft">${withCode(scenario.description)}</span></div>
            ${scenario.name === BIG
              ? html`<label><span class="unseen">How many carts</span>
                  <input class="number" name="carts" type="number" min="1" max="1000000" value="100000" required></label>`
              : nothing}
            <button aria-label="Seed ${scenario.name}">Seed</button>
          </form></li>`)}
      </ul>
      <h3>Reset</h3>
      <form @submit=${(event) => reset(model, event)}>
        <p class="soft">Everything is as in a new store. Snapshots stay; so does what you keep:</p>
        <fieldset class="bar"><legend class="unseen">Keep</legend>
          ${KEEPABLE.map((what) => html`<label class="check"><input type="checkbox" name="keep" value=${what}> ${what}</label>`)}
        </fieldset>
        <button class="danger">Reset the store</button>
      </form>
      <h3>Files</h3>
      <div class="bar">
        <button @click=${() => save(model)}>Export</button>
        <label class="button">Import… <input class="unseen" type="file" accept="application/json,.json"
          @change=${(event) => load(model, event.target)}></label>
      </div>
    </section>`;
}

const products = (summary) => summary.products === 0
  ? "The store has no products, so a cart takes any id or sku, at $10.00."
  : `The store has ${count(summary.products, "product")}; a cart takes no others.`;

function seed(model, scenario, event) {
  event.preventDefault();
  const body = { scenario };
  const carts = event.target.elements.carts;
  if (carts !== undefined) body.carts = carts.valueAsNumber;
  return model.replace(`The store is ${scenario} now.`, () => model.call("POST", model.path("/seed"), { body }));
}

function reset(model, event) {
  event.preventDefault();
  const keep = new FormData(event.target).getAll("keep");
  return model.replace("The store is as new.", () => model.call("POST", model.path("/reset"), { body: { keep } }));
}

const save = (model) =>
  model.act("Exported.", async () => download(`${model.store}.json`, await model.call("GET", model.path("/state"), { blob: true })));

export function download(name, blob) {
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  Object.assign(link, { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url));
}

async function load(model, input) {
  const [file] = input.files;
  input.value = "";
  if (file === undefined) return;
  let body;
  try {
    body = JSON.parse(await file.text());
  } catch (error) {
    model.complain(`${file.name} is not JSON: ${error.message}. Nothing was changed.`);
    return;
  }
  await model.replace(`${file.name} is imported.`, () => model.call("PUT", model.path("/state"), { body }));
}
