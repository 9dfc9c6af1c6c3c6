// For `globalSetup` in the settings of Jest. The mock's URL is in CART_MOCK_URL.
import { globalSetup } from "../setup.ts";

const start = globalSetup();

export default async function setup(): Promise<void> {
  (globalThis as { stopCartMock?: () => Promise<void> }).stopCartMock = await start();
}
