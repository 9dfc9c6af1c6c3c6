import { spawn, type ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { CartMock, CartMockError } from "./client.ts";
import { commandFor, type CommandOptions } from "./command.ts";

export interface StartOptions extends CommandOptions {
  /**
   * The port of the mock. By default any free port. If a mock answers on the port already, it is used
   * and not stopped.
   */
  port?: number;
  /** The URL of a mock that runs already. By default `CART_MOCK_URL`; without it a mock is started. */
  url?: string;
  /** The key of the workbench. By default `CART_MOCK_CONTROL_KEY`; for Docker one is made up. */
  controlKey?: string;
  /** Start a mock even if one answers on the port, or is named by `CART_MOCK_URL`. */
  reuse?: boolean;
  /** How many milliseconds to wait until the mock is ready; by default 60,000, since uvx may have to install it. */
  timeout?: number;
  /** More variables for the process of the mock. */
  env?: Record<string, string>;
}

/** A mock that answers. */
export interface RunningMock {
  readonly url: string;
  readonly controlKey: string | undefined;
  /** Whether it ran before; `stop` then leaves it running. */
  readonly reused: boolean;
  /** Return a store of the mock, by default with a name of its own. */
  store(clientId?: string): CartMock;
  stop(): Promise<void>;
}

/** The first line of a mock, as text or, with `--log-format json`, in a JSON object. */
const LISTENING = /(?:^|")Listening on (https?:[^\s"]+)/;
/** What uvx says if the registry does not have the package. */
const NOT_FOUND = /requirements are unsatisfiable/;
const TO_FIND = "Set CART_MOCK_PACKAGE to what uvx shall install: a release, a wheel, or the folder of a checkout.";
/** How many lines of the output an error shows. */
const SHOWN = 20;

/** Start a mock, or use the one that runs already, and wait until it is ready. */
export async function startCartMock(options: StartOptions = {}): Promise<RunningMock> {
  const timeout = options.timeout ?? 60_000;
  const key = options.controlKey ?? process.env.CART_MOCK_CONTROL_KEY;
  const url = options.url ?? (options.reuse === false ? undefined : process.env.CART_MOCK_URL);
  if (url !== undefined && url !== "") {
    await untilReady(url, timeout);
    return running(url, key, true, async () => {});
  }
  const port = options.port ?? 0;
  if (port !== 0 && options.reuse !== false) {
    const there = `http://127.0.0.1:${port}`;
    if (await answers(there)) return running(there, key, true, async () => {});
  }
  return start(port, options, key, timeout);
}

async function start(
  port: number, options: StartOptions, key: string | undefined, timeout: number,
): Promise<RunningMock> {
  let command = commandFor(port, options);
  if (command.container && port === 0) command = commandFor((port = await freePort()), options);
  // A mock in a container can be reached from other hosts, so its workbench always asks for a key.
  const used = key ?? (command.container ? randomUUID() : undefined);
  const shown = [command.program, ...command.args].join(" ");
  const child = spawn(command.program, command.args, {
    env: { ...process.env, ...options.env, ...(used === undefined ? {} : { CART_MOCK_CONTROL_KEY: used }) },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const onExit = () => child.kill();
  process.once("exit", onExit);
  const stop = async () => {
    process.removeListener("exit", onExit);
    await ended(child);
  };
  try {
    const printed = await listening(child, shown, timeout);
    const url = command.container ? `http://127.0.0.1:${port}` : printed;
    await untilReady(url, timeout);
    return running(url, used, false, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

function running(url: string, controlKey: string | undefined, reused: boolean, stop: () => Promise<void>): RunningMock {
  const base = url.replace(/\/+$/, "");
  return {
    url: base,
    controlKey,
    reused,
    stop,
    store: (clientId) => new CartMock(base, { controlKey, ...(clientId === undefined ? {} : { clientId }) }),
  };
}

/** Wait until the process prints its URL. */
function listening(child: ChildProcess, shown: string, timeout: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const lines: string[] = [];
    const fail = (reason: string) => {
      const hints = lines.some((line) => NOT_FOUND.test(line)) ? [TO_FIND] : [];
      reject(new CartMockError([`${reason}: ${shown}`, ...lines.map((line) => `  ${line}`), ...hints].join("\n")));
    };
    const timer = setTimeout(() => fail(`the mock did not listen within ${timeout / 1000} s`), timeout);
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream! }).on("line", (line) => {
        const url = LISTENING.exec(line)?.[1];
        if (url !== undefined) {
          clearTimeout(timer);
          resolve(url);
        }
        lines.push(line);
        if (lines.length > SHOWN) lines.shift();
      });
    }
    child.once("error", (error) => {
      clearTimeout(timer);
      fail(`the mock cannot be started (${error.message})`);
    });
    // "close" comes after all output, so that the error shows it.
    child.once("close", (status, signal) => {
      clearTimeout(timer);
      fail(`the mock ended with ${signal ?? `status ${status}`}`);
    });
  });
}

async function untilReady(url: string, timeout: number): Promise<void> {
  const end = Date.now() + timeout;
  for (;;) {
    try {
      await new CartMock(url).ready();
      return;
    } catch (error) {
      // Something else answers there, or time is up.
      const other = error instanceof CartMockError && error.status !== undefined && error.status !== 503;
      if (other || Date.now() >= end) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Return whether a mock answers at a URL. Rejects if something else does. */
async function answers(url: string): Promise<boolean> {
  try {
    await new CartMock(url).health();
    return true;
  } catch (error) {
    if (error instanceof CartMockError && error.status !== undefined) throw error;
    return false;
  }
}

async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

/** End a process, and wait for it: first as it asks for, then at once. */
function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return resolve();
    const timer = setTimeout(() => child.kill("SIGKILL"), 10_000);
    child.once("exit", () => {
      clearTimeout(timer);
      resolve();
    });
    child.kill();
  });
}
