import type { Engine } from "./engine.ts";

/**
 * Pings the engine at an interval, since connections to its containers can stay open after its loss. Calls
 * `onLost` once, when a ping fails or exceeds the time-out. Disposal ends it.
 */
export function startHeartbeat(engine: Engine, onLost: () => void): Disposable {
  let timer: NodeJS.Timeout | undefined;
  let isOver = false;
  const beat = async () => {
    try {
      await engine.call("reach the Docker engine", engine.docker.ping());
      if (!isOver) timer = setTimeout(() => void beat(), pauseMs).unref();
    } catch {
      if (!isOver) onLost();
      isOver = true;
    }
  };
  timer = setTimeout(() => void beat(), pauseMs).unref();
  return {
    [Symbol.dispose]() {
      isOver = true;
      clearTimeout(timer);
    },
  };
}

const pauseMs = 5000;
