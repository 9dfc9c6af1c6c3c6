// Compiles the sources twice, into dist/esm and dist/cjs, each with its declarations.
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = dirname(fileURLToPath(import.meta.url));
const compiler = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc");
rmSync(join(folder, "dist"), { recursive: true, force: true });
for (const [name, module] of [["esm", "esnext"], ["cjs", "commonjs"]]) {
  const output = join(folder, "dist", name);
  const options = ["--outDir", output, "--module", module, "--moduleResolution", "bundler"];
  const { status } = spawnSync(process.execPath, [compiler, "--project", folder, ...options], { stdio: "inherit" });
  if (status !== 0) process.exit(1);
  mkdirSync(output, { recursive: true });
  const type = name === "esm" ? "module" : "commonjs";
  writeFileSync(join(output, "package.json"), `${JSON.stringify({ type })}\n`);
}
chmodSync(join(folder, "dist/esm/bin.js"), 0o755);
