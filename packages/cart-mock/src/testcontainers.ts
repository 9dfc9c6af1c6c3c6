// A mock in a container, for projects with testcontainers:
//
//   const mock = await new CartMockContainer().withScenario("one-shopper").start();
//   const store = await mock.store().create();
import { randomUUID } from "node:crypto";
import { AbstractStartedContainer, GenericContainer, Wait, type StartedTestContainer } from "testcontainers";
import { CartMock } from "./client.ts";
import type { Scenario } from "./types.ts";

const PORT = 8080;

export class CartMockContainer extends GenericContainer {
  readonly #key = randomUUID();

  constructor(image: string = process.env.CART_MOCK_IMAGE ?? "cart-mock") {
    super(image);
    this.withExposedPorts(PORT)
      .withEnvironment({ CART_MOCK_CONTROL_KEY: this.#key })
      .withWaitStrategy(Wait.forHttp("/_mock/ready", PORT));
  }

  /** Let every new store start with a built-in scenario. */
  withScenario(name: Scenario): this {
    return this.withEnvironment({ CART_MOCK_SEED: name });
  }

  /** Let every new store start with the content of a JSON file of the host. */
  withSeedFile(path: string): this {
    const target = "/data/seed.json";
    return this.withCopyFilesToContainer([{ source: path, target }]).withEnvironment({ CART_MOCK_SEED: target });
  }

  /** Break rules on purpose, named RULE:VARIANT, to check that tests fail. */
  withBreaks(...breaks: string[]): this {
    return this.withCommand(breaks.flatMap((name) => ["--break", name]));
  }

  override async start(): Promise<StartedCartMockContainer> {
    return new StartedCartMockContainer(await super.start(), this.#key);
  }
}

export class StartedCartMockContainer extends AbstractStartedContainer {
  readonly controlKey: string;

  constructor(container: StartedTestContainer, controlKey: string) {
    super(container);
    this.controlKey = controlKey;
  }

  get url(): string {
    return `http://${this.getHost()}:${this.getMappedPort(PORT)}`;
  }

  /** Return a store of the mock, by default with a name of its own. */
  store(clientId?: string): CartMock {
    return new CartMock(this.url, { controlKey: this.controlKey, ...(clientId === undefined ? {} : { clientId }) });
  }
}
