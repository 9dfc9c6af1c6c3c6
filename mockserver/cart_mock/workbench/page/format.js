// How values are written for people.

export const count = (number, one, many = `${one}s`) =>
  `${number.toLocaleString("en-GB")} ${number === 1 ? one : many}`;

/** How many customers, accounts and carts a store or a snapshot has; accounts only if there are any. */
export const totals = ({ customers, accounts, carts }) =>
  [
    count(customers, "customer"), ...(accounts > 0 ? [count(accounts, "account")] : []), count(carts, "cart"),
  ].join(", ");

/** The time of day of an RFC 3339 time, in the browser's zone. */
export const timeOfDay = (text) =>
  new Date(text).toLocaleTimeString("en-GB", { hour12: false }) +
  `.${String(new Date(text).getMilliseconds()).padStart(3, "0")}`;

/** A day and time in UTC, to the second. */
export const dayAndTime = (text) => `${new Date(text).toISOString().slice(0, 19).replace("T", " ")} UTC`;

/** A JSON value as text: strings in bodies that are not JSON stand for themselves. */
export const asText = (value) =>
  typeof value === "string" ? value : JSON.stringify(value, null, 2);

export const asJson = (value) => JSON.stringify(value, null, 2);

export const shorten = (text, length) =>
  [...text].length <= length ? text : `${[...text].slice(0, Math.max(1, length - 1)).join("")}…`;
