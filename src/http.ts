/**
 * The SDK for plugins that serve HTTP.
 *
 * A comment between the exports begins a page of `docs/sdk`: its title, and the question that it answers.
 *
 * @module signalman/http
 */

// HTTP servers: bounded servers on a port or a socket
export { openHttpServer, type HttpServer } from "./kit/http/server.ts";
export type { HttpServerOptions, HttpLimits } from "./kit/http/options.ts";
export type { Handler } from "./kit/http/handler.ts";
export type { HttpAddress, HostNames } from "./kit/http/address.ts";
export type { Exchange } from "./kit/http/exchange.ts";
export type { FilePiece, OpenFile, Piece, Pieces } from "./kit/http/write-pieces.ts";
export { readCached } from "./kit/http/read-cached.ts";
export { isSameToken } from "./kit/http/token.ts";
