import type { OptionSource } from "../contracts/options.ts";

/** The value that was given for an option. `value` is undefined when it could not be converted; a fault then reports it. */
export interface Given {
  readonly value: unknown;
  readonly source: OptionSource;
}
