// Which entries of a tree are picked: a set of paths, each standing for itself
// and everything below it. Pure; the tree's folders come from whoever has them.

export type Selection = ReadonlySet<string>;

/** The folders above a path, the nearest first. */
function above(path: string): string[] {
  const folders: string[] = [];
  let end = path.lastIndexOf("/");
  while (end > 0) {
    folders.push(path.slice(0, end));
    end = path.lastIndexOf("/", end - 1);
  }
  return folders;
}

export type Mark = "on" | "off" | "mixed";

export function markOf(selection: Selection, path: string): Mark {
  if (selection.has(path) || above(path).some(folder => selection.has(folder))) return "on";
  const below = `${path}/`;
  for (const other of selection) if (other.startsWith(below)) return "mixed";
  return "off";
}

/** Picks an entry or takes it away. `children` knows the folders that are open. */
export function toggle(
  selection: Selection,
  path: string,
  children: (folder: string) => string[],
): Selection {
  const next = new Set(selection);
  const below = `${path}/`;
  const dropBelow = () => {
    for (const other of next) if (other.startsWith(below)) next.delete(other);
  };
  if (markOf(selection, path) !== "on") {
    dropBelow();
    next.add(path);
    return next;
  }
  if (next.delete(path)) return next;
  // A folder above is picked: everything in it stays but this.
  const folders = above(path);
  const holder = folders.findIndex(folder => next.has(folder));
  const chain = [path, ...folders.slice(0, holder + 1)];
  next.delete(folders[holder] ?? "");
  for (const [index, folder] of folders.slice(0, holder + 1).entries()) {
    const spared = chain[index];
    for (const child of children(folder)) if (child !== spared) next.add(child);
  }
  return next;
}
