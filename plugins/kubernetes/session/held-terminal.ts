import { quote, type Terminal, type TerminalOptions } from "signalman/executor";
import type { Link } from "./link.ts";
import { toStep } from "./steps.ts";

/** Opens a terminal that the pod's supervisor holds: it survives the loss of the connection. */
export function openHeldTerminal(link: Link, options: TerminalOptions): Terminal {
  link.onData = options.onData;
  // `; :` keeps the surrounding shell running after the command: the kernel discards unread output when a
  // terminal's leader exits.
  link.send(toStep("start", `${options.command.map(quote).join(" ")}; :`));
  return {
    ended: link.ended,
    write: (line) => link.send(toStep("type_line", line.replace(/\n$/, ""))),
    settle: () => link.send("settle"),
    kill: () => link.close(),
    async [Symbol.asyncDispose]() {
      link.close();
      await link.ended;
    },
  };
}
