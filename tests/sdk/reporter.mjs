// Reports each scenario as one line of JSON, for pytest to read.
export default async function* reporter(source) {
  for await (const { type, data } of source) {
    const scenario = type === "test:pass" || type === "test:fail";
    // The runner reports the file itself as a test too, after its scenarios.
    if (!scenario || data.nesting > 0 || data.name.endsWith(".test.mjs")) continue;
    const error = data.details.error?.cause?.stack ?? data.details.error?.message ?? null;
    yield `${JSON.stringify({ name: data.name, passed: type === "test:pass", error })}\n`;
  }
}
