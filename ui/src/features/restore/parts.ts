// The parts of a restore in the order they are looked at. Pure.

import type { RestoreView } from "../../bindings";

export interface Part {
  /** Empty for what lies in no other part. */
  path: string;
  bytes: number;
  done: number;
  /** It was moved to the front, and is still to come. */
  first: boolean;
}

/**
 * What is there, then what comes: moved ones first, then what has begun, then
 * the rest by size. Nothing where the tool does not tell.
 */
export function partsOf(restore: RestoreView): Part[] {
  const { groups, groups_bytes, fronted } = restore;
  if (groups_bytes.length !== groups.length) return [];
  const rank = (part: Part) => {
    if (part.done >= part.bytes) return 0;
    const place = fronted.indexOf(part.path);
    if (place >= 0) return 1 + place / fronted.length;
    return part.done > 0 ? 2 : part.path ? 3 : 4;
  };
  return groups
    .map((group, index) => ({
      path: group.path,
      bytes: group.bytes,
      done: Math.min(groups_bytes[index] ?? 0, group.bytes),
      first: fronted[0] === group.path,
    }))
    .sort((a, b) => rank(a) - rank(b) || b.bytes - a.bytes);
}
