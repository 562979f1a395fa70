import {
  type Handler,
  type HttpServer,
  openHttpServer,
  type HttpLimits,
  type HttpServerOptions,
} from "signalman/http";
import type { Certificate } from "../certificate.ts";

export interface ApiServerOptions {
  readonly host: string;
  readonly port: number;
  readonly certificate: Certificate;
  readonly limits: Limits;
  readonly logger: HttpServerOptions["logger"];
}

/** Limits of the HTTPS server. */
export type Limits = Required<Omit<HttpLimits, "requests" | "answerMs" | "stallMs" | "bodyRate">>;

/** Serves the API over HTTPS. A client has as long to read 256 KiB of an answer as to send a request. */
export function openApiServer(options: ApiServerOptions, handler: Handler): Promise<HttpServer> {
  const { host, port, certificate, limits, logger } = options;
  return openHttpServer(
    {
      address: { kind: "tcp", host, port },
      option: "--host, --port",
      tls: certificate,
      limits: { ...limits, stallMs: limits.requestMs },
      logger,
    },
    handler,
  );
}

/** Accepts a job request with 64 MiB of files, which base64 makes a third larger, and refuses 100 MB. */
export const defaultLimits: Limits = {
  connections: 256,
  headerBytes: 16 * 1024,
  bodyBytes: 90 * 1024 * 1024,
  requestMs: 10_000,
  // Protocol section 8.3.
  idleMs: 30_000,
};
