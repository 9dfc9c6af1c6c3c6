// Which rules and answers of the contract a store's requests have exercised.

import { count } from "./format.js";
import { html, nothing, withCode } from "./html.js";
import { download } from "./state.js";

const view = { missingOnly: false };

export function coverageView(model, changed) {
  const { coverage } = model;
  return html`
    <section class="card" aria-labelledby="coverage-title">
      <div class="card-head">
        <h2 id="coverage-title">Coverage</h2><span class="push"></span>
        <button ?disabled=${coverage === null} @click=${() => save(model)}>JUnit</button>
        <button class="quiet" title="Forgets what was met so far; the rules and the store stay" ?disabled=${coverage === null} @click=${() => clear(model)}>Count from zero</button>
      </div>
      <p class="soft">Which documented refusals and answers the requests to this store have met since counting started.</p>
      ${coverage === null ? html`<p class="empty">${model.store === null ? "Choose or make a store first." : "Asking…"}</p>` : shown(model, coverage, changed)}
    </section>`;
}

const shown = (model, coverage, changed) => html`
  <div class="shares">${share("Rules", coverage.summary.rules)}${share("Answers", coverage.summary.answers)}</div>
  <div class="card-head"><h3>Rules</h3><span class="push"></span>
    <label class="check"><input type="checkbox" .checked=${view.missingOnly}
      @change=${(event) => { view.missingOnly = event.target.checked; changed(); }}> Only what is missing</label></div>
  ${rulesTable(model, coverage.rules.filter((line) => !(view.missingOnly && line.covered)))}
  <h3>Answers</h3>
  ${answersTable(coverage.answers.filter((line) => !(view.missingOnly && line.covered)))}
  ${coverage.not_measured.length === 0
    ? nothing
    : html`<details><summary>What no single answer shows</summary>
        <p class="soft">These rules are about effects, not refusals; they are not counted here.</p>
        <p>${coverage.not_measured.map((id) => html`<code>${id}</code> `)}</p></details>`}`;

const share = (name, { covered, total }) => html`
  <div><label>${name} <b>${covered}</b> of ${total}<progress max=${total} value=${covered}></progress></label></div>`;

function rulesTable(model, lines) {
  if (lines.length === 0) return html`<p class="empty">Every rule is covered.</p>`;
  const conditions = new Map(model.rules.map((rule) => [rule.id, rule.condition]));
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Coverage of the rules"><table class="stacked">
    <thead><tr><th scope="col">Rule</th><th scope="col">Level</th><th scope="col">Met</th></tr></thead>
    <tbody>${lines.map((line) => html`<tr class=${line.covered ? "covered" : "missing"}>
      <th scope="row"><code>${line.rule}</code><br><span class="soft">${withCode(conditions.get(line.rule))}</span></th>
      <td><span class="level ${line.level}">${line.level}</span></td>
      <td class="met">${met(line)}</td></tr>`)}</tbody></table></div>`;
}

function met({ covered, answered, injected, storeless }) {
  if (!covered) return html`<span class="soft">not yet</span>`;
  const ways = [[answered, ""], [injected, " by a fault"], [storeless ?? 0, " without a store"]];
  const times = ways.filter(([number]) => number > 0).map(([number, how]) => `${count(number, "time")}${how}`);
  return html`<b>✓</b> ${times.join(", ")}`;
}

function answersTable(lines) {
  if (lines.length === 0) return html`<p class="empty">Every answer is covered.</p>`;
  const operations = new Map();
  for (const line of lines) operations.set(line.operation, [...(operations.get(line.operation) ?? []), line]);
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Coverage of the answers"><table class="stacked">
    <thead><tr><th scope="col">Operation</th><th scope="col">Answers</th></tr></thead>
    <tbody>${[...operations].map(([operation, answers]) => html`<tr><th scope="row"><code>${operation}</code></th>
      <td>${answers.map((line) => html`<span class="answer ${line.covered ? "covered" : "missing"}">${line.status}
        ${line.covered ? html`<span aria-hidden="true">✓</span><span class="unseen">met</span>` : html`<span class="unseen">not yet</span>`}</span> `)}</td></tr>`)}</tbody>
  </table></div>`;
}

const clear = (model) => model.act("Counting starts from zero.", () => model.call("DELETE", model.path("/coverage")));

const save = (model) =>
  model.act("Exported.", async () =>
    download("coverage.xml", await model.call("GET", model.path("/coverage"), { query: { output: "junit" }, blob: true })),
  );
