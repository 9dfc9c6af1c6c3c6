// Fixtures for Playwright:
//
//   import { test as base } from "@playwright/test";
//   import { cartMockFixtures, type CartMockFixtures, type CartMockWorkerFixtures } from "cart-mock/playwright";
//   export const test = base.extend<CartMockFixtures, CartMockWorkerFixtures>(cartMockFixtures());
import type { CartMock } from "./client.ts";
import { startCartMock, type RunningMock, type StartOptions } from "./server.ts";

export interface CartMockFixtures {
  /** A store for this test alone. */
  cartMock: CartMock;
}

export interface CartMockWorkerFixtures {
  /** The mock: the one that `CART_MOCK_URL` or the port names, or else one for each worker. */
  cartMockServer: RunningMock;
}

type Use<Value> = (value: Value) => Promise<void>;

/** Return the fixtures `cartMock` and `cartMockServer`. */
export function cartMockFixtures(options: StartOptions = {}): {
  cartMockServer: [(others: {}, use: Use<RunningMock>) => Promise<void>, { scope: "worker"; timeout: number }];
  cartMock: (others: CartMockWorkerFixtures, use: Use<CartMock>) => Promise<void>;
} {
  return {
    cartMockServer: [
      async ({}, use) => {
        const mock = await startCartMock(options);
        await use(mock);
        await mock.stop();
      },
      { scope: "worker", timeout: (options.timeout ?? 60_000) + 10_000 },
    ],
    cartMock: async ({ cartMockServer }, use) => {
      const store = await cartMockServer.store().create();
      await use(store);
      await store.delete();
    },
  };
}
