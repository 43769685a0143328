// What a snapshot is called: people's own tags first, then the recipe it
// belongs to.

import type { Recipe, SnapshotGroup, SnapshotView } from "../../bindings";

const OURS = "dumont:";

/** The recipe whose workspace a snapshot is, as the engine tells them apart. */
export function recipeOf(snapshot: SnapshotView, recipes: Recipe[]): Recipe | null {
  const tagged = recipes.find(recipe => snapshot.tags.includes(`${OURS}${recipe.name}`));
  if (tagged) return tagged;
  const paths = [...snapshot.paths].sort().join("\n");
  return (
    recipes.find(recipe => recipe.paths?.length && [...recipe.paths].sort().join("\n") === paths) ??
    null
  );
}

/** Tags that people gave. */
export const tagsOf = (snapshot: SnapshotView) =>
  snapshot.tags.filter(tag => !tag.startsWith(OURS));

export interface Day {
  /** Midnight, in the user's zone. */
  at: number;
  groups: SnapshotGroup[];
}

/** Groups by the day of their newest snapshot, the last day first. */
export function daysOf(groups: SnapshotGroup[]): Day[] {
  const days = new Map<number, SnapshotGroup[]>();
  for (const group of groups) {
    const at = new Date(group.newest.time).setHours(0, 0, 0, 0);
    days.set(at, [...(days.get(at) ?? []), group]);
  }
  return [...days].sort(([a], [b]) => b - a).map(([at, groups]) => ({ at, groups }));
}
