export interface FileSystem {
  readonly name: string;
  /** Stored in memory, and lost when the machine restarts. */
  readonly isVolatile: boolean;
  /** Stored on another machine: slow to sync, with unreliable locks, and able to hang. */
  readonly isRemote: boolean;
}

/** Describes a file system by its type in `statfs`. All local disks are described alike. */
export function toFileSystem(type: number): FileSystem {
  // Some types are returned as negative 32-bit numbers.
  const magic = type >>> 0;
  const [, name = "a disk"] = [...volatile, ...remote].find(([known]) => known === magic) ?? [];
  const isOneOf = (list: typeof remote) => list.some(([known]) => known === magic);
  return { name, isVolatile: isOneOf(volatile), isRemote: isOneOf(remote) };
}

const volatile: readonly (readonly [number, string])[] = [
  [0x0102_1994, "tmpfs"],
  [0x8584_58f6, "ramfs"],
];

const remote: readonly (readonly [number, string])[] = [
  [0x6969, "NFS"],
  [0xff53_4d42, "CIFS"],
  [0xfe53_4d42, "SMB"],
  [0x00c3_6400, "Ceph"],
  [0x0102_1997, "9p"],
  [0x6573_5546, "FUSE"],
];
