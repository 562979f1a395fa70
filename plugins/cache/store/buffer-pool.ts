/** Buffers of one size, of which a limited number is in use at a time. */
export interface BufferPool {
  /** Calls `work` with a buffer, as soon as one is free. */
  use<T>(work: (buffer: Buffer) => Promise<T>): Promise<T>;
}

export interface BufferPoolOptions {
  /** Bytes of each buffer. */
  readonly size: number;
  readonly most: number;
}

export function createBufferPool({ size, most }: BufferPoolOptions): BufferPool {
  const free: Buffer[] = [];
  const waiting: ((buffer: Buffer) => void)[] = [];
  let created = 0;
  const take = (): Buffer | Promise<Buffer> => {
    const buffer = free.pop();
    if (buffer !== undefined) return buffer;
    if (created === most) return new Promise((resolve) => waiting.push(resolve));
    created += 1;
    return Buffer.allocUnsafeSlow(size);
  };
  return {
    async use(work) {
      const buffer = await take();
      try {
        return await work(buffer);
      } finally {
        const next = waiting.shift();
        if (next) next(buffer);
        else free.push(buffer);
      }
    },
  };
}
