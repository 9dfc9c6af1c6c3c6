// Type-checked against the installed package, as ES modules and as CommonJS.
import { CartMock, startCartMock, type Expectation, type RunningMock } from "cart-mock";
import setup from "cart-mock/global-setup";
import { cartMockFixtures } from "cart-mock/playwright";

const expectation: Expectation = { operation: "createCustomerToken", times: 1 };

export async function use(): Promise<string[]> {
  const mock: RunningMock = await startCartMock({ via: ["cart-mock"], port: 8080 });
  const store: CartMock = mock.store();
  await store.verify(expectation);
  // @ts-expect-error: the clock does not have this action
  await store.clock("rewind");
  await (await setup())();
  return (await store.requests({ status: "4xx" })).map(({ id }) => id);
}

export const fixtures = cartMockFixtures({ args: ["--seed", "one-shopper"] });
