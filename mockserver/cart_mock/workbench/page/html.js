// Templates. lit-html puts values into text nodes and attributes, never into markup: a cart name that
// contains HTML appears as text.
import { html } from "./vendor/lit-html/lit-html.js";

export { html, svg, nothing, render } from "./vendor/lit-html/lit-html.js";
export { repeat } from "./vendor/lit-html/directives/repeat.js";
export { live } from "./vendor/lit-html/directives/live.js";

/** Text of the contract, with `code` in back quotes as code elements. */
export function withCode(text) {
  const parts = String(text ?? "").split("`");
  // A last back quote without a partner stays as it is.
  const paired = parts.length % 2 === 0 ? [...parts.slice(0, -2), parts.slice(-2).join("`")] : parts;
  return paired.map((part, number) => (number % 2 === 1 ? html`<code>${part}</code>` : part));
}
