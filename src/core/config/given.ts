import type { OptionSource } from "../contracts/options.ts";

/** The value that was set for an option; `undefined` when it could not be converted, which a fault reports. */
export interface Given {
  readonly value: unknown;
  readonly source: OptionSource;
}
