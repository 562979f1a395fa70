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
  readonly project: string;
  readonly store: ObjectStore;
  readonly uploads: Uploads;
  readonly use: UseRecorder;
}

/** A request for one object, which belongs to the project of the access key. */
export interface ObjectCall extends Call {
  readonly name: ObjectName;
}

/** The answer of an operation. */
export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** XML, or nothing. */
  readonly text?: string;
}
