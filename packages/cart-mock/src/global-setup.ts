// For `globalSetup` in the settings of Playwright or Vitest.
import { globalSetup } from "./setup.ts";

export default globalSetup();
