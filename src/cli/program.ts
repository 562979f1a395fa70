import type { EffectiveConfig } from "../config.ts";
import type { Host } from "../host.ts";
import type { LoadedPlugin } from "../loader.ts";
import type { Logger } from "../logger.ts";
import type { ProcessRole, StopReason } from "../plugin.ts";

/** The program as a command sees it (citty's `data`): everything is resolved, nothing is set up. */
export interface Program {
  readonly version: string;
  readonly logger: Logger;
  readonly config: EffectiveConfig;
  /** In the order in which their hooks are called. */
  readonly plugins: readonly LoadedPlugin[];
  /** Sets the plugins up. Dispose it when the command is done. */
  openHost(options: {
    roles: readonly ProcessRole[];
    onStop?: (reason: StopReason, plugin: string) => void;
  }): Promise<Host>;
}
