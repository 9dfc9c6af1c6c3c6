// Modal dialogs: the control key, a new store, and whether to delete one.

import { html, nothing, render } from "./html.js";

/** Ask for the control key; resolves to it, or to null if none is given. */
export const askForKey = (wasWrong) =>
  ask("The workbench needs its key", html`
    <p>Other machines can reach this mock, so its control API requires the key that
      <code>cart-mock</code> printed when it started, or was given with <code>--control-key</code>.</p>
    ${wasWrong ? html`<p class="problem" role="alert">Invalid key. Try again.</p>` : nothing}
    <label>Control key <input name="value" type="password" autocomplete="off" required autofocus></label>
    <p class="soft">It is kept in this tab only, until the tab is closed.</p>`, "Use this key");

/** Ask for the client_id of a new store; resolves to it, or to null. */
export const askForStore = () =>
  ask("New store", html`
    <label>client_id <input name="value" required maxlength="500" autocomplete="off" spellcheck="false" autofocus></label>
    <p class="soft">Requests with access tokens of this <code>client_id</code> use this store.</p>`, "Make the store");

/** Ask whether to delete a store; resolves to its name, or to null. */
export const askToDelete = (store) =>
  ask("Delete this store?", html`
    <p>This deletes the carts, customers, snapshots and request log of <b>${store}</b>. Its tokens stop working.</p>
    <input name="value" type="hidden" value=${store}>`, "Delete the store", "danger");

function ask(title, content, doIt, kind = "primary") {
  const place = document.createElement("div");
  document.getElementById("dialogs").append(place);
  return new Promise((resolve) => {
    let answer = null;
    const submit = (event) => {
      answer = event.target.elements.value.value;
    };
    const close = () => {
      place.remove();
      resolve(answer);
    };
    render(html`
      <dialog aria-labelledby="dialog-title" @close=${close}>
        <form method="dialog" @submit=${submit}>
          <h2 id="dialog-title">${title}</h2>
          ${content}
          <div class="bar end">
            <button type="button" @click=${(event) => event.target.closest("dialog").close()}>Cancel</button>
            <button class=${kind}>${doIt}</button>
          </div>
        </form>
      </dialog>`, place);
    place.querySelector("dialog").showModal();
  });
}
