import { useEffect, useState } from "preact/hooks";

/** Whether messages arrive: `lost` since a time, until the server answers again. */
export type Connection =
  | { readonly state: "opening" | "live" }
  | { readonly state: "lost"; readonly since: number };

/** Pause before the next attempt when the browser makes none itself. */
const againMs = 2000;
/** The server sends something every ten seconds. */
const silentMs = 30_000;

/** Follows the messages at a path. `onOpen` is called at each connection, the first one included. */
export function useMessages<T>(
  path: string,
  { onMessage, onOpen }: { readonly onMessage: (value: T) => void; readonly onOpen?: () => void },
): Connection {
  const [connection, setConnection] = useState<Connection>({ state: "opening" });
  useEffect(() => {
    let source: EventSource | undefined;
    let again: ReturnType<typeof setTimeout> | undefined;
    let silence: ReturnType<typeof setTimeout> | undefined;
    const lose = (): void =>
      setConnection((known) => (known.state === "lost" ? known : { state: "lost", since: Date.now() }));
    const restart = (): void => {
      source?.close();
      clearTimeout(again);
      again = setTimeout(open, againMs);
      lose();
    };
    const listen = (): void => {
      clearTimeout(silence);
      silence = setTimeout(restart, silentMs);
    };
    const open = (): void => {
      source = new EventSource(path);
      source.addEventListener("open", () => {
        setConnection({ state: "live" });
        onOpen?.();
      });
      source.addEventListener("ping", listen);
      source.addEventListener("message", ({ data }) => {
        listen();
        onMessage(JSON.parse(data as string) as T);
      });
      source.addEventListener("error", restart);
      listen();
    };
    open();
    return () => {
      source?.close();
      clearTimeout(again);
      clearTimeout(silence);
    };
  }, [path]);
  return connection;
}
