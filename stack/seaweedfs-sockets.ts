import { rmSync } from "node:fs";
import type { Ports } from "./ports.ts";

/**
 * `weed mini` makes these by itself, removes not all of them when it ends, and does not start where
 * some of another user's are left: in /tmp only their owner may remove them.
 */
function socketsOf(ports: Ports): string[] {
  const names = [
    `s3-${ports.s3}`,
    `s3-grpc-${ports.s3Grpc}`,
    `master-grpc-${ports.s3MasterGrpc}`,
    `volume-grpc-${ports.s3VolumeGrpc}`,
    `filer-${ports.s3Filer}`,
    `filer-grpc-${ports.s3FilerGrpc}`,
    `admin-grpc-${ports.s3AdminGrpc}`,
  ];
  return names.map((name) => `/tmp/seaweedfs-${name}.sock`);
}

/** Removes what a SeaweedFS that has ended left of its Unix sockets. @returns whether none is in the way any more */
export function removeSockets(ports: Ports): boolean {
  try {
    for (const socket of socketsOf(ports)) rmSync(socket, { force: true });
    return true;
  } catch {
    return false;
  }
}
