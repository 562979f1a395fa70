import { nearest } from "./nearest.ts";

/** Returns the names of an object's own and inherited members, without those of every object. */
export function listMembers(value: object): string[] {
  const above = Reflect.getPrototypeOf(value);
  const inherited = above === null || above === Object.prototype ? [] : listMembers(above);
  return [...new Set([...Object.getOwnPropertyNames(value), ...inherited])];
}

/**
 * Returns ` (nearest: chek)` when an object lacks the member `check` and has an unknown one with a similar name, or
 * an empty text. `known` are the members that the object may have.
 */
export function toMisspelling(missing: string, value: object, known: readonly string[]): string {
  const unknown = listMembers(value).filter((member) => member !== "constructor" && !known.includes(member));
  const near = nearest(missing, unknown);
  return near.length > 0 ? ` (nearest: ${near.join(", ")})` : "";
}
