/** The agent's service, as a service manager of this machine runs it. */
export interface Service {
  /** Its name, for messages. */
  readonly name: string;
  /**
   * Writes its definition and starts it at each start of the machine; now only if `isStarted`. Throws
   * `PROGRAM_FAILED` or `FILE_FAILED`.
   */
  install(options: InstallOptions): Promise<void>;
  status(): Promise<ServiceStatus>;
  /** Lets the agent finish its job, and removes the definition. Resolves to whether the agent has exited. */
  uninstall(): Promise<boolean>;
}

export interface InstallOptions {
  /** The path of the program. */
  readonly program: string;
  readonly user: string;
  readonly configFile: string;
  /** A file of root with the agent's variables. */
  readonly environmentFile: string;
  /** The time that the agent may need to shut down. */
  readonly shutdownSeconds: number;
  readonly isStarted: boolean;
  /** Whether an existing definition is replaced. */
  readonly isForced: boolean;
}

export interface ServiceStatus {
  /** File of the definition; `undefined`: there is none. */
  readonly definition: string | undefined;
  /** Whether this program wrote it, and not a package. */
  readonly isOurs: boolean;
  readonly isActive: boolean;
  readonly isEnabled: boolean;
}
