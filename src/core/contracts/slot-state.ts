/** A small durable store of JSON documents. After a crash, a document is either the new or the previous version. */
export interface SlotState {
  /** Returns `undefined` when the document does not exist. Throws `STATE_INVALID` when it is damaged. */
  get<T>(name: string): T | undefined;
  /** Returns once the document is on disk. The caller seals secret texts first: see `seal`. */
  put(name: string, document: unknown): void;
  remove(name: string): void;
}
