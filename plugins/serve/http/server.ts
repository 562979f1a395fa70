import { type Handler, type HttpServer, openHttpServer } from "signalman/http";
import type { Certificate } from "../certificate.ts";
import type { Limits } from "./limits.ts";

export interface ApiServerOptions {
  readonly host: string;
  readonly port: number;
  readonly certificate: Certificate;
  readonly limits: Limits;
}

/** Serves the API over HTTPS. A client has as long to read 256 KiB of an answer as to send a request. */
export function openApiServer(options: ApiServerOptions, handler: Handler): Promise<HttpServer> {
  const { host, port, certificate, limits } = options;
  return openHttpServer(
    {
      address: { kind: "tcp", host, port },
      option: "--host, --port",
      tls: certificate,
      limits: { ...limits, stallMs: limits.requestMs },
    },
    handler,
  );
}
