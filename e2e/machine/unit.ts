import { registrationToken } from "../support/hub-process.ts";
import { hostAddress, type Machine } from "./machine.ts";

/**
 * Installs the built program and the unit of the documentation as `docs/operations.md` describes it, and
 * starts the service.
 */
export async function installUnit(machine: Machine, hubEndpoint: string): Promise<void> {
  const install = `set -e
    useradd --system --create-home --shell /bin/bash signalman
    install -m 0711 /src/dist/signalman /usr/local/bin/signalman
    mkdir /etc/signalman
    umask 077; echo SEMAPHORE_AGENT_TOKEN=${registrationToken} >/etc/signalman/environment; umask 022
    cat >/etc/signalman/config.yaml
    cp /src/docs/examples/signalman.service /etc/systemd/system/
    systemctl enable --now signalman`;
  const { port } = new URL(`http://${hubEndpoint}`);
  const config = {
    endpoint: `${hostAddress}:${port}`,
    "no-https": true,
    "job-memory": "128MiB",
    "job-pids": 100,
    "job-cpus": 0.5,
    "interruption-grace-period": 1,
  };
  await machine.run(install, JSON.stringify(config));
}
