/** What an endpoint answers. */
export interface Answer {
  readonly status: number;
  readonly text?: string;
  /** In place of `text`. */
  readonly json?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** The server's handler panics: the connection is closed without an answer. */
  readonly isPanic?: boolean;
}

export const notFound: Answer = { status: 404, text: "Not Found" };
export const panic: Answer = { status: 500, isPanic: true };
