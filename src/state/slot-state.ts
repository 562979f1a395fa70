import { join } from "node:path";
import {
  makePrivateDirectory,
  readDocument,
  refuseNewer,
  removeDocument,
  writeDocument,
} from "./document.ts";

/** A small durable store of JSON documents: what was put is there after a crash, whole or as it was before. */
export interface SlotState {
  /** `undefined` when it was never put. Throws `STATE_INVALID` when it is damaged. */
  get<T>(name: string): T | undefined;
  /** On disk when it returns. Secret texts are sealed by whoever puts them: see `seal`. */
  put(name: string, document: unknown): void;
  remove(name: string): void;
}

/** `hold` is called before anything is changed: see `StateDirectory.hold`. Throws `STATE_NEWER` when a newer program's documents stand there: they would be lost. */
export function createSlotState(directory: string, hold = () => {}): SlotState {
  refuseNewer(directory);
  makePrivateDirectory(directory);
  const path = (name: string) => join(directory, `${name}.json`);
  return {
    get: (name) => readDocument(path(name)),
    put(name, document) {
      hold();
      makePrivateDirectory(directory);
      writeDocument(path(name), document);
    },
    remove(name) {
      hold();
      removeDocument(path(name));
    },
  };
}
