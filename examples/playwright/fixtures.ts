// What each test gets: a store of its own, and the shop front on it.
import { test as base, type Page } from "@playwright/test";
import { CartMock } from "./cart-mock.mjs";

export const MOCK_URL = `http://127.0.0.1:${process.env.CART_MOCK_PORT ?? 8080}`;

interface Fixtures {
  cartMock: CartMock;
  /** Opens the shop front, as on a device of its own. */
  openShop: () => Promise<Page>;
}

export const test = base.extend<Fixtures>({
  cartMock: async ({}, use) => {
    const cartMock = await new CartMock(MOCK_URL).create();
    await use(cartMock);
    await cartMock.delete();
  },
  openShop: async ({ browser, baseURL, cartMock }, use) => {
    const address = new URLSearchParams({ api: MOCK_URL, client_id: cartMock.clientId });
    await use(async () => {
      const device = await browser.newContext();
      const page = await device.newPage();
      await page.goto(`${baseURL}/storefront/?${address}`);
      return page;
    });
  },
});

export { expect } from "@playwright/test";
