// A stand-in for the package testcontainers.
class GenericContainer {
  asked = { environment: {} };
  constructor(image) {
    this.asked.image = image;
  }
  withExposedPorts(...ports) {
    this.asked.ports = ports;
    return this;
  }
  withEnvironment(environment) {
    Object.assign(this.asked.environment, environment);
    return this;
  }
  withWaitStrategy(wait) {
    this.asked.wait = wait;
    return this;
  }
  withCommand(command) {
    this.asked.command = command;
    return this;
  }
  async start() {
    return { getHost: () => "container", getMappedPort: (port) => port + 10_000 };
  }
}
class AbstractStartedContainer {
  constructor(container) {
    this.startedTestContainer = container;
  }
  getHost() {
    return this.startedTestContainer.getHost();
  }
  getMappedPort(port) {
    return this.startedTestContainer.getMappedPort(port);
  }
}
module.exports = { GenericContainer, AbstractStartedContainer, Wait: { forHttp: (...asked) => asked } };
