// Broken rules: a store violates the contract on purpose, to check that your tests fail.

import { html, nothing, withCode } from "./html.js";

const view = { rule: null };

export function breaksCard(model, changed) {
  const broken = model.summary?.breaks ?? [];
  const rules = [...new Set(model.breaks.map((one) => one.rule))];
  const rule = view.rule ?? rules[0];
  return html`
    <section class="card" aria-labelledby="breaks-title">
      <div class="card-head">
        <h2 id="breaks-title">Broken rules</h2>
        <span class="soft">${broken.length === 0 ? "none" : `${broken.length} broken`}</span>
        <span class="push"></span>
        ${broken.length === 0 ? nothing : html`<button class="quiet" @click=${() => put(model, [], "Every rule is kept again.")}>Heal all</button>`}
      </div>
      <p class="soft">Break a rule, run your tests, and check that they fail.</p>
      ${broken.length === 0
        ? nothing
        : html`<ul class="things">${broken.map((id) => html`<li>
            <div class="grow"><code>${id}</code><br><span class="soft">${withCode(model.breaks.find((one) => one.id === id)?.sentence)}</span></div>
            <button class="quiet" aria-label="Heal ${id}" @click=${() => put(model, broken.filter((other) => other !== id), `${id} is healed.`)}>Heal</button>
          </li>`)}</ul>`}
      <label class="fields"><span class="wide">Rule
        <select @change=${(event) => { view.rule = event.target.value; changed(); }}>
          ${rules.map((id) => html`<option ?selected=${id === rule}>${id}</option>`)}</select></span></label>
      <fieldset class="choices"><legend class="unseen">Ways to break ${rule}</legend>
        ${model.breaks.filter((one) => one.rule === rule).map((one) => way(model, broken, one))}
      </fieldset>
    </section>`;
}

function way(model, broken, { id, rule, sentence }) {
  const isBroken = broken.includes(id);
  const toggle = (event) => {
    event.target.checked = isBroken; // the answer decides
    return isBroken
      ? put(model, broken.filter((other) => other !== id), `${id} is healed.`)
      : put(model, [...broken, id], `${id} is broken.`);
  };
  return html`<label class="check"><input type="checkbox" .checked=${isBroken} @change=${toggle}>
    <span><b>${id.slice(rule.length + 1)}</b> <span class="soft">${withCode(sentence)}</span></span></label>`;
}

const put = (model, breaks, done) =>
  model.act(done, () => model.call("PUT", model.path("/breaks"), { body: { breaks } }));
