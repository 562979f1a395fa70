import type { Exchange, Handler } from "signalman/http";
import { type Access, isForeign } from "./access.ts";
import type { Api, ApiCall } from "./api.ts";
import { type Asset, loadAssets } from "./assets.ts";
import { safeHeaders } from "./headers.ts";
import { sendError, sendJson } from "./answers.ts";

export interface HandlerOptions {
  readonly api: Api;
  readonly access: Access;
}

/** Answers requests: files of the page to everyone, the API to those who may use it. */
export function createHandler({ api, access }: HandlerOptions): Handler {
  let assets: Promise<ReadonlyMap<string, Asset>> | undefined;
  return async (exchange) => {
    const { path, method } = exchange;
    if (!path.startsWith("/api/")) {
      if (method !== "GET" && method !== "HEAD") return sendError(exchange, 405, "only GET is answered here");
      return sendAsset(exchange, await (assets ??= loadAssets()));
    }
    if (isForeign(exchange)) return sendError(exchange, 403, "requests of other pages are refused");
    if (path === "/api/session") return handleSession(exchange, access, api);
    const call = api.find(method, path);
    if (!call) return sendError(exchange, 404, `"${method} ${path.slice(0, 200)}" is not known`);
    const level = access.levelOf(exchange);
    if (level === "none") return sendError(exchange, 401, "a token is needed: page-token or page-read-token");
    if (call.isWrite && level !== "write") return sendError(exchange, 403, toRefusal(access));
    await answer(exchange, call);
  };
}

function toRefusal({ isWritable }: Access): string {
  return isWritable ? "this needs the token page-token" : "this needs a token: none is set (page-token)";
}

async function answer(exchange: Exchange, call: ApiCall): Promise<void> {
  const left = new AbortController();
  void exchange.closed.then(() => left.abort());
  await call.run(exchange, left.signal);
}

async function sendAsset(exchange: Exchange, assets: ReadonlyMap<string, Asset>): Promise<unknown> {
  const { path } = exchange;
  // The script shows the view of the path.
  const isView = path === "/" || /^\/jobs\/[\w-]+$/.test(path);
  const asset = assets.get(isView ? "/index.html" : path);
  if (!asset) return sendError(exchange, 404, "not found");
  return exchange.stream(200, exchange.method === "HEAD" ? [] : [asset.bytes], {
    ...safeHeaders,
    "Content-Type": asset.type,
    "Content-Encoding": "gzip",
  });
}

/** `GET`: what this browser may do. `POST` with a token: enters. `DELETE`: leaves. */
async function handleSession(exchange: Exchange, access: Access, api: Api): Promise<unknown> {
  if (exchange.method === "GET") {
    return sendJson(exchange, 200, { ...api.facts, level: access.levelOf(exchange) });
  }
  const body = exchange.method === "POST" ? await exchange.body() : Buffer.alloc(0);
  if (!body || !["POST", "DELETE"].includes(exchange.method))
    return sendError(exchange, 405, "expected POST");
  const { level, cookie } = access.enter(body.toString().trim());
  const headers = { "Set-Cookie": cookie };
  if (level === "none" && body.length > 0) return sendError(exchange, 401, "the token is not valid", headers);
  return sendJson(exchange, 200, { ...api.facts, level }, headers);
}
