// Templates. lit-html puts values into text nodes and attributes, never into markup: a cart name that
// contains HTML appears as text.
export { html, svg, nothing, render } from "./vendor/lit-html/lit-html.js";
export { repeat } from "./vendor/lit-html/directives/repeat.js";
export { live } from "./vendor/lit-html/directives/live.js";
