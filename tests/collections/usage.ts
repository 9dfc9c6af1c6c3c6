// How a client uses the exported types. The compiler checks this file and runs nothing.
import type { CartCreateBody, Operations, RequestBody, ResponseBody, RuleId, Rules } from "./contract";

const cart: RequestBody<"createACart"> = { data: { name: "Groceries" } };
const same: CartCreateBody = cart;
const path: Operations["createACart"]["path"] = "/v2/carts";
const removed: RequestBody<"updateACart"> = { data: { contact: null } };

export function idOf(body: ResponseBody<"createACart", 201>): string {
  return body.data.id;
}

export function explain(id: RuleId): string {
  const title: Rules["more-than-one-customer"]["title"] = "Cannot associate more than one customer";
  return id === "more-than-one-customer" ? title : "";
}

// @ts-expect-error - a cart needs a name
const nameless: RequestBody<"createACart"> = { data: {} };
// @ts-expect-error - the type is exactly "customer"
const misnamed: RequestBody<"createCustomerCartAssociation"> = { data: [{ type: "customers", id: "a" }] };
// @ts-expect-error - a GET has no body
const body: RequestBody<"getACart"> = {};
// @ts-expect-error - no such rule
const unknown: RuleId = "no-such-rule";

export { body, misnamed, nameless, path, removed, same, unknown };
