import type { Node } from "oxc-parser";
import type { Declaration } from "./source.ts";

/** Lists the names of types, and of values whose types are named (`typeof x`), in the signature of a declaration. */
export function listReferences({ nodes }: Declaration): string[] {
  const names = new Set<string>();
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) for (const item of value) visit(item);
    if (typeof value !== "object" || value === null || !("type" in value) || Array.isArray(value)) return;
    const node = value as Node;
    if (node.type === "BlockStatement") return;
    const name = nameOf(node);
    if (name !== undefined) names.add(name);
    for (const child of Object.values(node)) visit(child);
  };
  visit(nodes);
  return [...names];
}

function nameOf(node: Node): string | undefined {
  switch (node.type) {
    case "TSTypeReference":
      return node.typeName.type === "Identifier" ? node.typeName.name : undefined;
    case "TSTypeQuery":
      return node.exprName.type === "Identifier" ? node.exprName.name : undefined;
    case "TSInterfaceHeritage":
      return node.expression.type === "Identifier" ? node.expression.name : undefined;
    default:
      return undefined;
  }
}
