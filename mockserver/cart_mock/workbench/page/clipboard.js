// Copies text to the clipboard.

/** Copy a text. `near` is an element next to which it can be selected if there is no other way. */
export async function copyText(text, near) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without TLS only pages of this machine may write to the clipboard; they may still copy what is selected.
    const place = document.createElement("textarea");
    place.value = text;
    place.className = "unseen";
    near.after(place);
    place.select();
    document.execCommand("copy");
    place.remove();
  }
}
