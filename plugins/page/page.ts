import { AgentError, type JobBoard, type Logger } from "signalman";
import { type HttpLimits, openHttpServer } from "signalman/http";
import { createAccess, loadTokens } from "./access.ts";
import { parsePageAddress } from "./address.ts";
import { createApi } from "./api.ts";
import type { PageConfig } from "./config.ts";
import { createHandler } from "./handler.ts";
import { createOpenLogs } from "./log/open-logs.ts";

export interface PageOptions {
  readonly options: PageConfig;
  readonly logger: Logger;
}

export interface Page {
  readonly url: string;
  close(): Promise<void>;
}

/** A browser has up to six connections; those that follow a job keep one. */
const limits: HttpLimits = {
  connections: 2048,
  bodyBytes: 1024 * 1024,
  requestMs: 10_000,
  idleMs: 30_000,
  // A client that reads nothing for this time is disconnected, and connects again.
  stallMs: 60_000,
};

/** Serves the page of a board. Throws `FILE_FAILED` when the address or a token's file cannot be used. */
export async function openPage(board: JobBoard, { options, logger }: PageOptions): Promise<Page> {
  const place = parsePageAddress(options.listen);
  if (!place) throw new AgentError("CONFIG_INVALID", `page-listen "${options.listen}" is not an address`);
  const access = createAccess(loadTokens(options));
  const logs = createOpenLogs(board);
  const api = createApi({ board, logs, access });
  const server = await openHttpServer(
    {
      address: place.address,
      option: "page-listen",
      hosts: { names: options.hosts, option: "page-hosts" },
      limits,
      logger,
    },
    createHandler({ api, access }),
  );
  logger.info(`the page of this ${board.kind} is at ${server.url}`);
  if (board.kind === "agent" && place.address.kind === "tcp" && !access.isClosed) {
    logger.warn(
      "every user and job of this host can read all logs on the page: set page-read-token, or use unix:/PATH",
    );
  }
  return {
    url: server.url,
    async close() {
      await server.close();
      logs[Symbol.dispose]();
    },
  };
}
