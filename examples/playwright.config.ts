import { defineConfig } from "@playwright/test";

const MOCK_PORT = process.env.CART_MOCK_PORT ?? "8080";
const SHOP_PORT = process.env.STOREFRONT_PORT ?? "4173";
const PYTHON = process.env.PYTHON ?? "python3";

export default defineConfig({
  testDir: "playwright",
  // Each test has a store of its own in the one mock, so all of them may run at once.
  fullyParallel: true,
  workers: 2,
  reporter: process.env.CI ? "line" : "list",
  outputDir: process.env.PLAYWRIGHT_OUTPUT ?? "node_modules/.playwright",
  use: {
    baseURL: `http://127.0.0.1:${SHOP_PORT}`,
    // A browser of the system; leave it out if you let Playwright install its own.
    launchOptions: {
      ...(process.env.CHROMIUM ? { executablePath: process.env.CHROMIUM } : {}),
      args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
    },
  },
  webServer: [
    { command: `${PYTHON} -m cart_mock --port ${MOCK_PORT}`, url: `http://127.0.0.1:${MOCK_PORT}/_mock/ready` },
    {
      command: `${PYTHON} -m http.server ${SHOP_PORT} --bind 127.0.0.1`,
      url: `http://127.0.0.1:${SHOP_PORT}/storefront/`,
      stderr: "ignore",
    },
  ],
});
