export { CartMock, CartMockError } from "./client.ts";
export type { WorkbenchOptions } from "./client.ts";
export type { CommandOptions, Via } from "./command.ts";
export { globalSetup } from "./setup.ts";
export { startCartMock } from "./server.ts";
export type { RunningMock, StartOptions } from "./server.ts";
export type * from "./types.ts";
export { VERSION } from "./version.ts";
