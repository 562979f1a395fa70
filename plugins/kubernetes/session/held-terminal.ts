import { quote, type Terminal, type TerminalOptions } from "signalman/executor";
import type { Link } from "./link.ts";
import { toStep } from "./steps.ts";

/** A terminal that the pod itself holds: it lives on while no connection stands. */
export function openHeldTerminal(link: Link, options: TerminalOptions): Terminal {
  link.onData = options.onData;
  // `; :` makes the shell around the command outlive it: when a terminal's leader exits, the kernel discards unread output.
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
