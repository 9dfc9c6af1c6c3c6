import { accessSync, constants, realpathSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { CartMockError } from "./client.ts";
import { VERSION } from "./version.ts";

/** How a mock is run: with uvx, with Docker, or by a command with its first arguments. */
export type Via = "uvx" | "docker" | readonly [string, ...string[]];

export interface CommandOptions {
  /** How to run the mock. By default `CART_MOCK_COMMAND`, then uvx, then Docker, whichever is there. */
  via?: Via | undefined;
  /**
   * What uvx installs: a requirement, a wheel, or a folder with a checkout. By default
   * `CART_MOCK_PACKAGE`, or the release of cart-associations with this package's version.
   */
  package?: string | undefined;
  /** The image for Docker. By default `CART_MOCK_IMAGE`, or `cart-mock`. */
  image?: string | undefined;
  /** Options of the command cart-mock, such as `["--seed", "one-shopper"]`. */
  args?: readonly string[] | undefined;
}

export interface Command {
  program: string;
  args: string[];
  /** Whether it runs in a container, which publishes its port on loopback. */
  container: boolean;
}

const CONTAINER_PORT = 8080;

/** Return the command that starts a mock on a port of loopback; 0 is any free port, but not with Docker. */
export function commandFor(port: number, options: CommandOptions = {}, env: NodeJS.ProcessEnv = process.env): Command {
  const via = options.via ?? given(env) ?? available(env);
  const own = options.args ?? [];
  if (via === "docker") {
    return {
      program: "docker",
      args: [
        "run", "--rm", "--init", "--read-only", "--publish", `127.0.0.1:${port}:${CONTAINER_PORT}`,
        "--env", "CART_MOCK_CONTROL_KEY", options.image ?? env.CART_MOCK_IMAGE ?? "cart-mock", ...own,
      ],
      container: true,
    };
  }
  const [program, ...first] = via === "uvx" ? uvx(options, env) : via;
  return { program, args: [...first, "--port", String(port), ...own], container: false };
}

function uvx(options: CommandOptions, env: NodeJS.ProcessEnv): [string, ...string[]] {
  const wanted = options.package ?? env.CART_MOCK_PACKAGE ?? `cart-associations[mock]==${VERSION}`;
  // A path gets the extra that the mock needs.
  const isPath = /[\\/]|^\.+$|\.(whl|tar\.gz)$/.test(wanted) && !wanted.includes("://");
  const requirement = isPath ? `cart-associations[mock] @ ${pathToFileURL(resolve(wanted))}` : wanted;
  return ["uvx", "--from", requirement, "cart-mock"];
}

function given(env: NodeJS.ProcessEnv): Via | undefined {
  const [program, ...args] = (env.CART_MOCK_COMMAND ?? "").split(/\s+/).filter((word) => word !== "");
  return program === undefined ? undefined : [program === "cart-mock" ? theOther(env) : program, ...args];
}

/** Return the cart-mock of the Python package: in npm scripts this package's command comes first, and runs that one. */
function theOther(env: NodeJS.ProcessEnv): string {
  const found = onPath("cart-mock", env).find((path) => !/node_modules[\\/]\.bin|bin\.js$/.test(path + realpathSync(path)));
  if (found !== undefined) return found;
  throw new CartMockError(
    "CART_MOCK_COMMAND is cart-mock, and only the npm package's own is on the PATH. Install the Python package, or " +
      "name its command with its folder, such as `.venv/bin/cart-mock`.",
  );
}

function available(env: NodeJS.ProcessEnv): Via {
  if (onPath("uvx", env).length > 0) return "uvx";
  if (onPath("docker", env).length > 0) return "docker";
  throw new CartMockError(
    "The mock needs uvx or Docker, and neither is on the PATH. Install uv, or set CART_MOCK_COMMAND to a command " +
      "that starts cart-mock, such as `python -m cart_mock`.",
  );
}

/** Return the files that a program's name stands for, the one that runs first. */
function onPath(program: string, env: NodeJS.ProcessEnv): string[] {
  const endings = process.platform === "win32" ? [".exe", ".cmd", ""] : [""];
  const folders = (env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  const paths = folders.flatMap((folder) => endings.map((ending) => join(folder, program + ending)));
  return paths.filter((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
