import type { Engine } from "./engine.ts";

/**
 * Asks the engine now and then whether it is there. `onLost` is called once, when it does not answer within its time-out or cannot be reached; the
 * connections to its containers may stay open without a word. Disposal ends it.
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
