import { AgentError } from "../core/errors.ts";
import { findOrigin } from "../core/host/attribution.ts";

/**
 * Returns what a factory of a plugin has created. Throws `PLUGIN_INVALID` when it lacks a method of the
 * contract, as a spread copy of another plugin's object does.
 */
export function assertCreated<T extends object>(
  created: T,
  factory: object,
  methods: readonly (keyof T)[],
): T {
  const missing = methods.filter((method) => typeof created?.[method] !== "function");
  if (missing.length === 0) return created;
  const { plugin, where } = findOrigin(factory) ?? { plugin: "unknown", where: "a service" };
  throw new AgentError(
    "PLUGIN_INVALID",
    `plugin "${plugin}": ${where} has created an object without ${missing.map(String).join(", ")}: write out all members, since an object of another plugin cannot be spread`,
  );
}
