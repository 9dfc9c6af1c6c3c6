// The store's time.

import { dayAndTime } from "./format.js";
import { html, nothing } from "./html.js";

const HOUR = 3600;
const STEPS = [["1 hour", HOUR], ["1 day", 24 * HOUR], ["7 days", 7 * 24 * HOUR]];

export function clockCard(model) {
  const clock = model.summary?.clock;
  if (clock === undefined) return nothing;
  const change = (done, body) => model.act(done, () => model.call("POST", model.path("/clock"), { body }));
  return html`
    <section class="card" aria-labelledby="clock-title">
      <div class="card-head"><h2 id="clock-title">Clock</h2><span class="soft">${standing(clock)}</span></div>
      <p class="big-time"><time>${dayAndTime(clockNow(model))}</time></p>
      <div class="bar">
        ${clock.frozen
          ? html`<button @click=${() => change("The clock runs on.", { action: "resume" })}>Resume</button>`
          : html`<button @click=${() => change("The clock stands still.", { action: "freeze" })}>Freeze</button>`}
        ${STEPS.map(([name, seconds]) => html`<button @click=${() => change(`The clock is ${name} ahead of before.`, { action: "advance", seconds })}>+ ${name}</button>`)}
        <button class="quiet" @click=${() => change("The clock follows the machine's.", { action: "follow" })}>Follow the machine's</button>
      </div>
      <form class="bar" @submit=${(event) => { event.preventDefault(); change("The clock is advanced.", { action: "advance", seconds: event.target.elements.seconds.valueAsNumber }); }}>
        <label>Advance by <input class="number" name="seconds" type="number" step="any" min="-315360000" max="315360000" required> seconds</label>
        <button>Advance</button>
      </form>
      <form class="bar" @submit=${(event) => { event.preventDefault(); change("The clock is set.", { action: "set", at: inUtc(event.target.elements.at.value) }); }}>
        <label>Set to <input name="at" type="datetime-local" step="1" required> UTC</label>
        <button>Set</button>
      </form>
      <p class="soft">Tokens and carts expire by this time, timestamps show it, and injected latency waits for it.</p>
    </section>`;
}

// A browser leaves out seconds that are zero.
const inUtc = (local) => `${local.length === 16 ? `${local}:00` : local}Z`;

/** The store's time now, by what the workbench said of it last. */
export function clockNow({ summary, asOf }) {
  const { epoch, frozen } = summary.clock;
  return epoch * 1000 + (frozen ? 0 : performance.now() - asOf);
}

export function standing({ frozen, offset }) {
  if (frozen) return "frozen";
  return Math.abs(offset) < 1 ? "follows the machine's" : `${distance(Math.abs(offset))} ${offset > 0 ? "ahead" : "behind"}`;
}

function distance(seconds) {
  const units = [["d", 24 * HOUR], ["h", HOUR], ["min", 60], ["s", 1]];
  const [unit, size] = units.find(([, size]) => seconds >= size) ?? units.at(-1);
  return `${(seconds / size).toLocaleString("en-GB", { maximumFractionDigits: 1 })} ${unit}`;
}
