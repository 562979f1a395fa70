import type { Class, Function, ParamPattern, VariableDeclarator } from "oxc-parser";
import { type Declaration, readDoc, type Source } from "./source.ts";

/**
 * Returns a declaration as TypeScript without bodies. `isRaw`: the value of a constant without a type is shown,
 * however long it is.
 */
export function toSignature({ name, nodes, source }: Declaration, isRaw = false): string {
  const withoutBody = nodes.filter(({ type }) => type === "TSDeclareFunction");
  const shown = withoutBody.length > 0 ? withoutBody : nodes;
  const lines = shown.map((node) => {
    switch (node.type) {
      case "FunctionDeclaration":
      case "TSDeclareFunction":
        return toFunction(node, source);
      case "ClassDeclaration":
        return toClass(node, source);
      case "VariableDeclaration":
        return toConstant(
          node.declarations.find(({ id }) => "name" in id && id.name === name)!,
          source,
          isRaw,
        );
      default:
        return toCode(source.text.slice(node.start, node.end));
    }
  });
  return lines.join("\n");
}

/** Whether a declaration is the token of a service. */
export function isService({ nodes: [node], source }: Declaration): boolean {
  return (
    node?.type === "VariableDeclaration" && / = defineService</.test(source.text.slice(node.start, node.end))
  );
}

/** Whether a reader learns a type from a declaration: the value of a constant says something if it is an object. */
export function hasShape({ nodes: [node] }: Declaration): boolean {
  if (node?.type !== "VariableDeclaration") return true;
  const value = node.declarations[0]?.init;
  return (value?.type === "TSAsExpression" ? value.expression : value)?.type === "ObjectExpression";
}

function toFunction(node: Function, { text }: Source): string {
  const types =
    node.typeParameters == null ? "" : text.slice(node.typeParameters.start, node.typeParameters.end);
  const head = `function ${node.id?.name ?? ""}${types}`;
  const result = node.returnType == null ? "" : text.slice(node.returnType.start, node.returnType.end);
  return toCall(head, node.params, result, text);
}

/** Shows a call on one line if it fits, and one parameter on each line otherwise. */
function toCall(head: string, params: readonly ParamPattern[], result: string, text: string): string {
  const shown = params.map((param) => toParameter(param, text));
  const end = toCode(result);
  const line = `${head}(${shown.join(", ")})${end};`;
  if (line.length <= 100 && !line.includes("\n")) return line;
  return `${head}(\n${shown.map((param) => `  ${param},\n`).join("")})${end};`;
}

function toParameter(param: ParamPattern, text: string): string {
  const pattern = param.type === "AssignmentPattern" ? param.left : param;
  if (pattern.type === "RestElement") return toCode(text.slice(pattern.start, pattern.end));
  if (pattern.type === "TSParameterProperty") throw new Error("a parameter property has no signature");
  const annotation = pattern.typeAnnotation;
  const isOptional =
    param.type === "AssignmentPattern" || (pattern.type === "Identifier" && (pattern.optional ?? false));
  let type = annotation == null ? "" : toCode(text.slice(annotation.start, annotation.end));
  if (type === "" && param.type === "AssignmentPattern" && param.right.type === "Literal") {
    type = `: ${typeof param.right.value}`;
  }
  const name = pattern.type === "Identifier" ? pattern.name : toParameterName(type);
  return `${name}${isOptional ? "?" : ""}${type}`;
}

/** Names a destructured parameter after its type: `context` for `ExecutorContext`. */
function toParameterName(type: string): string {
  const word = /^: (?:(?:Omit|Partial|Pick)<)?\w*?([A-Z][a-z]+)\b(?!\.)/.exec(type)?.[1];
  return word === undefined ? "options" : word.toLowerCase();
}

function toClass(node: Class, source: Source): string {
  const { text } = source;
  const parent =
    node.superClass === null ? "" : ` extends ${text.slice(node.superClass.start, node.superClass.end)}`;
  const members = node.body.body.flatMap((member) => {
    const code = text.slice(member.start, member.end);
    if (/^(?:private |#|static \{)/.test(code)) return [];
    const doc = readDoc(source, member.start);
    const before = doc === "" ? "" : `  /**${doc}*/\n`;
    if (member.type !== "MethodDefinition") return [`${before}  ${toCode(code)}`];
    const head = text.slice(member.start, member.key.end);
    const { params, returnType } = member.value;
    const result = returnType == null ? "" : text.slice(returnType.start, returnType.end);
    return [`${before}  ${toCall(head, params, result, text)}`];
  });
  return `class ${node.id?.name ?? ""}${parent} {\n${members.join("\n")}\n}`;
}

function toConstant({ id, init }: VariableDeclarator, { file, text }: Source, isRaw: boolean): string {
  const name = "name" in id ? id.name : "";
  const annotation = id.typeAnnotation;
  if (annotation != null) return `const ${name}${toCode(text.slice(annotation.start, annotation.end))};`;
  const value = init === null ? "" : text.slice(init.start, init.end);
  const service = /^defineService<(\w+)>\(/.exec(value)?.[1];
  if (service !== undefined) return `const ${name}: Service<${service}>;`;
  if (isRaw || (value.length <= 80 && !value.includes("\n"))) return `const ${name} = ${toCode(value)};`;
  throw new Error(
    `${file}: the exported constant "${name}" needs a declared type, so that the reference can show it`,
  );
}

/** Links in comments are for editors. */
function toCode(text: string): string {
  return text.replaceAll(/\{@link ([^}]+)\}/g, "`$1`");
}
