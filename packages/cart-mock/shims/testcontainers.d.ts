// The part of testcontainers that src/testcontainers.ts uses. Its own package and the 120 that it needs
// are not installed to compile this one; they bring the real types in your project.
export interface StartedTestContainer {
  getHost(): string;
  getMappedPort(port: number): number;
}
export interface WaitStrategy {
  withStartupTimeout(milliseconds: number): WaitStrategy;
}
export declare class GenericContainer {
  constructor(image: string);
  withExposedPorts(...ports: number[]): this;
  withEnvironment(environment: Record<string, string>): this;
  withWaitStrategy(strategy: WaitStrategy): this;
  withCopyFilesToContainer(files: { source: string; target: string }[]): this;
  withCommand(command: string[]): this;
  start(): Promise<StartedTestContainer>;
}
export declare class AbstractStartedContainer {
  protected readonly startedTestContainer: StartedTestContainer;
  constructor(container: StartedTestContainer);
  getHost(): string;
  getMappedPort(port: number): number;
  stop(): Promise<unknown>;
}
export declare const Wait: { forHttp(path: string, port: number): WaitStrategy };
