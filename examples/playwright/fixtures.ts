// What each test gets: a store of its own, and the shop front on it. In a project of your own, install
// the package cart-mock; here tsconfig.json finds its sources.
import { test as base, type Page } from "@playwright/test";
import { cartMockFixtures, type CartMockFixtures, type CartMockWorkerFixtures } from "cart-mock/playwright";

interface Fixtures extends CartMockFixtures {
  /** Opens the shop front, as on a device of its own. */
  openShop: () => Promise<Page>;
}

export const test = base.extend<CartMockFixtures, CartMockWorkerFixtures>(cartMockFixtures()).extend<Fixtures>({
  openShop: async ({ browser, baseURL, cartMock }, use) => {
    const address = new URLSearchParams({ api: cartMock.url, client_id: cartMock.clientId });
    await use(async () => {
      const device = await browser.newContext();
      const page = await device.newPage();
      await page.goto(`${baseURL}/storefront/?${address}`);
      return page;
    });
  },
});

export { expect } from "@playwright/test";
