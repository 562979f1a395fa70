/** A variable as the wire carries it: the value in base64, decoded only when it is used (protocol section 3.1). */
export interface EnvironmentVariable {
  readonly name: string;
  /** Base64, standard alphabet, padded. */
  readonly value: string;
}

/** A file to put in place before the commands run (protocol sections 3.1, 3.3). */
export interface JobFile {
  /** Absolute, `~/…`, or relative to the home directory. */
  readonly path: string;
  /** Base64. */
  readonly content: string;
  /** Octal, as a string: `"0644"`. */
  readonly mode: string;
}

/** A command of a job. */
export interface JobCommand {
  readonly directive: string;
  /** Shown in place of the directive; empty when there is none. */
  readonly alias: string;
}

/** A container of a job. The commands of the job run in the first one. */
export interface JobContainer {
  readonly name: string;
  readonly image: string;
  readonly command: string;
  readonly entrypoint: string;
  readonly user: string;
  readonly env: readonly EnvironmentVariable[];
  readonly files: readonly JobFile[];
}

/** Credentials of a registry, for executors with containers. `decodePullCredentials` decodes them. */
export interface ImagePullCredentials {
  readonly env: readonly EnvironmentVariable[];
  readonly files: readonly JobFile[];
}

/** A job request with all lists and defaults. Values in base64 are not decoded (protocol section 3). */
export interface JobRequest {
  readonly id: string;
  readonly name: string;
  /** The wire's name of the executor; `shell` when the request names none. */
  readonly executor: string;
  readonly env: readonly EnvironmentVariable[];
  readonly files: readonly JobFile[];
  readonly commands: readonly JobCommand[];
  readonly epilogueAlways: readonly JobCommand[];
  readonly epilogueOnPass: readonly JobCommand[];
  readonly epilogueOnFail: readonly JobCommand[];
  readonly containers: readonly JobContainer[];
  readonly imagePullCredentials: readonly ImagePullCredentials[];
  readonly hostSetupCommands: readonly JobCommand[];
  readonly sshPublicKeys: readonly string[];
  readonly callbacks: {
    readonly finished: string;
    readonly teardownFinished: string;
    readonly token: string;
  };
  readonly logger: {
    readonly method: string;
    readonly url: string;
    readonly token: string;
    /** For `pull`; 0 when the request sets none. */
    readonly maxSizeInBytes: number;
  };
}
