/**
 * The SDK for plugins that serve HTTP.
 *
 * @module signalman/http
 */
export type { HostNames, HttpAddress } from "./kit/http/address.ts";
export type { Exchange, Pieces } from "./kit/http/exchange.ts";
export {
  type Handler,
  type HttpLimits,
  type HttpServer,
  type HttpServerOptions,
  openHttpServer,
} from "./kit/http/server.ts";
export { isSameToken } from "./kit/http/token.ts";
