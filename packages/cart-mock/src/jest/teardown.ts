// For `globalTeardown` in the settings of Jest.
export default async function teardown(): Promise<void> {
  await (globalThis as { stopCartMock?: () => Promise<void> }).stopCartMock?.();
}
