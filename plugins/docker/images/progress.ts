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
  /** Downloaded bytes, compressed. */
  readonly downloadedBytes: number;
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
    summary() {
      if (layers.size === 0) return undefined;
      const done = [...layers.values()].filter(({ isDone }) => isDone).length;
      const total = sum((layer) => Math.max(layer.total, layer.current));
      const bytes =
        total > 0 ? `, ${toMegabytes(sum(({ current }) => current))} of ${toMegabytes(total)} MB` : "";
      return `${done} of ${layers.size} layers${bytes}`;
    },
    get downloadedBytes() {
      return sum(({ current }) => current);
    },
  };
}

export function toMegabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
