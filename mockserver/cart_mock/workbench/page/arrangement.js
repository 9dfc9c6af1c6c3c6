// Where the picture's customers, accounts and carts stand: data in, positions out, nothing drawn.

/** With more carts than this, those that the same customers have are drawn as one. */
const FOLD_ABOVE = 40;
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
  const having = new Set(associations.map(ownerOf));
  const left = [...ownerNodes("customer", customers, having), ...ownerNodes("account", accounts, having)];
  const right = cartNodes(carts, owners);
  const customerNode = new Map(left.flatMap((node) => node.ids.map((id) => [`${node.kind} ${id}`, node])));
  const links = right.flatMap((cart) =>
    cart.owners.map((id) => ({ key: `${id}\n${cart.key}`, customer: customerNode.get(id), cart })),
  );
  const rows = Math.max(left.length, right.length);
  place(left, right, links, rows);
  return { left, right, links, rows, isFolded: right.some((node) => node.ids.length > 1) };
}

// An association names a customer or an account, whose ids may be the same.
export const ownerOf = ({ customer, account }) => (account === undefined ? `customer ${customer}` : `account ${account}`);

function ownerNodes(kind, owners, having) {
  const idle = owners.filter((owner) => !having.has(`${kind} ${owner.id}`));
  const folded = owners.length > FOLD_ABOVE && idle.length > 1 ? idle : [];
  const single = owners.filter((owner) => !folded.includes(owner));
  const nodes = single.map((one) => node(kind, [one]));
  return folded.length === 0 ? nodes : [...nodes, node(kind, folded, `${kind}s without a cart`)];
}

function cartNodes(carts, owners) {
  const groups = new Map();
  for (const cart of carts) {
    const key = carts.length > FOLD_ABOVE ? JSON.stringify(owners.get(cart.id)) : cart.id;
    groups.set(key, [...(groups.get(key) ?? []), cart]);
  }
  return [...groups.values()].map((group) => {
    const having = owners.get(group[0].id);
    return { ...node("cart", group, having.length === 0 ? "carts without an owner" : "carts"), owners: having };
  });
}

function node(kind, group, plural) {
  const isOne = group.length === 1;
  return {
    kind,
    key: `${kind} ${group[0].id}`,
    label: isOne ? group[0].name : `${group.length} ${plural}`,
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
