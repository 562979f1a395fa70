/** The answer of an endpoint. */
export interface Answer {
  readonly status: number;
  readonly text?: string;
  /** JSON body, instead of `text`. */
  readonly json?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether the server's handler panics, so that the connection is closed without an answer. */
  readonly isPanic?: boolean;
}

export const notFound: Answer = { status: 404, text: "Not Found" };
export const panic: Answer = { status: 500, isPanic: true };
