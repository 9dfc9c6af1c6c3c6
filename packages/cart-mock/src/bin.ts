#!/usr/bin/env node
// The command cart-mock: runs the mock with uvx, Docker or CART_MOCK_COMMAND, with the arguments that it gets.
import { spawn } from "node:child_process";
import { CartMockError } from "./client.ts";
import { commandFor } from "./command.ts";

const args = process.argv.slice(2);
const at = args.findIndex((word) => word === "--port" || word.startsWith("--port="));
const port = at < 0 ? (process.env.CART_MOCK_PORT ?? "8080") : (args[at]!.split("=")[1] ?? args[at + 1]);
const rest = at < 0 ? args : args.toSpliced(at, args[at] === "--port" ? 2 : 1);

try {
  const { program, args: all } = commandFor(Number(port), { args: rest });
  const child = spawn(program, all, { stdio: "inherit" });
  // A terminal sends Ctrl-C to both processes; other signals are passed on.
  process.on("SIGINT", () => {});
  let stopped = false;
  process.on("SIGTERM", () => {
    stopped = true;
    child.kill();
  });
  child.once("error", (error) => {
    console.error(`cart-mock: ${program} cannot be started: ${error.message}`);
    process.exit(2);
  });
  child.once("close", (status, signal) => process.exit(stopped && signal !== null ? 0 : (status ?? 1)));
} catch (error) {
  if (!(error instanceof CartMockError)) throw error;
  console.error(`cart-mock: ${error.message}`);
  process.exit(2);
}
