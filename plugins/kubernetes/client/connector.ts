import type { Logger } from "signalman";
import type { Client } from "./client.ts";

/** Creates a function that connects at its first call and again after a failure. */
export function createConnector(
  env: Readonly<Record<string, string | undefined>>,
  logger: Logger,
): () => Promise<Client> {
  let connecting: Promise<Client> | undefined;
  return () => {
    connecting ??= connect(env, logger).catch((error: unknown) => {
      connecting = undefined;
      throw error;
    });
    return connecting;
  };
}

async function connect(env: Readonly<Record<string, string | undefined>>, logger: Logger): Promise<Client> {
  const [{ createClient }, { loadConnection }] = await Promise.all([
    import("./client.ts"),
    import("./connection.ts"),
  ]);
  return createClient(await loadConnection(env, (line) => logger.info(line)));
}
