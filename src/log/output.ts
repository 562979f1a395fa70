/** Where a command's output goes: bytes as they came, or text. Synchronous: when it returns, the bytes are on their way to disk. */
export type Output = (chunk: Uint8Array | string) => void;
