import type { Logger } from "signalman";
import { type Client, createClient } from "./client.ts";
import { loadConnection } from "./connection.ts";

/** Connects once, when it is needed first. What failed is tried again the next time. */
export function createConnector(
  env: Readonly<Record<string, string | undefined>>,
  logger: Logger,
): () => Promise<Client> {
  let connecting: Promise<Client> | undefined;
  return () => {
    connecting ??= loadConnection(env, (line) => logger.info(line))
      .then((connection) => createClient(connection))
      .catch((error: unknown) => {
        connecting = undefined;
        throw error;
      });
    return connecting;
  };
}
