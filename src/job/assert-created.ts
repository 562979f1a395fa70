import { createPluginError, findOrigin } from "../core/host/attribution.ts";
import { toMisspelling } from "../core/text/members.ts";

/**
 * Returns what a factory of a plugin has created. Throws `PLUGIN_INVALID` when it lacks a method of the
 * contract, as a promise of the object and a spread copy of another plugin's object do.
 */
export function assertCreated<T extends object>(
  created: T,
  factory: object,
  methods: readonly (keyof T)[],
): T {
  const missing = methods.filter((method) => typeof created?.[method] !== "function");
  if (missing.length === 0) return created;
  const { plugin, where } = findOrigin(factory) ?? { plugin: "unknown", where: "a service" };
  const subject = `plugin "${plugin}": ${where} has created`;
  if (created instanceof Promise) {
    // It has no owner: without this, its rejection would be reported as an uncaught error as well.
    created.catch(() => {});
    throw createPluginError(
      "PLUGIN_INVALID",
      `${subject} a promise: it must return the object itself, so it cannot be async`,
    );
  }
  const lacks = missing.map((method) => {
    const isObject = typeof created === "object" && created !== null;
    return `${String(method)}${isObject ? toMisspelling(String(method), created, methods.map(String)) : ""}`;
  });
  throw createPluginError(
    "PLUGIN_INVALID",
    `${subject} an object without ${lacks.join(", ")}: write out all members, since an object of another plugin cannot be spread`,
  );
}
