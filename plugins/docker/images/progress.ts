/** A progress message of a pull: one change of one layer. */
export interface PullEvent {
  readonly id?: string;
  readonly status?: string;
  readonly error?: string;
  readonly progressDetail?: { readonly current?: number; readonly total?: number };
}

export interface PullProgress {
  add(event: PullEvent): void;
  /** Returns `3 of 5 layers, 12.5 of 48.1 MB`; `undefined` before the first layer. */
  summary(): string | undefined;
  readonly counts: PullCounts;
  /** Downloaded bytes, compressed. */
  readonly downloadedBytes: number;
}

export interface PullCounts {
  readonly layers: number;
  readonly doneLayers: number;
  /** Downloaded bytes, and those of all layers whose size is known. */
  readonly bytes: number;
  readonly totalBytes: number;
}

/** Adds up the pulls of several images: `2 images, 3 of 5 layers, 12.5 of 48.1 MB`. */
export function summarizePulls(pulls: readonly PullProgress[]): string | undefined {
  const counts = pulls.map((pull) => pull.counts).filter(({ layers }) => layers > 0);
  const sum = (pick: (count: PullCounts) => number) => counts.reduce((all, count) => all + pick(count), 0);
  const text = describeCounts({
    layers: sum(({ layers }) => layers),
    doneLayers: sum(({ doneLayers }) => doneLayers),
    bytes: sum(({ bytes }) => bytes),
    totalBytes: sum(({ totalBytes }) => totalBytes),
  });
  return text !== undefined && counts.length > 1 ? `${counts.length} images, ${text}` : text;
}

function describeCounts({ layers, doneLayers, bytes, totalBytes }: PullCounts): string | undefined {
  if (layers === 0) return undefined;
  const size = totalBytes > 0 ? `, ${toMegabytes(bytes)} of ${toMegabytes(totalBytes)} MB` : "";
  return `${doneLayers} of ${layers} layers${size}`;
}

interface Layer {
  current: number;
  total: number;
  isDone: boolean;
}

/** Adds up the progress of all layers of a pull. */
export function createPullProgress(): PullProgress {
  const layers = new Map<string, Layer>();
  const sum = (pick: (layer: Layer) => number) =>
    [...layers.values()].reduce((all, layer) => all + pick(layer), 0);
  const count = (): PullCounts => ({
    layers: layers.size,
    doneLayers: sum(({ isDone }) => Number(isDone)),
    bytes: sum(({ current }) => current),
    totalBytes: sum(({ total, current }) => Math.max(total, current)),
  });
  return {
    add({ id, status = "", progressDetail }) {
      if (id === undefined || !/^[0-9a-f]{12}$/.test(id)) return;
      const layer = layers.get(id) ?? { current: 0, total: 0, isDone: false };
      layers.set(id, layer);
      if (status === "Downloading") {
        layer.current = progressDetail?.current ?? layer.current;
        layer.total = progressDetail?.total ?? layer.total;
      } else if (status === "Download complete") layer.current = layer.total;
      else if (/^(Pull complete|Already exists)$/.test(status)) {
        layer.current = layer.total;
        layer.isDone = true;
      }
    },
    summary: () => describeCounts(count()),
    get counts() {
      return count();
    },
    get downloadedBytes() {
      return sum(({ current }) => current);
    },
  };
}

export function toMegabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
