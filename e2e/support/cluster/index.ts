// A Kubernetes cluster of one node on this machine, for development and for e2e: `npm run cluster [--
// start|stop|status]`.

import { runningComponents, startCluster, stopCluster } from "./cluster.ts";
import { directories, files } from "./layout.ts";

const [command = "start"] = process.argv.slice(2);
switch (command) {
  case "start":
    await startCluster();
    console.log(`The cluster runs. To use it:

  export KUBECONFIG=${files.kubeconfig}
  ${files.kubectl} get pods

It stays until \`npm run cluster -- stop\`. Logs of its components: ${directories.run}/*.log`);
    break;
  case "stop":
    await stopCluster();
    console.log("The cluster has stopped. Its files stay, so that the next start takes seconds.");
    break;
  case "status":
    for (const [name, pid] of runningComponents()) console.log(`${name} runs (pid ${pid})`);
    break;
  default:
    console.error(`no command named "${command}" (known: start, stop, status)`);
    process.exitCode = 2;
}
