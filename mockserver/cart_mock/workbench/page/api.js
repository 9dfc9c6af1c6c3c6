// Calls the control API, with the control key if it requires one.

const KEY = "cart-mock.control-key";

/** The workbench refused, or could not be reached (status 0). The message is for people. */
export class WorkbenchError extends Error {
  constructor(status, message, source) {
    super(message);
    this.status = status;
    this.source = source;
  }
}

export class Workbench {
  #base = new URL(".", document.baseURI);
  #askForKey;
  #asking = null;
  #timesDeclined = 0;

  /** `askForKey(wasWrong)` resolves to the key that a person typed, or to null. */
  constructor(askForKey) {
    this.#askForKey = askForKey;
  }

  /** The parsed answer, null if it is empty, or a Blob if `blob` is wanted. Throws WorkbenchError. */
  async call(method, path, { body, query = {}, signal, blob = false } = {}) {
    const url = new URL(path.slice(1), this.#base);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    for (;;) {
      const key = sessionStorage.getItem(KEY);
      const timesDeclined = this.#timesDeclined;
      const answer = await this.#send(method, url, body, key, signal);
      if (answer.ok) return read(answer, blob);
      if (answer.status !== 401 || !(await this.#obtainKey(key, timesDeclined))) throw await refusal(answer);
    }
  }

  async #send(method, url, body, key, signal) {
    const headers = {};
    if (key !== null) headers["X-Control-Key"] = key;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    try {
      return await fetch(url, { method, headers, signal, body: body && JSON.stringify(body) });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new WorkbenchError(0, "The mock cannot be reached. Is it still running?");
    }
  }

  // If several calls are refused at once, only one of them opens the dialog. A dialog that was
  // dismissed is not reopened by a call that was sent before.
  async #obtainKey(refused, timesDeclined) {
    if (sessionStorage.getItem(KEY) !== refused) return true;
    if (this.#timesDeclined !== timesDeclined) return false;
    this.#asking ??= this.#ask(refused !== null);
    return this.#asking;
  }

  async #ask(wasWrong) {
    const key = await this.#askForKey(wasWrong);
    this.#asking = null;
    if (key === null) this.#timesDeclined += 1;
    else sessionStorage.setItem(KEY, key);
    return key !== null;
  }
}

async function read(answer, blob) {
  if (blob) return answer.blob();
  const text = await answer.text();
  return text === "" ? null : JSON.parse(text);
}

async function refusal(answer) {
  try {
    const [error] = (await answer.json()).errors;
    return new WorkbenchError(answer.status, error.detail, error.source);
  } catch {
    // A proxy in between answers with errors of its own.
    return new WorkbenchError(answer.status, `The workbench answered with ${answer.status}.`);
  }
}
