import { createFault } from "../store/fault.ts";
import { assertAmzHeaders } from "./amz-headers.ts";
import type { Answer, Call } from "./call.ts";
import { mostDocumentBytes } from "./multipart.ts";
import { isOwnKey, toName } from "./object-key.ts";
import { openPayload, readWhole } from "./payload.ts";
import { childText, formatXml, parseXml, type XmlNode } from "./xml.ts";
import { isBodyHeader } from "./write-object.ts";

/** DeleteObjects: up to 1,000 keys. Keys of other projects are refused one by one. */
export async function deleteObjects(call: Call): Promise<Answer> {
  const { exchange, amz, signed, store, project } = call;
  assertAmzHeaders(amz, isBodyHeader);
  const document = parseXml(await readWhole(openPayload(exchange, signed), mostDocumentBytes));
  const objects = document.children.filter(({ name }) => name === "Object");
  if (document.name !== "Delete" || objects.length === 0 || objects.length > mostKeys)
    throw createFault("MalformedXML", "the document is no list of 1 to 1000 objects");
  const unknown = objects.flatMap(({ children }) => children).find(({ name }) => name !== "Key");
  if (unknown !== undefined)
    throw createFault(
      "NotImplemented",
      `"${unknown.name.slice(0, 100)}" of an object is not implemented here`,
    );
  const isQuiet = childText(document, "Quiet")?.trim().toLowerCase() === "true";
  const results: XmlNode[] = [];
  for (const object of objects) {
    const key = childText(object, "Key") ?? "";
    if (!isOwnKey(key, project)) {
      results.push([
        "Error",
        [
          ["Key", key],
          ["Code", "AccessDenied"],
          ["Message", "the key is not of this project"],
        ],
      ]);
      continue;
    }
    await store.remove(toName(key, call));
    if (!isQuiet) results.push(["Deleted", [["Key", key]]]);
  }
  return { status: 200, text: formatXml(["DeleteResult", results]) };
}

const mostKeys = 1000;
