import type { FileHandle } from "node:fs/promises";

/** A file that readers follow while it is written. */
export interface GrowingFile {
  /** Rejects when the disk is full. Readers have only what was written as a whole. */
  write(bytes: Uint8Array): Promise<void>;
  /** Nothing more is written. With an error, readers fail behind the last byte. */
  end(error?: Error): void;
  /** Reads from the start to the end. */
  follow(): AsyncGenerator<Buffer, void>;
}

export function createGrowingFile(file: FileHandle): GrowingFile {
  let size = 0;
  let isOver = false;
  let fault: Error | undefined;
  let changed = Promise.withResolvers<void>();
  const wake = (): void => {
    changed.resolve();
    changed = Promise.withResolvers();
  };
  return {
    async write(bytes) {
      for (let done = 0; done < bytes.length;) {
        const { bytesWritten } = await file.write(bytes, done, bytes.length - done, size + done);
        done += bytesWritten;
      }
      size += bytes.length;
      wake();
    },
    end(error) {
      isOver = true;
      fault = error;
      wake();
    },
    async *follow() {
      for (let position = 0; ;) {
        if (position < size) {
          const buffer = Buffer.allocUnsafeSlow(Math.min(pieceBytes, size - position));
          const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
          if (bytesRead === 0) throw new Error("the file of an answer has become shorter");
          position += bytesRead;
          yield buffer.subarray(0, bytesRead);
        } else if (!isOver) await changed.promise;
        else if (fault === undefined) return;
        else throw fault;
      }
    },
  };
}

const pieceBytes = 256 * 1024;
