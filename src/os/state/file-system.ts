export interface FileSystem {
  readonly name: string;
  /** In memory: gone when the machine restarts. */
  readonly isVolatile: boolean;
  /** On another machine: slow to sync, its locks may not hold, and it can hang. */
  readonly isRemote: boolean;
}

/** What a file system is, by its type as `statfs` gives it. Those that are kept on a disk here all count as one. */
export function toFileSystem(type: number): FileSystem {
  // Some come as negative numbers of 32 bits.
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
