import { executor, type PluginContext, toMessage, withDeadline } from "signalman";
import { loopback } from "./servers.ts";

/**
 * Asks the executors at which address their jobs reach this host. Resolves to the addresses by the executor's name.
 * With `url` only loopback counts: all other jobs use the URL.
 */
export async function findHosts(
  { all, log }: Pick<PluginContext, "all" | "log">,
  url: string,
): Promise<Record<string, string>> {
  const ask = async (name: string, find: () => Promise<string | undefined>): Promise<[string, string][]> => {
    try {
      const host = await withDeadline(find(), answerMs, () => new Error("no answer within 10 s"));
      if (host === undefined || (url !== "" && host !== loopback)) return [];
      return [[name, host]];
    } catch (error) {
      log.warn(`jobs of the executor "${name}" do not reach the cache: ${toMessage(error)}`);
      return [];
    }
  };
  const found = await Promise.all(
    Array.from(all(executor), ([name, factory]) =>
      factory.hostAddress ? ask(name, async () => factory.hostAddress!()) : [],
    ),
  );
  return Object.fromEntries(found.flat());
}

const answerMs = 10_000;
