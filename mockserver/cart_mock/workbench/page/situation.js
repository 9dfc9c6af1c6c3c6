// Putting a store into a situation: its state, its clock, what goes wrong and which rules it breaks.

import { breaksCard } from "./breaks.js";
import { clockCard } from "./clock.js";
import { faultsCard } from "./faults.js";
import { html } from "./html.js";
import { pathsCard } from "./paths.js";
import { snapshotsCard } from "./snapshots.js";
import { stateCard } from "./state.js";

export function situationView(model, changed) {
  if (model.store === null) {
    return html`<section class="card"><h2>Situation</h2><p class="empty">Choose or make a store first.</p></section>`;
  }
  return html`
    <p class="soft lead">Put the store into the situation that your test or your demonstration needs.</p>
    <div class="columns">
      <div>${stateCard(model, changed)}${snapshotsCard(model, changed)}${clockCard(model)}</div>
      <div>${faultsCard(model, changed)}${breaksCard(model, changed)}${pathsCard(model)}</div>
    </div>`;
}
