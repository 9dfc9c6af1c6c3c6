// Uses the installed package as a project with ES modules does, and prints the calls of the workbench.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { CartMock, CartMockError, globalSetup, startCartMock, VERSION } from "cart-mock";
import { cartMockFixtures } from "cart-mock/playwright";

const python = process.env.PYTHON;
const via = [python, "-m", "cart_mock"];
const calls = new Set();
const send = globalThis.fetch;
globalThis.fetch = (url, options) => {
  calls.add(`${options?.method ?? "GET"} ${new URL(url).pathname}`);
  return send(url, options);
};

const mock = await startCartMock({ via, args: ["--seed", "one-shopper", "--control-key", "a-key"], controlKey: "a-key" });
assert.equal(mock.reused, false);

// Every method of the client.
const store = await mock.store("a store").create();
assert.equal((await store.health()).status, "ok");
assert.deepEqual((await store.watched()).files, []);
assert.match(await store.metrics(), /cart_mock_requests/);
assert.ok((await store.rules()).some(({ id }) => id === "last-cart"));
assert.ok((await store.stores()).some(({ client_id }) => client_id === "a store"));
assert.ok((await store.scenarios()).some(({ name }) => name === "shared-cart"));
assert.ok((await store.availableBreaks()).some(({ id }) => id === "others-cannot-see:all-listed"));
await store.seed("shared-cart");
assert.equal((await store.summary()).customers, 3);
const dora = await store.addCustomer({ name: "Dora", email: "dora@example.com" });
assert.deepEqual((await store.people({ find: "dora" })).map(({ id }) => id), [dora.id]);
const { headers } = await store.logIn(dora.id);
assert.equal((await (await fetch(`${mock.url}/v2/carts`, { headers })).json()).data.length, 0);
await store.seed("shared-cart");
await store.takeSnapshot("before");
assert.deepEqual((await store.snapshots()).map(({ name }) => name), ["before"]);
const state = await store.exportState({ times: true });
await store.importState({ ...state, carts: [], associations: [] });
assert.equal((await store.diff("before")).same, false);
assert.equal((await store.exportSnapshot("before")).customers.length, 3);
await store.restoreSnapshot("before");
assert.equal((await store.diff("before")).same, true);
await store.deleteSnapshot("before");
const { id } = await store.fault("latency", { seconds: 0.01 });
assert.deepEqual((await store.faults()).map((fault) => fault.id), [id]);
await store.removeFault(id);
await store.clearFaults();
assert.equal((await store.clock("freeze")).frozen, true);
assert.equal((await store.time()).frozen, true);
await store.breakRules("others-cannot-see:all-listed");
assert.deepEqual(await store.breaks(), ["others-cannot-see:all-listed"]);

await store.setStubs({ path: "/v2/products/{id}", body: { id: "{{path.id}}" } });
assert.equal((await store.stubs())[0].path, "/v2/products/{id}");
await store.setStubs();
await store.setForward("http://127.0.0.1:9", { timeout: 1 });
assert.equal((await store.forward()).from, "store");
await store.removeForward();

const form = new URLSearchParams({ grant_type: "implicit", client_id: store.clientId });
const token = await fetch(`${mock.url}/oauth/access_token`, { method: "POST", body: form });
assert.equal(token.status, 200);
await store.verify({ operation: "createAccessToken", times: 1 });
await assert.rejects(store.verify({ operation: "createCustomerToken" }), { name: "CartMockError", message: /there were 0/ });
const [request] = await store.requests({ operation: "createAccessToken", limit: 1 });
assert.match((await store.explain(request.id)).summary, /./);
assert.deepEqual(await store.storelessRequests(), []);
assert.deepEqual((await store.coverage("last-cart")).missing, ["last-cart"]);
assert.match(await store.coverageJunit(), /<testsuite/);
await store.clearCoverage();
await store.clearRequests();
assert.deepEqual(await store.requests(), []);
await store.reset("faults");
await assert.rejects(mock.store("a store").create(), { name: "CartMockError", status: 409 });
await mock.store("a store").create({ reset: true });

// A mock that runs is used, and left running.
const port = Number(new URL(mock.url).port);
const again = await startCartMock({ port, via: ["no such program"] });
assert.equal(again.reused, true);
await again.stop();
process.env.CART_MOCK_URL = mock.url;
process.env.CART_MOCK_CONTROL_KEY = "a-key";
const tearDown = await globalSetup()();
await tearDown();

// The fixtures, called as Playwright does.
const [server] = cartMockFixtures().cartMockServer;
let given;
await server({}, async (cartMockServer) => {
  await cartMockFixtures().cartMock({ cartMockServer }, async (fixture) => {
    given = fixture;
    assert.equal((await fixture.summary()).customers, 1);
  });
});
await assert.rejects(given.summary(), { status: 404 });

// The same URL serves programs with CommonJS, and Jest; see package.test.cjs.
const { status } = (await import("node:child_process")).spawnSync(process.execPath, ["package.test.cjs"], { stdio: "inherit" });
assert.equal(status, 0);
delete process.env.CART_MOCK_URL;

await store.delete();
await mock.stop();

// What is wrong is said.
await assert.rejects(store.summary(), { name: "CartMockError", message: /^No mock answers at http/ });
await assert.rejects(startCartMock({ via: [python, "-m", "cart_mock", "--no-such-option"] }), {
  name: "CartMockError",
  message: /ended with status 2: .* --port 0\n(.|\n)*No such option/,
});
const unsatisfiable = ["sh", "-c", "echo we can conclude that your requirements are unsatisfiable.; exit 1"];
await assert.rejects(startCartMock({ via: unsatisfiable }), { message: /\nSet CART_MOCK_PACKAGE to what uvx shall install/ });
await assert.rejects(startCartMock({ via: ["no-such-program"] }), { message: /cannot be started .*no-such-program/ });
const other = createServer((_, answer) => answer.end("hello")).listen(0, "127.0.0.1");
await new Promise((resolve) => other.once("listening", resolve));
const elsewhere = `http://127.0.0.1:${other.address().port}`;
await assert.rejects(new CartMock(elsewhere).rules(), { message: `${elsewhere} is not a cart-mock: it answered 200 to GET /_mock/rules.` });
await assert.rejects(startCartMock({ url: elsewhere }), CartMockError);
other.close();

console.log(JSON.stringify({ version: VERSION, calls: [...calls] }));
