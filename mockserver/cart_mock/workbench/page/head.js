// The top of the page: which store, which view, and what is out of the ordinary.

import { standing } from "./clock.js";
import { count } from "./format.js";
import { html, nothing } from "./html.js";
import { VIEWS } from "./model.js";

const TITLES = { live: "Live", situation: "Situation", coverage: "Coverage" };
const MEANINGS = {
  live: "Requests as they come, and who has what",
  situation: "Prepare the store: its content, clock, faults, broken rules and other paths",
  coverage: "Which rules and answers the requests have met",
};

export const storeChooser = (model, { onNew, onDelete }) => html`
  <label><span class="unseen">Store</span>
    <select id="store-chooser" ?disabled=${!model.stores?.length} @change=${(event) => model.choose(event.target.value)}>
      ${model.stores?.length ? nothing : html`<option>no store yet</option>`}
      ${model.stores?.map(({ client_id: name }) => html`<option value=${name} ?selected=${name === model.store} .selected=${name === model.store}>${name}</option>`)}
    </select></label>
  <button @click=${onNew}>New…</button>
  <button class="quiet" ?disabled=${model.store === null} @click=${onDelete}>Delete…</button>`;

export const views = (model) => html`${VIEWS.map((view) => html`
  <a href="#${view}" title=${MEANINGS[view]} aria-current=${view === model.view ? "page" : nothing}>${TITLES[view]}</a>`)}`;

/** What is unusual in the chosen store and explains surprising answers. */
export function strip({ summary, offline, locked, watched }) {
  const notes = [];
  if (watched?.problem) notes.push(html`<span class="note bad">A changed file is not used, everything stays as it was: ${watched.problem}</span>`);
  if (offline) notes.push(html`<span class="note bad">The mock cannot be reached. Trying again…</span>`);
  if (locked) notes.push(html`<span class="note bad">Locked: the workbench needs its key.</span>`);
  if (summary !== null) {
    const { clock, faults, breaks, stubs } = summary;
    if (clock.frozen || Math.abs(clock.offset) >= 1) notes.push(html`<a class="note" href="#situation">Clock: ${standing(clock)}</a>`);
    if (faults > 0) notes.push(html`<a class="note" href="#situation">${count(faults, "fault")} in force</a>`);
    if (stubs > 0) notes.push(html`<a class="note" href="#situation">${count(stubs, "path")} stubbed</a>`);
    if (breaks.length > 0) notes.push(html`<a class="note bad" href="#situation">${count(breaks.length, "rule")} broken on purpose</a>`);
  }
  return notes.length === 0 ? nothing : html`<div class="strip">${notes}</div>`;
}

export const noticeBar = (model) =>
  model.notice === null
    ? nothing
    : html`<div class="notice ${model.notice.isBad ? "bad" : "good"}">
        <span class="grow">${model.notice.text}</span>
        ${model.notice.undo ? html`<button class="quiet" @click=${model.notice.undo}>Undo</button>` : nothing}
        <button class="quiet" aria-label="Dismiss this message" @click=${() => model.update({ notice: null })}>✕</button>
      </div>`;
