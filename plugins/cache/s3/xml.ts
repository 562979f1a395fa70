import { createFault } from "../store/fault.ts";

/** One element, with either children or text. */
export interface XmlElement {
  readonly name: string;
  readonly children: readonly XmlElement[];
  readonly text: string;
}

/**
 * Parses the documents that clients of S3 send: elements, text, and the entities that XML itself has. Attributes
 * are ignored. Throws `MalformedXML` for everything else, such as declarations of entities, comments and CDATA.
 */
export function parseXml(bytes: Buffer): XmlElement {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw createFault("MalformedXML", "the document is not valid UTF-8", cause);
  }
  const open: MutableElement[] = [];
  let root: XmlElement | undefined;
  let at = /^\s*(<\?xml[^<>]{0,200}\?>)?\s*/.exec(text)![0].length;
  while (at < text.length) {
    token.lastIndex = at;
    const match = token.exec(text);
    if (match === null) throw malformed();
    at = token.lastIndex;
    const [, end, start, isEmpty, characters] = match;
    const parent = open.at(-1);
    if (characters !== undefined) {
      if (parent !== undefined) parent.text += unescape(characters);
      else if (characters.trim() !== "") throw malformed();
    } else if (start !== undefined) {
      if (root !== undefined || open.length >= mostDepth) throw malformed();
      open.push({ name: start, children: [], text: "" });
    }
    if (end !== undefined || isEmpty === "/") {
      const element = open.pop();
      if (element === undefined || (end !== undefined && element.name !== end)) throw malformed();
      const above = open.at(-1);
      if (above === undefined) root = element;
      else above.children.push(element);
    }
  }
  if (root === undefined || open.length > 0) throw malformed();
  return root;
}

/** Returns the text of a child; `undefined` when there is none. */
export function childText({ children }: XmlElement, name: string): string | undefined {
  return children.find((child) => child.name === name)?.text;
}

/** A part of a document: children, or text that is escaped. */
export type XmlContent = string | number | boolean | readonly XmlNode[];
export type XmlNode = readonly [name: string, content: XmlContent];

/** Formats a document with the name space of S3. */
export function formatXml(
  [name, content]: XmlNode,
  attributes = ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"',
): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${name}${attributes}>${formatContent(content)}</${name}>`;
}

function formatContent(content: XmlContent): string {
  if (typeof content !== "object") return escape(String(content));
  return content.map(([name, inner]) => `<${name}>${formatContent(inner)}</${name}>`).join("");
}

/** Control characters are references, although XML 1.0 has most of them nowhere: so does S3. */
function escape(text: string): string {
  return text.replaceAll(
    // oxlint-disable-next-line no-control-regex
    /[&<>"\u0000-\u0008\u000b-\u001f\u007f\ufffe\uffff]/g,
    (character) => named[character] ?? `&#x${character.charCodeAt(0).toString(16)};`,
  );
}

function unescape(text: string): string {
  if (/&(?!(amp|lt|gt|quot|apos|#\d{1,7}|#x[0-9a-f]{1,6});)/i.test(text)) throw malformed();
  return text.replaceAll(/&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi, (_, decimal, hexadecimal, name) => {
    if (name !== undefined) return entities[name as string]!;
    const code = decimal === undefined ? Number.parseInt(hexadecimal, 16) : Number(decimal);
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) throw malformed();
    return String.fromCodePoint(code);
  });
}

interface MutableElement extends XmlElement {
  readonly children: XmlElement[];
  text: string;
}

function malformed(): Error {
  return createFault("MalformedXML", "the document is not well-formed, or has parts that are not accepted");
}

/** An end tag, a start tag or an empty element, or text. */
const token = /<\/(\w+)\s*>|<(\w+)(?:\s[^<>]*?)?(\/?)>|([^<]+)/y;
const entities: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
const named: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const mostDepth = 4;
