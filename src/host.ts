import type { HookEvents, HookName } from "./hooks.ts";
import type { Service } from "./services.ts";

/** All plugins, set up. */
export interface Host extends AsyncDisposable {
  /** Calls a hook's listeners, one after another. A gate's first throw rejects; a notice's are logged. */
  call<N extends HookName>(name: N, event: HookEvents[N]): Promise<void>;
  /** Finds a service, wrapped so that whatever it throws names its plugin. */
  use<T extends object>(service: Service<T>, name: string): T;
  all<T extends object>(service: Service<T>): ReadonlyMap<string, T>;
  /** What each plugin hears and provides, for `signalman plugins`. */
  describe(): readonly {
    readonly plugin: string;
    readonly hooks: readonly HookName[];
    readonly services: readonly { readonly service: string; readonly name: string }[];
  }[];
}
