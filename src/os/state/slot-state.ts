import type { SlotState } from "../../core/contracts/job-source.ts";
import { join } from "node:path";
import { readDocument, refuseNewer, removeDocument, writeDocument } from "./document.ts";
import { makePrivateDirectory } from "./private-directory.ts";

/**
 * Opens the documents of a slot. `hold` is called before each change: see `StateDirectory.hold`. Throws
 * `STATE_NEWER` when a newer program has written some of them.
 */
export function createSlotState(directory: string, hold = () => {}): SlotState {
  refuseNewer(directory);
  makePrivateDirectory(directory, { isReplaced: true });
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
