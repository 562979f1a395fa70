import { AgentError } from "../errors.ts";
import { wrapService } from "./attribution.ts";
import { versionNote } from "./plugin-version.ts";
import { listMembers, toMisspelling } from "../text/members.ts";
import { nearest, toHint } from "../text/nearest.ts";
import type { Service, ServiceOptions } from "../contracts/services.ts";

/** The services that plugins provide, by kind and name. */
export interface Registry {
  provide<T extends object>(owner: string, service: Service<T>, name: string, value: T): void;
  use<T extends object>(service: Service<T>, name: string): T;
  all<T extends object>(service: Service<T>): ReadonlyMap<string, T>;
  ownedBy(owner: string): readonly { readonly service: string; readonly name: string }[];
}

/** Creates an empty registry. The services that it returns are wrapped, so that their errors name the plugin. */
export function createRegistry(): Registry {
  const services = new Map<string, Map<string, { readonly owner: string; readonly value: object }>>();
  const namesOf = (id: string) => services.get(id) ?? services.set(id, new Map()).get(id)!;

  return {
    provide(owner, service, name, value) {
      assertProvidable(service, name, value);
      const what = `${service.id} "${name}" of plugin "${owner}"`;
      assertComplete(what, service, value);
      assertNoMisspelling(what, service, value);
      const names = namesOf(service.id);
      const taken = names.get(name);
      if (taken !== undefined) {
        throw new AgentError(
          "SERVICE_TAKEN",
          `plugin "${owner}" provides ${service.id} "${name}", which plugin "${taken.owner}" already provides`,
        );
      }
      const origin = { plugin: owner, where: `${service.id} "${name}"` };
      names.set(name, { owner, value: wrapService(value, origin, service) });
    },
    use<T extends object>(service: Service<T>, name: string) {
      const names = namesOf(service.id);
      const found = names.get(name);
      if (found !== undefined) return found.value as T;
      const hint = names.size > 0 ? toHint(name, names.keys()) : " (no plugin provides any)";
      throw new AgentError("SERVICE_UNKNOWN", `no ${service.id} named "${name}"${hint}`);
    },
    all<T extends object>(service: Service<T>) {
      return new Map([...namesOf(service.id)].map(([name, { value }]) => [name, value as T]));
    },
    ownedBy(owner) {
      return [...services].flatMap(([service, names]) =>
        [...names].filter(([, entry]) => entry.owner === owner).map(([name]) => ({ service, name })),
      );
    },
  };
}

/** A plugin may be plain JavaScript, which the compiler does not check. */
function assertProvidable(service: unknown, name: unknown, value: unknown): void {
  const { id, names } = Object(service) as Partial<Service<object>>;
  if (typeof id !== "string" || id === "")
    throw invalid(
      `ctx.provide needs a service that defineService has created, not ${Bun.inspect(service)}${versionNote}`,
    );
  if (typeof name !== "string" || name === "") throw invalid(`${id} needs a name, not ${Bun.inspect(name)}`);
  if (names && !names.pattern.test(name)) throw invalid(`the name of ${id} "${name}" must be ${names.rule}`);
  if (value === null || (typeof value !== "object" && typeof value !== "function"))
    throw invalid(`${id} "${name}" must be an object, not ${Bun.inspect(value)}`);
}

function assertComplete(what: string, service: ServiceOptions<Record<string, unknown>>, value: object): void {
  const { methods = [], optional = [], factories = {}, data = {} } = service;
  const required = [...methods, ...Object.keys(factories)].map((method) => [method, "function"] as const);
  const others = optional.map((method) => [method, "function?"] as const);
  // A getter is read when the service is used: it may depend on services that are provided later.
  const values = Object.entries(data).filter(([member]) => !hasGetter(value, member));
  for (const [member, type = ""] of [...required, ...others, ...values]) {
    const found: unknown = Reflect.get(value, member);
    const [expected, isOptional] = [type.replace("?", ""), type.endsWith("?")];
    if (found === undefined ? isOptional : (Array.isArray(found) ? "list" : typeof found) === expected)
      continue;
    const fault =
      found === undefined
        ? `incomplete: its member "${member}" is missing${toMisspelling(member, value, listDeclared(service))}`
        : `wrong: its member "${member}" must be a ${expected}, not ${Bun.inspect(found)}`;
    throw invalid(`${what} is ${fault}`);
  }
}

function hasGetter(value: object, member: string): boolean {
  for (let owner: object | null = value; owner !== null; owner = Reflect.getPrototypeOf(owner)) {
    const descriptor = Reflect.getOwnPropertyDescriptor(owner, member);
    if (descriptor !== undefined) return descriptor.get !== undefined;
  }
  return false;
}

/**
 * A misspelt member that may be left out would never be used. The services of the program list all of their members;
 * what has no similar name is the provider's own.
 */
function assertNoMisspelling(
  what: string,
  service: ServiceOptions<Record<string, unknown>> & { readonly id: string },
  value: object,
): void {
  if (service.id.includes("/")) return;
  const declared = listDeclared(service);
  const absent = declared.filter((member) => !(member in value));
  if (absent.length === 0) return;
  for (const member of listMembers(value).filter((each) => !declared.includes(each))) {
    const near = nearest(member, absent);
    if (near.length === 0) continue;
    throw invalid(`${what} has an unknown member "${member}" (nearest: ${near.join(", ")})${versionNote}`);
  }
}

function listDeclared(service: ServiceOptions<Record<string, unknown>>): string[] {
  const { methods = [], optional = [], factories = {}, data = {} } = service;
  return [...methods, ...optional, ...Object.keys(factories), ...Object.keys(data)];
}

const invalid = (message: string) => new AgentError("PLUGIN_INVALID", message);
