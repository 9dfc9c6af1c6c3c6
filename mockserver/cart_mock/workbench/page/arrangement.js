// Where the picture's customers, accounts and carts stand: data in, positions out, nothing drawn.

import { count } from "./format.js";

/** With more carts than this, those that the same customers have are drawn as one. */
const FOLD_ABOVE = 40;
/** With more customers, accounts and carts than this, owners who share no cart are drawn together. */
export const MOST_DRAWN = 400;
const TURNS = 6;

/**
 * Nodes for the customers, accounts and carts of a state, ordered so that few lines cross.
 *
 * A node has a `key`, a `label`, the `ids` and `names` that it stands for, and `y` in rows. A link has
 * a `key` and the nodes that it joins.
 */
export function arrange({ customers = [], accounts = [], carts = [], associations = [] }) {
  const owners = new Map(carts.map((cart) => [cart.id, []]));
  for (const link of associations) owners.get(link.cart)?.push(ownerOf(link));
  const isLarge = customers.length + accounts.length + carts.length > MOST_DRAWN;
  const foldedAs = foldings(owners, isLarge);
  const left = [...ownerNodes("customer", customers, foldedAs), ...ownerNodes("account", accounts, foldedAs)];
  const nodeOf = new Map(left.flatMap((node) => node.ids.map((id) => [`${node.kind} ${id}`, node])));
  const right = cartNodes(carts, new Map([...owners].map(([id, keys]) => [id, keys.map((key) => nodeOf.get(key))])));
  const links = right.flatMap((cart) => cart.owners.map((customer) => ({ key: `${customer.key}\n${cart.key}`, customer, cart })));
  const rows = Math.max(left.length, right.length);
  place(left, right, links, rows);
  return { left, right, links, rows, isFolded: right.some((node) => node.ids.length > 1) };
}

// An association names a customer or an account, whose ids may be the same.
export const ownerOf = ({ customer, account }) => (account === undefined ? `customer ${customer}` : `account ${account}`);

// For each owner who has a cart, the number of carts if the owner is drawn with those who have as many; else null.
function foldings(owners, isLarge) {
  const numbers = new Map();
  for (const keys of owners.values()) {
    for (const key of keys) {
      const before = numbers.has(key) ? numbers.get(key) : 0;
      numbers.set(key, isLarge && keys.length === 1 && before !== null ? before + 1 : null);
    }
  }
  return numbers;
}

function ownerNodes(kind, owners, foldedAs) {
  const groups = new Map();
  for (const owner of owners) {
    const key = `${kind} ${owner.id}`;
    const number = foldedAs.has(key) ? foldedAs.get(key) : owners.length > FOLD_ABOVE ? 0 : null;
    join(groups, number ?? key, owner);
  }
  return [...groups].map(([number, group]) =>
    node(kind, group, number === 0 ? ", no cart" : `, ${count(number, "cart")} each`));
}

function join(groups, key, one) {
  if (groups.has(key)) groups.get(key).push(one);
  else groups.set(key, [one]);
}

function cartNodes(carts, owners) {
  const groups = new Map();
  for (const cart of carts) {
    const having = owners.get(cart.id);
    const isFolded = carts.length > FOLD_ABOVE || having.some((owner) => owner.ids.length > 1);
    join(groups, isFolded ? JSON.stringify(having.map((owner) => owner.key)) : `cart ${cart.id}`, cart);
  }
  return [...groups.values()].map((group) => {
    const having = owners.get(group[0].id);
    return { ...node("cart", group, having.length === 0 ? " carts without an owner" : " carts"), owners: having };
  });
}

function node(kind, group, plural) {
  const isOne = group.length === 1;
  return {
    kind,
    key: `${kind} ${group[0].id}`,
    label: isOne ? group[0].name : `${group.length.toLocaleString("en-GB")}${plural}`,
    ids: group.map((one) => one.id),
    names: group.map((one) => one.name),
    items: group.flatMap((one) => one.items ?? []),
    email: isOne ? (group[0].email ?? group[0].contact?.email ?? null) : null,
  };
}

// Each side in turn stands where its partners are on average, those without a partner last.
function place(left, right, links, rows) {
  left.forEach((node, row) => (node.y = row));
  right.forEach((node, row) => (node.y = row));
  const partners = new Map([...left, ...right].map((node) => [node, []]));
  for (const { customer, cart } of links) {
    partners.get(customer).push(cart);
    partners.get(cart).push(customer);
  }
  const wish = (node) => {
    const found = partners.get(node);
    return found.length === 0 ? Infinity : found.reduce((sum, other) => sum + other.y, 0) / found.length;
  };
  for (let turn = 0; turn < TURNS; turn += 1) {
    settle(right, wish, rows);
    settle(left, wish, rows);
  }
}

// A row each, in the order of their wishes and as near to them as the others leave room.
function settle(side, wish, rows) {
  const wishes = new Map(side.map((node) => [node, wish(node)]));
  side.sort((one, other) => compare(wishes.get(one), wishes.get(other)) || one.y - other.y);
  let above = -1;
  for (const node of side) {
    const wished = wishes.get(node);
    node.y = Math.max(above + 1, wished === Infinity ? above + 1 : wished);
    above = node.y;
  }
  let below = rows;
  for (const node of [...side].reverse()) {
    node.y = Math.min(node.y, below - 1);
    below = node.y;
  }
}

const compare = (one, other) => (one === other ? 0 : one - other);
