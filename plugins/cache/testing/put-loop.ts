// Stores versions of one object until it is killed: `put-loop.ts ROOT FIRST [PHASE]`. With a phase it stops there.
import { openStore } from "../store/store.ts";
import { storeObject } from "./objects.ts";

/** The content of a version: whole blocks and a rest, which names the version in every byte. */
export function toVersion(version: number): Buffer {
  return Buffer.alloc(600_000 + version, version % 251);
}

export const name = { project: "held-1", key: "held-1/looped" };

if (import.meta.main) {
  const [root = "", first = "1", phase] = process.argv.slice(2);
  const store = openStore({ root, capacity: 64 * 1024 * 1024 });
  if (phase !== undefined) await stopAt(phase, Number(first));
  for (let version = Number(first); ; version++) {
    await storeObject(store, name, toVersion(version));
    process.stdout.write(`${version}\n`);
  }

  async function stopAt(where: string, version: number): Promise<void> {
    const bytes = toVersion(version);
    const object = store.create(name);
    const writer = await object.open();
    if (where !== "created") await writer.write(bytes.subarray(0, where === "half" ? 300_000 : bytes.length));
    const segment = where === "ended" || where === "checked" ? await writer.end() : undefined;
    const stop = () => {
      process.stdout.write(`${where}\n`);
      // Nothing that is in progress goes on: the process waits for its end here.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    };
    if (where === "checked") await object.commit({ etag: "x", headers: {}, segments: [segment!] }, stop);
    stop();
  }
}
