/**
 * The SDK for plugins that serve HTTP.
 *
 * @module signalman/http
 */
export type { HostNames, HttpAddress } from "./address.ts";
export type { Exchange, Pieces } from "./exchange.ts";
export {
  type Handler,
  type HttpLimits,
  type HttpServer,
  type HttpServerOptions,
  openHttpServer,
} from "./server.ts";
export { isSameToken } from "./token.ts";
