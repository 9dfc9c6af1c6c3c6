import { existsSync } from "node:fs";
import { defineConfig } from "@playwright/test";

const MOCK_PORT = process.env.CART_MOCK_PORT ?? "8080";
const SHOP_PORT = process.env.STOREFRONT_PORT ?? "4173";
const PYTHON = process.env.PYTHON;
/** A browser of the system. Without one, Playwright starts its own: `npx playwright install chromium`. */
const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/google-chrome"].find((path) => existsSync(path));

const mock = process.env.CART_MOCK_URL ?? `http://127.0.0.1:${MOCK_PORT}`;
// The workers inherit it, and their fixtures use the mock there.
process.env.CART_MOCK_URL = mock;

export default defineConfig({
  testDir: "playwright",
  // Each test has a store of its own in the one mock, so all of them may run at once.
  fullyParallel: true,
  workers: 2,
  reporter: process.env.CI ? "line" : "list",
  outputDir: process.env.PLAYWRIGHT_OUTPUT ?? "node_modules/.playwright",
  use: {
    baseURL: `http://127.0.0.1:${SHOP_PORT}`,
    launchOptions: {
      ...(CHROMIUM === undefined ? {} : { executablePath: CHROMIUM }),
      args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
    },
  },
  // A mock that answers on the port already is used, and left running.
  webServer: [
    {
      command: PYTHON ? `${PYTHON} -m cart_mock --port ${MOCK_PORT}` : `../scripts/mock --port ${MOCK_PORT}`,
      url: `${mock}/_mock/ready`,
      reuseExistingServer: true,
      timeout: 120_000,
    },
    {
      command: `${PYTHON ?? "python3"} -m http.server ${SHOP_PORT} --bind 127.0.0.1`,
      url: `http://127.0.0.1:${SHOP_PORT}/storefront/`,
      reuseExistingServer: true,
      stderr: "ignore",
    },
  ],
});
