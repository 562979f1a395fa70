import type { Exchange } from "signalman/http";
import type { ObjectName } from "../store/layout.ts";
import type { ObjectStore } from "../store/store.ts";
import type { UseRecorder } from "../uses.ts";
import type { Uploads } from "../store/uploads.ts";
import type { AmzHeaders } from "./amz-headers.ts";
import type { SignedRequest } from "./authenticate.ts";

/** An authorized request, as operations see it. */
export interface Call {
  readonly exchange: Exchange;
  readonly amz: AmzHeaders;
  readonly signed: SignedRequest;
  /** The project of the access key. */
  readonly project: string;
  /** The project whose objects these are: another one when projects share theirs. */
  readonly space: string;
  readonly store: ObjectStore;
  readonly uploads: Uploads;
  readonly use: UseRecorder;
}

/** A request for one object, which the project of the access key reaches. */
export interface ObjectCall extends Call {
  readonly name: ObjectName;
  /** As the client names it. */
  readonly key: string;
}

/** The answer of an operation. */
export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** XML, or nothing. */
  readonly text?: string;
}
