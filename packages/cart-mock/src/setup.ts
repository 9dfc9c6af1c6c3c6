import { startCartMock, type StartOptions } from "./server.ts";

/**
 * Return a global setup for Playwright or Vitest: it starts one mock for the whole run, sets
 * `CART_MOCK_URL` for all workers, and returns the function that stops the mock.
 */
export function globalSetup(options: StartOptions = {}): () => Promise<() => Promise<void>> {
  return async () => {
    const mock = await startCartMock(options);
    process.env.CART_MOCK_URL = mock.url;
    if (mock.controlKey !== undefined) process.env.CART_MOCK_CONTROL_KEY = mock.controlKey;
    return () => mock.stop();
  };
}
