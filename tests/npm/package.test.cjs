// Uses the installed package as a project with CommonJS does, such as Jest.
const assert = require("node:assert/strict");
const { startCartMock } = require("cart-mock");
const setup = require("cart-mock/jest/setup");
const teardown = require("cart-mock/jest/teardown");
const { CartMockContainer } = require("cart-mock/testcontainers");

(async () => {
  await setup.default();
  const mock = await startCartMock();
  assert.equal(mock.reused, true);
  assert.equal((await mock.store("commonjs").create()).clientId, "commonjs");
  await teardown.default();
  assert.equal((await mock.store().health()).status, "ok");

  // testcontainers is a stand-in here: it notes what the container is asked for, and needs no engine.
  const container = new CartMockContainer("image").withScenario("shared-cart").withBreaks("last-cart:accepted");
  const started = await container.start();
  const { CART_MOCK_CONTROL_KEY, ...environment } = container.asked.environment;
  assert.deepEqual(environment, { CART_MOCK_SEED: "shared-cart" });
  assert.equal(started.controlKey, CART_MOCK_CONTROL_KEY);
  assert.deepEqual(container.asked.command, ["--break", "last-cart:accepted"]);
  assert.deepEqual(container.asked.wait, ["/_mock/ready", 8080]);
  assert.equal(started.store("s").url, "http://container:18080");
})();
