import { existsSync } from "node:fs";
import { chmod, copyFile, cp, mkdir, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";
import { needCommand } from "../support/engine/packages.ts";
import { root } from "../support/fixtures.ts";
import { run as runCommand } from "../support/cluster/command.ts";

/** The files that machines start from; no machine changes them. */
export interface MachineImage {
  readonly kernel: string;
  readonly initialRamDisk: string;
  readonly disk: string;
  /** Private key that opens a shell of root in every machine. */
  readonly key: string;
}

/** The first release with a systemd (257) that knows `DelegateSubgroup` (254). */
const suite = "trixie";
const packages = [
  "dbus",
  "linux-image-cloud-amd64",
  "openssh-server",
  "procps",
  "sudo",
  "systemd",
  "systemd-sysv",
];

/** The tools of file systems are in directories that not every user's PATH has. */
const run = (command: readonly string[]) =>
  runCommand(command, {
    env: { PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` },
    timeoutMs: 15 * 60_000,
  });

/** Returns the image, which is made once, from Debian's packages. Needs root. */
export async function makeMachineImage(): Promise<MachineImage> {
  const cache = process.env["XDG_CACHE_HOME"] || path.join(homedir(), ".cache");
  const directory = path.join(cache, "signalman-test-machine");
  const place = (name: string) => path.join(directory, name);
  if (!existsSync(directory)) await build(directory);
  return {
    kernel: place("kernel"),
    initialRamDisk: place("initrd"),
    disk: place("disk"),
    key: place("key"),
  };
}

async function build(directory: string): Promise<void> {
  await needCommand("debootstrap", "debootstrap");
  await needCommand("ssh-keygen", "openssh-client");
  await needCommand("mkfs.ext4", "e2fsprogs");
  await mkdir(path.dirname(directory), { recursive: true });
  const work = await mkdtemp(`${directory}-`);
  try {
    const tree = path.join(work, "root");
    await run(["debootstrap", "--variant=minbase", `--include=${packages.join()}`, suite, tree]);
    await run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path.join(work, "key")]);
    await configure(tree, path.join(work, "key.pub"));
    const boot = path.join(tree, "boot");
    for (const [prefix, name] of [
      ["vmlinuz-", "kernel"],
      ["initrd.img-", "initrd"],
    ] as const) {
      const file = (await readdir(boot)).find((entry) => entry.startsWith(prefix));
      await copyFile(path.join(boot, file!), path.join(work, name));
    }
    await makeDisk(tree, path.join(work, "disk"), "4G");
    await rm(tree, { recursive: true });
    await rename(work, directory);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function configure(tree: string, publicKey: string): Promise<void> {
  const write = async (file: string, text: string) => {
    await mkdir(path.dirname(path.join(tree, file)), { recursive: true });
    await writeFile(path.join(tree, file), text);
  };
  await write("etc/hostname", "machine\n");
  await write("etc/hosts", "127.0.0.1 localhost machine\n");
  await write("etc/fstab", "/dev/vda / ext4 defaults 0 1\n/dev/vdb /src ext4 ro,nofail 0 0\n");
  await write(
    "etc/systemd/network/eth0.network",
    "[Match]\nName=eth0\n[Network]\nAddress=10.0.2.15/24\nGateway=10.0.2.2\n",
  );
  await mkdir(path.join(tree, "src"));
  await mkdir(path.join(tree, "root/.ssh"), { recursive: true, mode: 0o700 });
  await copyFile(publicKey, path.join(tree, "root/.ssh/authorized_keys"));
  await run(["chroot", tree, "systemctl", "enable", "systemd-networkd", "ssh"]);
  await rm(path.join(tree, "var/cache/apt"), { recursive: true });
}

/** Creates a disk with this checkout, its binary, and the running Bun as `/bun`. */
export async function makeSourceDisk(file: string): Promise<void> {
  const tree = await mkdtemp(`${file}-`);
  try {
    await cp(root, tree, {
      recursive: true,
      verbatimSymlinks: true,
      filter: (source) => ![".git", "reports"].includes(path.basename(source)),
    });
    await copyFile(process.execPath, path.join(tree, "bun"));
    await chmod(path.join(tree, "bun"), 0o755);
    await makeDisk(tree, file, "3G");
  } finally {
    await rm(tree, { recursive: true });
  }
}

async function makeDisk(tree: string, file: string, size: string): Promise<void> {
  await run(["truncate", `--size=${size}`, file]);
  await run(["mkfs.ext4", "-q", "-E", "root_owner=0:0", "-d", tree, file]);
}
