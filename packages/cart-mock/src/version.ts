/** The version of this package, and of the mock that it installs with uvx. */
export const VERSION = "0.2.0";
