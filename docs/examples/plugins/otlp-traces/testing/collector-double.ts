/** A span as the collector receives it. */
export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { readonly key: string; readonly value: Readonly<Record<string, string>> }[];
  readonly status: { readonly code: number; readonly message?: string };
}

interface Body {
  readonly resourceSpans: readonly {
    readonly scopeSpans: readonly { readonly spans: readonly ReceivedSpan[] }[];
  }[];
}

/** A collector that keeps what it receives. */
export function openCollector(status = 200) {
  const spans: ReceivedSpan[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      if (new URL(request.url).pathname !== "/v1/traces") return new Response(null, { status: 404 });
      const { resourceSpans } = (await request.json()) as Body;
      for (const { scopeSpans } of resourceSpans) for (const scope of scopeSpans) spans.push(...scope.spans);
      return new Response("{}", { status });
    },
  });
  const childrenOf = (parent: string | undefined) =>
    spans
      .filter(({ parentSpanId }) => parentSpanId === parent)
      .sort((a, b) => Number(a.startTimeUnixNano) - Number(b.startTimeUnixNano));
  const toLines = (span: ReceivedSpan, indent: string): string[] => {
    const { name, startTimeUnixNano, endTimeUnixNano, status: end } = span;
    const error = end.code === 2 ? ` error: ${end.message}` : "";
    return [
      `${indent}${name} ${startTimeUnixNano}-${endTimeUnixNano}${error}`,
      ...childrenOf(span.spanId).flatMap((child) => toLines(child, `${indent}  `)),
    ];
  };
  return {
    url: `${server.url.origin}/`,
    spans,
    /** The spans as a tree, in the order of their start: name, times in nanoseconds, and error. */
    tree: () => childrenOf(undefined).flatMap((root) => toLines(root, "")),
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}
